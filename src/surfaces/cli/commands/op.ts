/** `meerkat op`: any operation of the table by its name, so that the command line covers all of them. */
import { connectionFor } from '../connection.ts'
import { usage } from '../failure.ts'
import { columns } from '../output.ts'
import type { Shell } from '../shell.ts'

export async function op(shell: Shell, [name, json]: readonly unknown[]): Promise<void> {
  const { output } = shell
  const { isOperationName, operationNamed, operations } = await import('../../operations.ts')
  const { parseParams } = await import('../../invalid-params.ts')
  if (typeof name !== 'string') {
    const rows = Object.entries(operations).map(([known, { doc }]) => [known, doc])
    if (output.json) for (const [known, doc] of rows) output.object({ name: known, doc })
    else for (const line of columns(rows)) output.line(line)
    return
  }
  const { input } = operationNamed(name)
  if (!isOperationName(name)) return
  // Checked here, so that a wrong parameter opens no store.
  const params = parseParams(input, readParams(json))
  const { ask } = await connectionFor(shell, name, params)
  const answer = await ask(name, params)
  if (output.json) output.object(answer)
  else output.line(JSON.stringify(answer, null, 2))
}

function readParams(json: unknown): unknown {
  if (typeof json !== 'string') return {}
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw usage(`the parameters can't be read as JSON (${cause instanceof Error ? cause.message : String(cause)})`)
  }
}
