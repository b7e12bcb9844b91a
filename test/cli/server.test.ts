import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Folder, holding, jsonLines, matching, type Running } from './command.ts'

const demo = ['--model', 'demo/agent']
const word = '.meerkat/meerkat.db.server.json'

/** A server in the folder, and its address. */
async function serve(
  folder: Folder,
  ...flags: readonly string[]
): Promise<{ readonly server: Running; readonly url: string }> {
  const server = folder.start(['serve', ...demo, '--port', '0', ...flags])
  const url = await server.shows(/(http:\/\/\S+)/)
  return { server, url }
}

describe('a second terminal', () => {
  test('finds the server of the store and steers through it', async () => {
    using folder = new Folder()
    await serve(folder)
    const sent = await folder.run('op', 'session/open', '{"sessionId":"s","model":"demo/agent"}')
    expect(sent).toMatchObject({ status: 0, stderr: '' })
    const events = folder.start(['events', 's', '--follow', '--json'])
    expect(await folder.run('send', 's', 'take 40 steps')).toMatchObject({
      status: 0,
      stdout: matching(/^(staged|queued|applied): input /),
    })
    await events.shows('"tool.started"')
    expect(await folder.run('steer', 's', 'enough, please')).toMatchObject({ status: 0, stderr: '' })
    await events.shows('"input.steered"')
    await events.shows('"run.completed"')
    const history = await folder.run('history', 's')
    expect(history.stdout).toContain('You steered me: enough, please')
  })

  test('cancels through it, and waits for an answer if told', async () => {
    using folder = new Folder()
    await serve(folder)
    await folder.run('op', 'session/open', '{"sessionId":"s","model":"demo/agent"}')
    const events = folder.start(['events', 's', '--follow', '--json'])
    await folder.run('send', 's', 'wait 60 s')
    await events.shows('"tool.started"')
    const cancelled = await folder.run('cancel', 's', '--now', '--json')
    expect(jsonLines(cancelled.stdout)).toMatchObject([{ cancelled: true, runId: matching(/^/) }])
    await events.shows('"run.cancelled"')
    expect(await folder.run('send', 's', '--wait', 'say all well')).toMatchObject({ status: 0, stdout: 'all well\n' })
  })

  test('runs sessions of its own on the same store, and those of the server through it', async () => {
    using folder = new Folder()
    await serve(folder)
    const events = folder.start(['events', '--follow', '--json'])
    await folder.run('op', 'session/open', '{"sessionId":"theirs","model":"demo/agent"}')
    await folder.run('send', 'theirs', 'take 3 steps')
    await events.shows('"tool.started"')
    expect(await folder.run('run', ...demo, '--session', 'ours', 'say mine')).toMatchObject({
      status: 0,
      stdout: 'mine\n',
    })
    expect(await folder.run('run', '--session', 'theirs', 'say through it')).toMatchObject({
      status: 0,
      stdout: holding('through it\n'),
    })
  })

  test('reaches a session that a command holds, though that is no server', async () => {
    using folder = new Folder()
    const running = folder.start(['run', ...demo, '--session', 's', '--json', 'wait 60 s'])
    await running.shows('"tool.started"')
    expect(await folder.run('cancel', 's', '--now')).toMatchObject({ status: 0, stdout: matching(/cancel/) })
    expect((await running.ended).stdout).toContain('"run.cancelled"')
  })

  test('is told to show the token, and gets in with it', async () => {
    using folder = new Folder()
    await serve(folder, '--token', 'sesame-sesame')
    expect(readFileSync(folder.file(word), 'utf8')).not.toContain('sesame')
    expect(await folder.run('sessions')).toMatchObject({ status: 5, stderr: matching(/MEERKAT_TOKEN/) })
    expect(await folder.run('sessions', '--token', 'wrong')).toMatchObject({ status: 5 })
    expect(await folder.start(['sessions'], { env: { MEERKAT_TOKEN: 'sesame-sesame' } }).ended).toMatchObject({
      status: 0,
    })
  })
})

describe('the word a server leaves', () => {
  test('goes when it ends', async () => {
    using folder = new Folder()
    const { server } = await serve(folder)
    expect(existsSync(folder.file(word))).toBe(true)
    server.kill('SIGINT')
    expect((await server.ended).status).toBe(0)
    expect(existsSync(folder.file(word))).toBe(false)
  })

  test('is ignored when it was killed', async () => {
    using folder = new Folder()
    const { server } = await serve(folder)
    await folder.run('op', 'session/open', '{"sessionId":"s","model":"demo/agent"}')
    server.kill('SIGKILL')
    await server.ended
    expect(existsSync(folder.file(word))).toBe(true)
    expect(await folder.run('run', '--session', 's', 'say alive')).toMatchObject({ status: 0, stdout: 'alive\n' })
    expect(await folder.run('sessions', '--json')).toMatchObject({ status: 0 })
  })

  test('is ignored when another program has the port or the process id', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'say hi')
    writeFileSync(
      folder.file(word),
      JSON.stringify({ url: 'http://127.0.0.1:9', pid: process.pid, startedAt: '', needsToken: false }),
    )
    expect(await folder.run('audit', 's')).toMatchObject({ status: 0 })
    writeFileSync(folder.file(word), '{"url":')
    expect(await folder.run('audit', 's')).toMatchObject({ status: 0 })
  })
})

test('rpc answers on stdout, one message a line', async () => {
  using folder = new Folder()
  const rpc = folder.start(['rpc', ...demo], { keepInputOpen: true })
  rpc.type('{"jsonrpc":"2.0","id":1,"method":"runtime/info"}\n')
  await rpc.shows('"id":1')
  rpc.endInput()
  const ended = await rpc.ended
  expect(jsonLines(ended.stdout)).toMatchObject([{ jsonrpc: '2.0', id: 1, result: { name: 'meerkat-ts' } }])
  expect(ended).toMatchObject({ status: 0, stderr: '' })
})
