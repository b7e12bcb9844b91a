/** `meerkat op`: any operation of the table by its name, so that the command line covers all of it. */
import type { Connection } from '../ask.ts'
import { connect, connectServer, connectWorker, openStore } from '../connection.ts'
import { usage } from '../failure.ts'
import { columns } from '../output.ts'
import type { Shell } from '../shell.ts'

/** Operations that only look: a store that does not exist is an empty one to them. */
const READING = /\/(info|health|get|list|history|explain|audit|read|status)$/

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

/**
 * Without a server an order is written down for whoever takes the session up next: a command that ends at once would only
 * interrupt the work. Whoever waits for the work has it done here.
 */
async function connectionFor(shell: Shell, name: string, params: object): Promise<Connection> {
  if (READING.test(name) && name !== 'tool/list') return connect(shell)
  const waits = 'waitMs' in params && typeof params.waitMs === 'number' && params.waitMs > 0
  const server = await connectServer(shell)
  return server ?? (waits || name === 'tool/list' ? connectWorker(shell) : openStore(shell))
}

function readParams(json: unknown): unknown {
  if (typeof json !== 'string') return {}
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw usage(`the parameters can't be read as JSON (${cause instanceof Error ? cause.message : String(cause)})`)
  }
}
