/** `meerkat rpc`: JSON-RPC on stdin and stdout, one message a line. */
import type { Shell } from '../shell.ts'
import { parseStore } from '../store-spec.ts'

export async function rpc(shell: Shell): Promise<void> {
  const [{ openRuntime }, { serveStdio }] = await Promise.all([import('../local.ts'), import('../../stdio.ts')])
  const runtime = await openRuntime(shell, { spec: parseStore((await shell.settings()).store), role: 'server' })
  await serveStdio(runtime)
}
