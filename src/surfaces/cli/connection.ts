/**
 * How a command reaches a runtime: in this process, on the store, or on a server.
 *
 * A server that was named is used. A server of the same store is found automatically, and is used by commands that only
 * read or give orders. Commands that do the work themselves (`run`, `chat`) open the store, and use the server only for
 * a session that it owns.
 */
import { existsSync } from 'node:fs'
import { asMeerkatError } from '../../errors.ts'
import type { Connection, ServerAddress } from './ask.ts'
import { findServer } from './discovery.ts'
import type { Shell } from './shell.ts'
import { parseStore } from './store-spec.ts'

/** For commands that read, or that give an order to the process that does the work. */
export async function connect(shell: Shell): Promise<Connection> {
  return (await connectServer(shell)) ?? connectReader(shell)
}

/** The server that was named or found; undefined: none. */
export async function connectServer(shell: Shell): Promise<Connection | undefined> {
  const { url, token, store } = await shell.settings()
  const found = url ?? (await findServer(parseStore(store)))?.url
  return found === undefined ? undefined : remote({ url: found, token })
}

async function remote(server: ServerAddress): Promise<Connection> {
  const { askServer } = await import('./remote.ts')
  return { ask: askServer(server), server }
}

/** Reading must not create anything: a store that does not exist counts as an empty one. */
async function connectReader(shell: Shell): Promise<Connection> {
  const spec = parseStore((await shell.settings()).store)
  const isAbsent = spec.type === 'sqlite' && !existsSync(spec.path)
  const { openLocal } = await import('./local.ts')
  return openLocal(shell, { spec: isAbsent ? { type: 'memory' } : spec, role: 'reader' })
}

/** For commands that follow a store that may be created later. */
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

/** Operations that only read: a store that does not exist counts as an empty one. */
const READING = /\/(info|health|get|list|history|explain|audit|read|status)$/

/** Operations that an executor answers: without a server, the executor of this command. */
export const OF_EXECUTOR: ReadonlySet<string> = new Set(['tool/list'])

/**
 * Without a server an order is stored for the process that takes the session up next, because a command that ends at
 * once would only interrupt the work. With `waitMs` the caller waits for the work, so this command does it.
 */
export async function connectionFor(shell: Shell, name: string, params: object): Promise<Connection> {
  if (READING.test(name) && !OF_EXECUTOR.has(name)) return connect(shell)
  const waits = 'waitMs' in params && typeof params.waitMs === 'number' && params.waitMs > 0
  const server = await connectServer(shell)
  return server ?? (waits || OF_EXECUTOR.has(name) ? connectWorker(shell) : openStore(shell))
}

/**
 * Acts on a session in this process, or through the server where the server owns it. Answers the result, and the
 * connection to continue with.
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
