/** Waiting for a hint that something is new. */
import type { Tail } from '../driver/tail.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { Store } from '../store/store.ts'
import type { Deadline } from '../time.ts'

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
    if (tail !== undefined) offs.push(tail.onChange(cancel))
    for (const signal of signals) if (signal !== undefined) offs.push(onAbort(signal, cancel))
  })
  return Object.assign(waiting, { cancel })
}
