/**
 * How a command reaches the runtime: in this process on the store, or behind a server.
 *
 * A server that was named is used. One that serves the same store is found by itself and used by commands that only
 * look or give orders; commands that do the work themselves (`run`, `chat`) open the store, and turn to the server only
 * for a session that it holds.
 */
import { existsSync } from 'node:fs'
import { asMeerkatError } from '../../errors.ts'
import type { Connection, ServerAddress } from './ask.ts'
import { findServer } from './discovery.ts'
import type { Shell } from './shell.ts'
import { parseStore } from './store-spec.ts'

/** For commands that read, or that give orders to whoever does the work. */
export async function connect(shell: Shell): Promise<Connection> {
  return (await connectServer(shell)) ?? connectReader(shell)
}

/** The server that was named or found. */
export async function connectServer(shell: Shell): Promise<Connection | undefined> {
  const { url, token, store } = await shell.settings()
  const found = url ?? (await findServer(parseStore(store)))?.url
  return found === undefined ? undefined : remote({ url: found, token })
}

async function remote(server: ServerAddress): Promise<Connection> {
  const { askServer } = await import('./remote.ts')
  return { ask: askServer(server), server }
}

/** Looking must not leave anything behind: a store that does not exist yet is an empty one. */
async function connectReader(shell: Shell): Promise<Connection> {
  const spec = parseStore((await shell.settings()).store)
  const isAbsent = spec.type === 'sqlite' && !existsSync(spec.path)
  const { openLocal } = await import('./local.ts')
  return openLocal(shell, { spec: isAbsent ? { type: 'memory' } : spec, role: 'reader' })
}

/** For commands that watch a store that may be written any time. */
export async function openStore(shell: Shell): Promise<Connection> {
  const { openLocal } = await import('./local.ts')
  return openLocal(shell, { spec: parseStore((await shell.settings()).store), role: 'reader' })
}

/** For commands that do the work themselves, unless a server was named. */
export async function connectWorker(shell: Shell): Promise<Connection> {
  const { url, token, store } = await shell.settings()
  if (url !== undefined) return remote({ url, token })
  const { openLocal } = await import('./local.ts')
  return openLocal(shell, { spec: parseStore(store), role: 'worker' })
}

/** Operations that only look: a store that does not exist is an empty one to them. */
const READING = /\/(info|health|get|list|history|explain|audit|read|status)$/

/** Operations that an executor answers: without a server, the one of this command. */
export const OF_EXECUTOR: ReadonlySet<string> = new Set(['tool/list'])

/**
 * Without a server an order is written down for whoever takes the session up next: a command that ends at once would only
 * interrupt the work. Whoever waits for the work has it done here.
 */
export async function connectionFor(shell: Shell, name: string, params: object): Promise<Connection> {
  if (READING.test(name) && !OF_EXECUTOR.has(name)) return connect(shell)
  const waits = 'waitMs' in params && typeof params.waitMs === 'number' && params.waitMs > 0
  const server = await connectServer(shell)
  return server ?? (waits || OF_EXECUTOR.has(name) ? connectWorker(shell) : openStore(shell))
}

/**
 * Does something with a session here, or through the server where that one holds the session. Answers what came of it,
 * and the connection to go on with.
 */
export async function withOwner<T>(
  shell: Shell,
  connection: Connection,
  act: (connection: Connection) => Promise<T>,
): Promise<{ readonly value: T; readonly connection: Connection }> {
  try {
    return { value: await act(connection), connection }
  } catch (error) {
    if (asMeerkatError(error).code !== 'not-owner' || connection.server !== undefined) throw error
    const other = await connectServer(shell)
    if (other === undefined) throw error
    return { value: await act(other), connection: other }
  }
}
