/**
 * `meerkat serve` and `meerkat worker`: serve sessions until a signal ends the process.
 *
 * Several of them on one PostgreSQL store are a fleet: each admits inputs for any session, and each session is owned by
 * one of them. SIGTERM hands sessions over in good order, Ctrl-C interrupts their runs; in both cases the next owner
 * continues.
 */
import { defined } from '../../../defined.ts'
import { messageOf } from '../../../foreign.ts'
import type { Runtime } from '../../../session/runtime.ts'
import { announce } from '../discovery.ts'
import { type ServeLog, serveLog } from '../serve-log.ts'
import { wholeNumber } from '../settings.ts'
import type { Shell } from '../shell.ts'
import { parseStore, type StoreSpec } from '../store-spec.ts'

const DRAIN_MS = 10_000
/** How long closing may take, besides the runs. */
const CLOSE_MS = 5_000

export async function serveCommand(shell: Shell): Promise<void> {
  const { output } = shell
  const { host, port, token, logLevel, allowedHosts, allowedOrigins, options } = await shell.settings()
  const log = serveLog({ level: logLevel, json: output.json })
  const [{ runtime, spec }, { serve }] = await Promise.all([
    openFleetMember(shell, shell.flags['worker'] === false ? 'reader' : 'server', log),
    import('../../server.ts'),
  ])
  const server = await serve({
    ...options.server,
    runtime,
    host,
    port,
    log: log.faults,
    ...defined({ token, allowedHosts, allowedOrigins }),
  })
  shell.atEnd(() => server.close())
  const { other, problem, withdraw } = await announce(spec, {
    url: server.url,
    needsToken: token !== undefined || options.server.authorize !== undefined,
  })
  shell.atEnd(withdraw)
  const { version, store: name } = runtime.info()
  if (output.json) output.object({ type: 'listening', url: server.url, pid: process.pid, store: name, version })
  else {
    output.line(`meerkat ${version} serves ${name} on ${server.url}`)
    output.hint('Ctrl-C ends it; what is unfinished goes on at the next start')
  }
  if (problem !== undefined) {
    output.warn(
      `meerkat: commands in other terminals won't find this server by themselves, say --url ${server.url}: ${messageOf(problem)}`,
    )
  }
  if (other !== undefined) {
    output.warn(
      `meerkat: process ${other.pid} serves this store on ${other.url} already; reach this one by --url ${server.url}`,
    )
  }
  await Promise.withResolvers<never>().promise
}

export async function workerCommand(shell: Shell): Promise<void> {
  const { output } = shell
  const log = serveLog({ level: (await shell.settings()).logLevel, json: output.json })
  const { runtime } = await openFleetMember(shell, 'server', log)
  const { version, store: name } = runtime.info()
  if (output.json) output.object({ type: 'working', pid: process.pid, store: name, version })
  else output.line(`meerkat ${version} works on ${name}`)
  // A worker listens on no socket, so only this timer keeps the process alive.
  const alive = setInterval(() => {}, 2 ** 30)
  shell.atEnd(() => clearInterval(alive))
  await Promise.withResolvers<never>().promise
}

async function openFleetMember(
  shell: Shell,
  role: 'reader' | 'server',
  { observer }: ServeLog,
): Promise<{ readonly runtime: Runtime; readonly spec: StoreSpec }> {
  const spec = parseStore((await shell.settings()).store)
  const given = shell.flag('drainMs')
  const drainMs = given === undefined ? DRAIN_MS : wholeNumber(given, '--drain-ms', { from: 0, to: 3_600_000 })
  shell.endsBySignal(drainMs + CLOSE_MS)
  const { openRuntime } = await import('../local.ts')
  return { runtime: await openRuntime(shell, { spec, role, drainMs, observer }), spec }
}
