/** A tool that leaves errors behind ends its own call, and neither the process nor anybody else's session. */
import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Folder, holding, type Running } from './command.ts'

/** Tools as a plain module has them: nothing of the package is needed. */
const TOOLS = `
const make = (name, execute, onLost = 'fail') => ({
  name, description: name, inputSchema: { type: 'object' }, onLost,
  parse: async args => ({ ok: true, args }), needsApproval: () => false, mayNeedApproval: false, execute,
})
const never = () => new Promise(() => {})
const later = act => { setTimeout(act, 20); return never() }
export const tools = [
  make('timer', () => later(() => { throw new Error('from a timer') })),
  make('text', () => later(() => { throw 'a text from a timer' })),
  make('nothing', () => later(() => { throw undefined })),
  make('bare', () => later(() => { throw Object.create(null) })),
  make('tick', () => { process.nextTick(() => { throw new Error('from a tick') }); return never() }),
  make('rejection', () => { Promise.reject(new Error('left alone')); return never() }),
  make('unreadable', () => later(() => { throw Object.assign(new Error('x'), { get message() { throw 1 } }) })),
  make('after', () => { setTimeout(() => { throw new Error('long after') }, 100); return 'answered' }),
  make('killing', () => process.kill(process.pid, 'SIGKILL'), 'retry'),
  make('leaving', () => process.exit(3), 'retry'),
  make('many', () => { for (let n = 0; n < 50; n++) setTimeout(() => Promise.reject(n), 5); return later(() => {}) }),
]
setInterval(() => { if (globalThis.poll !== undefined) return; globalThis.poll = 1; throw new Error('of the module') }, 50).unref()
`

const flags = ['--model', 'demo/agent', '--tools', './tools.mjs']

function folderWithTools(): Folder {
  const folder = new Folder()
  writeFileSync(folder.file('tools.mjs'), TOOLS)
  return folder
}

async function post(url: string, path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`${url}/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return (await response.json()) as Readonly<Record<string, unknown>>
}

async function serving(folder: Folder): Promise<{ readonly server: Running; readonly url: string }> {
  const server = folder.start(['serve', ...flags, '--port', '0'])
  return { server, url: await server.shows(/(http:\/\/\S+)/) }
}

describe('a server whose tools leave errors behind', () => {
  test('goes on: each call ends typed, once, and others are not disturbed', async () => {
    using folder = folderWithTools()
    const { server, url } = await serving(folder)
    await post(url, 'session/open', { sessionId: 'bystander', model: 'demo/agent' })
    for (const name of ['timer', 'text', 'nothing', 'bare', 'tick', 'rejection', 'unreadable', 'after', 'many']) {
      await post(url, 'session/open', { sessionId: name, model: 'demo/agent' })
      const content = `call ${name} with {}`
      const sent = await post(url, 'input/send', { sessionId: name, content, waitMs: 15_000 })
      expect({ name, ...sent }).toMatchObject({ name, status: 'consumed', result: { outcome: 'completed' } })
      const { events } = await post(url, 'events/read', { sessionId: name, limit: 200 })
      const ends = (events as readonly { readonly type: string; readonly code?: string }[]).filter(({ type }) =>
        ['tool.completed', 'tool.failed', 'tool.unknown'].includes(type),
      )
      const end = name === 'after' ? { type: 'tool.completed' } : { type: 'tool.failed', code: 'stray-error' }
      expect({ name, ends }).toMatchObject({ name, ends: [end] })
    }
    await server.warns(/tool after \(session after, call \S+\) left an error behind: long after/)
    await server.warns('foreign code left an error behind: of the module')
    const still = await post(url, 'input/send', { sessionId: 'bystander', content: 'say well', waitMs: 15_000 })
    expect(still).toMatchObject({ result: { text: holding('well') } })
    server.kill('SIGINT')
    expect((await server.ended).status).toBe(0)
  })
})

describe('a command that runs a session itself', () => {
  test.each(['timer', 'rejection'])('goes on and answers when a tool leaves a %s behind', async name => {
    using folder = folderWithTools()
    const ended = await folder.run('run', ...flags, '--session', 's', `call ${name} with {}`)
    expect(ended).toMatchObject({ status: 0, stdout: holding('failed'), stderr: holding('its call has failed') })
    expect(await folder.run('audit', 's')).toMatchObject({ status: 0 })
  })
})

describe('a tool that ends its process', () => {
  test.each([
    ['killing', 'SIGKILL'],
    ['leaving', 3],
  ] as const)('by %s it is called twice and not again: the third process tells the model', async (name, status) => {
    using folder = folderWithTools()
    const first = await serving(folder)
    await post(first.url, 'session/open', { sessionId: 's', model: 'demo/agent' })
    await post(first.url, 'input/send', { sessionId: 's', content: `call ${name} with {}` }).catch(() => {})
    expect((await first.server.ended).status).toBe(status)
    // It is taken up as soon as the store's lease is over, perhaps before the second one could say that it listens.
    expect((await folder.run('worker', ...flags)).status).toBe(status)
    const { url } = await serving(folder)
    const { inputs } = await post(url, 'input/list', { sessionId: 's' })
    const [{ id: inputId }] = inputs as readonly [{ readonly id: string }]
    const ended = await post(url, 'input/wait', { sessionId: 's', inputId, waitMs: 15_000 })
    expect(ended).toMatchObject({ result: { outcome: 'completed', text: holding('The process ended 2 times') } })
    const { events } = await post(url, 'events/read', { sessionId: 's', limit: 500 })
    const calls = (events as readonly { readonly type: string }[]).filter(({ type }) => type.startsWith('tool.'))
    expect(calls.filter(({ type }) => type === 'tool.started')).toHaveLength(2)
    expect(calls.at(-1)).toMatchObject({ type: 'tool.failed', name, code: 'crashed-process' })
    expect(await folder.run('audit', 's')).toMatchObject({ status: 0 })
  })
})
