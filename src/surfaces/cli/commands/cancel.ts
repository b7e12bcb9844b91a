/** `meerkat cancel`: cancels the run of a session, and says which one it was. */
import { defined } from '../../../defined.ts'
import { connect } from '../connection.ts'
import { usage } from '../failure.ts'
import { cancelText } from '../interrupts.ts'
import type { Shell } from '../shell.ts'

export async function cancel(shell: Shell, [session]: readonly unknown[]): Promise<void> {
  const { output } = shell
  const sessionId = String(session)
  if (shell.has('now') && shell.has('boundary'))
    throw usage('--now and --boundary exclude each other: give one of them')
  const runId = shell.flag('run')
  const { ask } = await connect(shell)
  const answer = await ask('run/cancel', {
    sessionId,
    when: shell.has('now') ? 'now' : 'boundary',
    ...defined({ runId }),
    ...(shell.has('dropQueue') && { queue: 'drop' as const }),
  })
  if (output.json) return output.object({ sessionId, ...answer })
  const run = answer.runId === undefined ? 'the run' : `run ${answer.runId}`
  if (answer.cancelled && answer.runId === undefined) output.line(cancelText(answer, 'now'))
  else if (answer.cancelled) output.line(`${run} is being cancelled${shell.has('now') ? '' : ' at its next boundary'}`)
  else output.line(answer.alreadyEnded === true ? `${run} had ended already` : 'no run is under way')
  if (answer.dropped !== undefined && answer.dropped > 0) output.line(`${answer.dropped} queued inputs were dropped`)
}
