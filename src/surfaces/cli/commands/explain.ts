/** `meerkat explain`: what a session waits for, and who can change that. */
import { connect } from '../connection.ts'
import { duration } from '../output.ts'
import type { Shell } from '../shell.ts'

export async function explain(shell: Shell, [session]: readonly unknown[]): Promise<void> {
  const { output } = shell
  const sessionId = String(session)
  const { ask } = await connect(shell)
  const explanation = await ask('session/explain', { sessionId })
  if (output.json) return output.object({ sessionId, ...explanation })
  const { runnable, phase, waitingFor } = explanation
  output.line(`${sessionId} is ${phase}; ${runnable ? 'there is work that can go on now' : 'nothing can go on now'}`)
  for (const { guard, owner, sinceMs, inputId } of waitingFor) {
    const since = sinceMs === undefined ? '' : ` for ${duration(sinceMs)}`
    const input = inputId === undefined ? '' : ` (input ${inputId})`
    output.line(`waits${since} for ${owner}: ${guard}${input}`)
  }
}
