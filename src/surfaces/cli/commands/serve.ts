/** `meerkat serve`: sessions over HTTP until a signal ends it. */
import { announce } from '../discovery.ts'
import type { Shell } from '../shell.ts'
import { parseStore } from '../store-spec.ts'

export async function serveCommand(shell: Shell): Promise<void> {
  const { output } = shell
  const { store, host, port, token } = await shell.settings()
  const spec = parseStore(store)
  const [{ openRuntime }, { serve }] = await Promise.all([import('../local.ts'), import('../../server.ts')])
  const runtime = await openRuntime(shell, { spec, role: 'server' })
  shell.endsBySignal()
  const server = await serve({ runtime, host, port, ...(token !== undefined && { token }) })
  shell.atEnd(() => server.close())
  const { other, withdraw } = await announce(spec, { url: server.url, needsToken: token !== undefined })
  shell.atEnd(withdraw)
  const { version, store: name } = runtime.info()
  if (output.json) output.object({ type: 'listening', url: server.url, pid: process.pid, store: name, version })
  else {
    output.line(`meerkat ${version} serves ${name} on ${server.url}`)
    output.hint('Ctrl-C ends it; what is unfinished goes on at the next start')
  }
  if (other !== undefined) {
    output.warn(
      `meerkat: process ${other.pid} serves this store on ${other.url} already; reach this one by --url ${server.url}`,
    )
  }
  await Promise.withResolvers<never>().promise
}
