/** Looks inputs up, and waits for their ends. */
import type { InputId, SessionId } from '../kernel/ids.ts'
import { entryOf } from '../kernel/regions/ledger/state.ts'
import { Deadline } from '../time.ts'
import { closing, unlessClosing } from './claims.ts'
import type { Core } from './core.ts'
import { HintListener } from './hints.ts'
import { inputView } from './input-reader.ts'
import { isOpen } from './input-status.ts'
import { inputNotFound } from './inputs.ts'
import type { Ended, LiveSession } from './live-session.ts'
import { summaryOf } from './reads.ts'
import type { InputStatus, InputView, RunResult } from './views.ts'

/** How an input ended, or its present status. */
export interface Watched {
  readonly status: InputStatus
  readonly reason?: string
  readonly result?: RunResult
}

/** How often a waiter reads the input although no hint has come. */
const LOOK_EVERY_MS = 600_000

/** The id of an input, given the id or the key it was sent with. */
export async function inputOf(
  core: Core,
  sessionId: string,
  { inputId, idempotencyKey: key = '' }: { readonly inputId?: string; readonly idempotencyKey?: string },
): Promise<InputView> {
  const session = await summaryOf(core.store, sessionId)
  const id = inputId ?? (await core.store.key(session.id, key))?.inputId
  if (id === undefined) throw inputNotFound(sessionId, key)
  return inputView(core.store, session.id, id, () => core.state(sessionId))
}

/**
 * How the input ended, or its status when the time (ms, may be Infinity) is up or the signal aborts. Where the
 * session was let go because the store refused for too long, the wait fails, except for a waiter whose host takes the
 * session up again.
 */
export async function endOf(
  core: Core,
  sessionId: string,
  inputId: string,
  waitMs: number,
  { signal, outlasts }: { readonly signal?: AbortSignal | undefined; readonly outlasts?: boolean } = {},
): Promise<Watched> {
  const { store, clock, sessions } = core
  const leaving = core.closing.signal
  const deadline = Deadline.in(clock, waitMs)
  const until = signal === undefined ? leaving : AbortSignal.any([signal, leaving])
  let hints: HintListener | undefined
  try {
    for (;;) {
      if (leaving.aborted) throw closing()
      const live = sessions.peek(sessionId as SessionId)
      const here = live && (await endedHere(live, inputId as InputId, deadline, until))
      if (here !== undefined) return here
      // Before it reads, so that a commit in between is not missed.
      hints ??= new HintListener(store, sessionId as SessionId, until)
      hints.look()
      const seen = await unlessClosing(core, inputOf(core, sessionId, { inputId }))
      if (!isOpen(seen.status)) return ended(seen)
      if (deadline.passed || signal?.aborted === true) return { status: seen.status }
      if (outlasts !== true) demandNotRefused(core, sessionId as SessionId)
      if (live === undefined) sessions.want(sessionId as SessionId)
      await hints.wait(deadline.within(LOOK_EVERY_MS))
    }
  } finally {
    hints?.close()
  }
}

function ended({ status, reason, result }: InputView): Watched {
  return { status, ...(reason && { reason }), ...(result && { result }) }
}

/** How the input ends, where this process owns the session and the input is unfinished. */
async function endedHere(live: LiveSession, inputId: InputId, deadline: Deadline, until: AbortSignal) {
  return entryOf(live.state.ledger, inputId) === undefined ? undefined : endedWithin(live, inputId, deadline, until)
}

/** Resolves when the input ends, or with undefined when the time is up. */
function endedWithin(
  live: LiveSession,
  id: InputId,
  deadline: Deadline,
  signal: AbortSignal | undefined,
): Promise<Ended | undefined> {
  return new Promise(resolve => {
    const finish = (ended: Ended | undefined): void => {
      offTimer()
      offWaiter()
      signal?.removeEventListener('abort', giveUp)
      resolve(ended)
    }
    const giveUp = (): void => finish(undefined)
    const offTimer = deadline.onPassed(giveUp)
    const offWaiter = live.onEnded(id, finish)
    signal?.addEventListener('abort', giveUp, { once: true })
    if (signal?.aborted === true) giveUp()
  })
}

/** A session that was let go, perhaps during this wait, has no writer: no hint would ever come. */
function demandNotRefused({ sessions }: Core, sessionId: SessionId): void {
  const refusal = sessions.refusals.of(sessionId)
  if (refusal !== undefined) throw refusal
}
