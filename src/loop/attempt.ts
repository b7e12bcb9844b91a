/** One call of the executor, and what its ending means. */
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

/** Calls the executor. Whatever it throws or answers is an ending; nothing leaves this. */
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
    // Another attempt would find the same file.
    if (isUnreadableFile(error)) return { type: 'failed', source: 'internal', error: unreadable(error) }
    return { type: 'threw', error }
  }
}

const unreadable = ({ message }: MeerkatError) => ({ code: 'file-unreadable', message })

/** What an ending means once the abort's cause is known: a committed answer stands, everything else yields to the cause. */
export function judge(ended: Ending | 'given-up', signal: AbortSignal): Ending {
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

/** Lets timers, other sessions and whatever else waits have their turn. */
export function turnOfEventLoop(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

/** Whether steers reach this executor before the decision that its work waits for. An executor that can't say so doesn't. */
export function hearsWhileParked(executor: CoreExecutor, sessionId: SessionId): boolean {
  try {
    return executor.hearsWhileParked?.(sessionId) === true
  } catch {
    return false
  }
}
