/**
 * How a command in a second terminal finds the server that has opened the store: while it runs, `serve` keeps a file
 * `<database>.server.json` next to the database.
 *
 * 1. The file has the server's address and no secret: a command that needs the token says so.
 * 2. A file whose process is gone, or whose address does not answer as meerkat does, is stale, and is ignored.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { StoreSpec } from './store-spec.ts'

export interface ServerFile {
  readonly url: string
  readonly pid: number
  /** ISO 8601. */
  readonly startedAt: string
  readonly needsToken: boolean
}

/** Long enough for a busy server on this machine, and short enough where another program has the port. */
const PROBE_MS = 1_000
/** The statuses that our servers answer to any caller. */
const STATUSES: ReadonlySet<unknown> = new Set(['ok', 'degraded', 'failing'])

/** The file in which a server of this store leaves its address. */
export function serverFile(spec: StoreSpec): string | undefined {
  return spec.type === 'sqlite' ? `${spec.path}.server.json` : undefined
}

/** The running server of a store; undefined: none. */
export async function findServer(spec: StoreSpec): Promise<ServerFile | undefined> {
  const path = serverFile(spec)
  const server = path === undefined ? undefined : read(path)
  return server !== undefined && processExists(server.pid) && (await answers(server.url)) ? server : undefined
}

/**
 * Writes the file. Answers a function that removes it, or the server that has written it already: that server is still
 * the one that is found, and the second one can be reached by its address. So can a server that can't write the file,
 * because the disk is full or the folder belongs to another user.
 */
export async function announce(
  spec: StoreSpec,
  server: Omit<ServerFile, 'pid' | 'startedAt'>,
): Promise<{ readonly other?: ServerFile; readonly problem?: unknown; readonly withdraw: () => void }> {
  const path = serverFile(spec)
  if (path === undefined) return { withdraw: () => {} }
  const other = await findServer(spec)
  if (other !== undefined) return { other, withdraw: () => {} }
  const content: ServerFile = { ...server, pid: process.pid, startedAt: new Date().toISOString() }
  const half = `${path}.${process.pid}`
  try {
    // Renamed into place, so that no reader finds half of it.
    writeFileSync(half, `${JSON.stringify(content)}\n`, { mode: 0o600 })
    renameSync(half, path)
  } catch (problem) {
    rmSync(half, { force: true })
    return { problem, withdraw: () => {} }
  }
  return {
    withdraw: () => {
      if (read(path)?.pid === process.pid) rmSync(path, { force: true })
    },
  }
}

function read(path: string): ServerFile | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isServerFile(value) ? value : undefined
  } catch {
    // Absent, or damaged by a crash: no server can be found by it.
    return undefined
  }
}

function isServerFile(value: unknown): value is ServerFile {
  if (typeof value !== 'object' || value === null) return false
  const { url, pid } = value as Partial<Record<keyof ServerFile, unknown>>
  return typeof url === 'string' && URL.canParse(url) && Number.isInteger(pid)
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Another program may have the process id by now, so the address is asked too. */
async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PROBE_MS) })
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null && 'status' in body && STATUSES.has(body.status)
  } catch {
    return false
  }
}
