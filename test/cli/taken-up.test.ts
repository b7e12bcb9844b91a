/** Work behind an answer that ends whatever process takes it up again: it is given up, and the processes live. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test, vi } from 'vitest'
import { Folder, holding, ROOT, type Running } from './command.ts'

const TOOLS = `
import { stillRunning } from '${pathToFileURL(join(ROOT, 'dist/executor/agent/index.js')).href}'
const never = new Promise(() => {})
const make = (name, resume) => ({
  name, description: name, inputSchema: { type: 'object' }, onLost: 'fail',
  parse: async args => ({ ok: true, args }), needsApproval: () => false, mayNeedApproval: false,
  execute: () => stillRunning({ title: name, handle: 1, finish: never }), resume,
})
const dies = () => process.kill(process.pid, 'SIGKILL')
export const tools = [
  make('calm', () => never),
  make('deadly', () => { dies(); return never }),
  make('slowly', () => { setTimeout(dies, 200); return never }),
]
`
const flags = ['--model', 'demo/agent', '--tools', './tools.mjs']

async function post(url: string, path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return (await response.json()) as Readonly<Record<string, unknown>>
}

async function serving(folder: Folder): Promise<{ readonly server: Running; readonly url: string }> {
  const server = folder.start(['serve', ...flags, '--port', '0'])
  return { server, url: await server.shows(/(http:\/\/\S+)/) }
}

test.each(['deadly', 'slowly'])(
  '%s: twice it ends who takes it up, the third process gives it up and serves',
  {
    timeout: 120_000,
  },
  async name => {
    using folder = new Folder()
    writeFileSync(folder.file('tools.mjs'), TOOLS)
    const first = await serving(folder)
    for (const sessionId of ['calm', name]) {
      await post(first.url, 'session/open', { sessionId, model: 'demo/agent' })
      const sent = await post(first.url, 'input/send', {
        sessionId,
        content: `call ${sessionId} with {}`,
        waitMs: 15_000,
      })
      expect(sent).toMatchObject({ result: { outcome: 'completed' } })
    }
    first.server.kill('SIGKILL')
    await first.server.ended
    // It is taken up as soon as the lease is over.
    for (let round = 1; round <= 2; round++) expect((await folder.run('worker', ...flags)).status).toBe('SIGKILL')
    const { server, url } = await serving(folder)
    const given = {
      status: 'failed',
      reason: 'crashed-process',
      error: holding('2 processes that had taken it up again ended soon afterwards'),
    }
    await vi.waitFor(
      async () => expect(await post(url, 'operation/list', { sessionId: name })).toMatchObject({ operations: [given] }),
      { timeout: 30_000, interval: 100 },
    )
    // What shared the process with it is none the worse.
    expect(await post(url, 'operation/list', { sessionId: 'calm' })).toMatchObject({
      operations: [{ status: 'running' }],
    })
    for (const sessionId of ['calm', name]) expect(await folder.run('audit', sessionId)).toMatchObject({ status: 0 })
    server.kill('SIGINT')
    expect((await server.ended).status).toBe(0)
  },
)
