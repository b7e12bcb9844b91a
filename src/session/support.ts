/** Small helpers of the runtime: pages, comparing options, waiting for a hint. */
import type { Tail } from '../driver/tail.ts'
import type { InputId, SessionId } from '../kernel/ids.ts'
import type { SessionOptions } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import type { Deadline } from '../time.ts'
import type { Ended, LiveSession } from './live-session.ts'
import type { InputStatus, Page } from './views.ts'

/** The first `limit` items, and where to go on if there were more. */
export function pageOf<T>(items: readonly T[], limit: number, cursor: (item: T) => string): Page<T> {
  const page = items.slice(0, limit)
  const last = page.at(-1)
  return items.length > limit && last !== undefined ? { items: page, next: cursor(last) } : { items: page }
}

/** Whether two sets of options say the same, whatever the order of their keys. */
export function sameOptions(one: SessionOptions, other: SessionOptions): boolean {
  return sorted(one) === sorted(other)
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** Where news of a session (or any) comes from, and how long it is waited for. */
export interface News {
  readonly store: Store
  readonly sessionId: SessionId | undefined
  /** What the session streams here. */
  readonly tail?: Tail | undefined
  readonly deadline: Deadline
}

/** Who waits for a signal. */
const waiters = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back when the signal aborts; answers how to call that off. A signal that many wait for looks through its listeners
 * whenever one of them leaves, and readers of a stream wait anew for every token: so there is one listener a signal.
 */
function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const known = waiters.get(signal)
  const waiting = known ?? new Set<() => void>()
  if (known === undefined) {
    waiters.set(signal, waiting)
    const tell = (): void => {
      for (const one of waiting) one()
    }
    signal.addEventListener('abort', tell, { once: true })
  }
  waiting.add(callback)
  return () => waiting.delete(callback)
}

/** Waits for a commit, for what is streamed, the deadline or a signal. A hint only: the caller looks again. */
export function waitForNews(
  { store, sessionId, tail, deadline }: News,
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<void> & { readonly cancel: () => void } {
  let cancel = (): void => {}
  const waiting = new Promise<void>(resolve => {
    const offs: (() => void)[] = []
    cancel = () => {
      for (const off of offs) off()
      resolve()
    }
    offs.push(
      store.onCommit(hint => {
        if (sessionId === undefined || hint.sessionId === undefined || hint.sessionId === sessionId) cancel()
      }),
      deadline.onPassed(cancel),
    )
    if (tail !== undefined) offs.push(tail.onSaid(cancel))
    for (const signal of signals) if (signal !== undefined) offs.push(onAbort(signal, cancel))
  })
  return Object.assign(waiting, { cancel })
}

/** `key=value` or `key`, as a label is asked for. */
export function labelOf(text: string): readonly [key: string, value: string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

/** Whether an input of this status has not ended. */
export function isOpen(status: InputStatus): boolean {
  return status === 'queued' || status === 'staged' || status === 'applied'
}

/** Resolves when the input ends, or with nothing when the time is up. */
export function endedWithin(
  live: LiveSession,
  id: InputId,
  deadline: Deadline,
  signal: AbortSignal | undefined,
): Promise<Ended | undefined> {
  return new Promise(resolve => {
    const settle = (ended: Ended | undefined): void => {
      offTimer()
      offWaiter()
      signal?.removeEventListener('abort', giveUp)
      resolve(ended)
    }
    const giveUp = (): void => settle(undefined)
    const offTimer = deadline.onPassed(giveUp)
    const offWaiter = live.onEnded(id, settle)
    signal?.addEventListener('abort', giveUp, { once: true })
    if (signal?.aborted === true) giveUp()
  })
}
