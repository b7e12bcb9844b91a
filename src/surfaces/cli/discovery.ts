/**
 * How a command in a second terminal finds the server that holds the store: `serve` leaves `<database>.server.json` next
 * to the database while it runs.
 *
 * 1. The file says where the server is and never holds a secret: who needs the token is told so.
 * 2. A file whose process is gone or whose address does not answer as meerkat is stale: it is ignored, not obeyed.
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

/** Long enough for a busy server on this machine, short enough to be no burden where something else has the port. */
const PROBE_MS = 1_000
/** What a server of ours says of its health to anyone. */
const STATUSES: ReadonlySet<unknown> = new Set(['ok', 'degraded', 'failing'])

/** Where a server of this store leaves word of itself. */
export function serverFile(spec: StoreSpec): string | undefined {
  return spec.type === 'sqlite' ? `${spec.path}.server.json` : undefined
}

/** The live server of a store, if one runs. */
export async function findServer(spec: StoreSpec): Promise<ServerFile | undefined> {
  const path = serverFile(spec)
  const server = path === undefined ? undefined : read(path)
  return server !== undefined && processExists(server.pid) && (await answers(server.url)) ? server : undefined
}

/**
 * Tells others where this server is. Answers what takes the word back, or the server that is there already: the first
 * one keeps being found, and the second is still reachable by its address. So is one that can't leave word, on a full
 * disk or in a folder of somebody else.
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
    // Renamed into place, so that nobody reads half of it.
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
    // Absent, or torn by a crash: either way there is no server to be found by it.
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
    // EPERM: it exists and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** The process id may have been given to another program since, so the address is asked too. */
async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PROBE_MS) })
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null && 'status' in body && STATUSES.has(body.status)
  } catch {
    return false
  }
}
