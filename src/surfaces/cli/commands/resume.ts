/** `meerkat resume`: revives a stopped session, and says which work goes on. */
import { shellWord } from '../../../session/words.ts'
import { connect } from '../connection.ts'
import type { Shell } from '../shell.ts'

export async function resume(shell: Shell, [session]: readonly unknown[]): Promise<void> {
  const { output } = shell
  const sessionId = String(session)
  const { ask, server } = await connect(shell)
  const report = await ask('session/resume', { sessionId })
  if (output.json) return output.object(report)
  const { unfinished } = (await ask('session/get', { sessionId })).session
  const waiting =
    unfinished === 0 ? 'nothing waits' : `${unfinished} ${unfinished === 1 ? 'input goes' : 'inputs go'} on`
  output.line(`session ${sessionId} is ${report.phase}: ${waiting}`)
  if (unfinished > 0 && server === undefined) output.hint(`meerkat run --session ${shellWord(sessionId)}`)
}
