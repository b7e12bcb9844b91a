/** One call of the executor, and how its ending is understood. */
import { defined } from '../defined.ts'
import type { MeerkatError } from '../errors.ts'
import type { AbortCause, ApplyOutput, CoreExecutor } from '../executor/executor.ts'
import type { Faults } from '../faults.ts'
import { errorOf } from '../foreign.ts'
import type { SessionId } from '../kernel/ids.ts'
import { isUnreadableFile } from '../store/blobs.ts'
import { UNMEASURED } from '../usage.ts'
import { checkedAnswer } from './answers.ts'
import type { Ending } from './closing.ts'
import type { LoopPort } from './port.ts'

/** Calls the executor and turns whatever it answers or throws into an ending. Never rejects. */
export async function attempt(
  executor: CoreExecutor,
  port: LoopPort,
  load: () => Promise<void>,
  faults: Faults | undefined,
): Promise<Ending> {
  try {
    await load()
    if (faults !== undefined) await faults('loop.dispatch')
    port.begin()
    const output: unknown = await executor.apply(port)
    if (faults !== undefined) await faults('loop.returned')
    return checkedAnswer(output)
  } catch (thrown) {
    const error = errorOf(thrown)
    // A further attempt would meet the same unreadable file, so the work fails at once.
    if (isUnreadableFile(error)) return { type: 'failed', source: 'internal', error: unreadable(error) }
    return { type: 'threw', error }
  }
}

const unreadable = ({ message }: MeerkatError) => ({ code: 'file-unreadable', message })

/** The ending of an aborted run: a completed answer stands, any other ending is replaced by one for the abort's cause. */
export function endingUnderAbort(ended: Ending | 'given-up', signal: AbortSignal): Ending {
  const ending: Ending = ended === 'given-up' ? { type: 'interrupted' } : ended
  if (!signal.aborted || ending.type === 'completed') return ending
  const cause = signal.reason as AbortCause
  if (cause === 'closing') return { type: 'interrupted' }
  const isUnreported = ending.type === 'threw' || ending.type === 'interrupted'
  const {
    message,
    usage = isUnreported ? UNMEASURED : undefined,
    turn,
  } = ending as Partial<Extract<ApplyOutput, { type: 'cancelled' }>>
  const kept = defined({ message, usage, turn })
  return cause === 'deadline' ? { ...timedOut, ...kept } : { type: 'cancelled', ...kept }
}

const timedOut = {
  type: 'failed',
  source: 'time-budget-exceeded',
  error: { code: 'deadline-exceeded', message: 'the run took longer than it may; raise maxRunMs or ask for less' },
} as const satisfies ApplyOutput

/** Gives timers and other sessions a turn of the event loop. */
export function turnOfEventLoop(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

/** Whether the executor takes steers while its work is parked. False where it does not say, or throws. */
export function hearsWhileParked(executor: CoreExecutor, sessionId: SessionId): boolean {
  try {
    return executor.hearsWhileParked?.(sessionId) === true
  } catch {
    return false
  }
}
