import type { MeerkatInput } from '../../kernel/inputs.ts'
import { bindingSeen } from '../../kernel/regions/binding/table.ts'
import { openObligations } from '../../kernel/regions/registration/table.ts'
import { type Clock, Deadline } from '../../time.ts'
import { stepInOrder } from '../change.ts'
import type { LiveSession } from '../live-session.ts'
import type { Registration } from './registration.ts'
import type { Serving } from './serving.ts'

/** How long each part of a teardown may take before it is forced, ms. */
const LIMITS = { graceMs: 5_000, loopMs: 5_000, drainMs: 2_000 } as const

/** How a host ends a registration. */
export interface LeaveOptions {
  /** How long the current run may take to end well before it is cut off. Default 5 s. */
  readonly graceMs?: number
}

/**
 * Tears a registration down, or continues a teardown that was interrupted; resolves when the session is not
 * registered any more. Throws a `DslTransitionError` where it may not begin.
 */
export async function leave(
  serving: Serving,
  registration: Registration,
  clock: Clock,
  { graceMs = LIMITS.graceMs }: LeaveOptions = {},
): Promise<void> {
  const { sessionId, live } = registration
  // A step whose answer was lost may have been committed, the last one too: an empty commit finds out.
  await live.driver.mutate(() => {}, { lazy: true })
  const isDraining = live.state.registration.phase === 'draining'
  // `closed` is set right before the last step, so a session that does not drain any more has taken it.
  if (live.state.lifecycle.phase === 'destroyed' || (registration.closed && !isDraining)) {
    return settleDown(registration, clock)
  }
  if (!isDraining) {
    await apply(live, { type: 'BeginUnregisterSession', sessionId, binding: bindingSeen(live.state.binding) })
  }
  const open = openObligations(live.state)
  const stopped = await stopLoop(live, clock, graceMs)
  if (open.includes('loop')) {
    await apply(live, { type: 'RuntimeLoopStoppedForUnregister', sessionId, forcedAbort: !stopped })
  }
  const drained = await stopDrain(registration, clock)
  if (open.includes('comms')) {
    await apply(live, { type: 'CommsDrainExitedForUnregister', sessionId, forcedAbort: !drained })
  }
  if (open.includes('waiters')) await apply(live, { type: 'CompletionWaitersResolvedForUnregister', sessionId })
  // Set with the end of the registration: a late task of the old one can't write into the next.
  registration.closed = true
  registration.attachment?.close()
  serving.detach(registration, 'left')
  await live.driver.mutate(
    tx => {
      const last: MeerkatInput = { type: 'UnregisterSession', sessionId, binding: bindingSeen(tx.state.binding) }
      stepInOrder(tx, last)
      // What follows in the same commit belongs to the next registration.
      return tx.state
    },
    { published: state => registration.attachment?.endIn(state) },
  )
}

/** A destroyed or unregistered session has nothing left to tear down but the tasks that still work for it. */
async function settleDown(registration: Registration, clock: Clock): Promise<void> {
  registration.attachment?.abort()
  await registration.live.loop.rest(Deadline.in(clock, LIMITS.loopMs))
  await stopDrain(registration, clock)
}

async function stopDrain({ attachment }: Registration, clock: Clock): Promise<boolean> {
  attachment?.abort()
  return (await attachment?.rest(clock, LIMITS.drainMs)) ?? true
}

/**
 * Asks the current run to end at its boundary; its answer counts. A run that does not end in time is cut off, and
 * what it comes to by then still counts. Answers whether it ended by itself.
 */
async function stopLoop(live: LiveSession, clock: Clock, graceMs: number): Promise<boolean> {
  if (isQuiet(live)) return true
  await live.driver.mutate(tx => tx.try({ type: 'CancelAfterBoundary', keepsAnswer: true }).ok)
  await live.loop.rest(Deadline.in(clock, graceMs))
  if (isQuiet(live)) return true
  live.loop.cutOff()
  await live.loop.rest(Deadline.in(clock, LIMITS.loopMs))
  return false
}

function isQuiet({ loop }: LiveSession): boolean {
  return loop.performing === undefined
}

/** Throws `KernelRejection` (not `DslTransitionError`): only the runtime takes these steps, no handle may. */
async function apply(live: LiveSession, input: MeerkatInput): Promise<void> {
  await live.driver.mutate(tx => tx.step(input))
}
