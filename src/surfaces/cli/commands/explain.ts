/** `meerkat explain`: what a session does or waits for, and which commands change that. */

import type { OperationResult } from '../../operations.ts'
import { connect } from '../connection.ts'
import type { Shell } from '../shell.ts'

export async function explain(shell: Shell, [session]: readonly unknown[]): Promise<void> {
  const { output } = shell
  const sessionId = String(session)
  const { ask } = await connect(shell)
  const explanation = await ask('session/explain', { sessionId })
  if (output.json) return output.object({ sessionId, ...explanation })
  for (const line of explanationLines(sessionId, explanation)) output.line(line)
}

/** The lines for people. */
export function explanationLines(
  sessionId: string,
  { summary, waitingFor }: OperationResult<'session/explain'>,
): readonly string[] {
  const waits = waitingFor.flatMap(({ text, command }) => [
    `  waits for ${text}`,
    ...(command === undefined ? [] : [`    → ${command}`]),
  ])
  return [`${sessionId} ${summary}`, ...waits]
}
