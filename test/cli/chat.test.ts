import { describe, expect, test } from 'vitest'
import { Folder, jsonLines } from './command.ts'

const chat = ['chat', '--model', 'demo/agent']

describe('chat on a pipe', () => {
  test('answers each line and ends with its input', async () => {
    using folder = new Folder()
    const ended = await folder.start(chat, { input: 'say hello\n' }).ended
    expect(ended).toEqual({ status: 0, stdout: 'hello\n', stderr: '' })
  })

  test('a line typed while it works is a steer with a receipt', async () => {
    using folder = new Folder()
    const running = folder.start([...chat, '--session', 's'], { keepInputOpen: true })
    const events = folder.start(['events', '--follow', '--json'])
    running.type('take 40 steps\n')
    await events.shows('"tool.started"')
    running.type('stop, please\n')
    await running.shows(/↳ joined the run at boundary \d+/)
    await running.shows('You steered me: stop, please')
    running.endInput()
    expect((await running.ended).status).toBe(0)
    events.kill('SIGTERM')
    const inputs = await folder.run('op', 'input/list', '{"sessionId":"s"}', '--json')
    expect(jsonLines(inputs.stdout)[0]).toMatchObject({
      inputs: [{ mode: 'queue' }, { mode: 'steer', receipt: { type: 'steered' } }],
    })
  })

  test('queues, cancels, and shows what was said', async () => {
    using folder = new Folder()
    const running = folder.start(chat, { keepInputOpen: true })
    running.type('count to 1000 slowly\n')
    await running.shows('1 2')
    running.type('/queue say next in line\n')
    await running.shows('queued: its turn comes')
    running.type('/cancel now\n')
    await running.shows('cancelled')
    await running.shows('next in line')
    running.type('/history\n')
    await running.shows(/user \d+\nsay next in line/)
    running.type('/quit\n')
    // The cancelled turn makes it a script that did not get all its answers.
    expect((await running.ended).status).toBe(1)
  })

  test('asks for a decision where a tool needs one', async () => {
    using folder = new Folder()
    const running = folder.start(chat, { keepInputOpen: true })
    running.type('transfer 5 to bob\n')
    await running.shows('/allow or /deny')
    running.type('/allow\n')
    await running.shows('transfer says')
    running.endInput()
    expect((await running.ended).status).toBe(0)
  })

  test('Ctrl-C while a decision is waited for says that the call is not made', async () => {
    using folder = new Folder()
    const running = folder.start(chat, { keepInputOpen: true })
    running.type('transfer 5 to bob\n')
    await running.shows('/allow or /deny')
    running.kill('SIGINT')
    await running.shows('cancelled the work that waited for a decision: its call is not made')
    running.type('say here we are\n')
    await running.shows('here we are')
    running.endInput()
    await running.ended
  })

  test('says what is wrong with a command and goes on', async () => {
    using folder = new Folder()
    const ended = await folder.start(chat, { input: '/nope\nsay still here\n' }).ended
    expect(ended.stderr).toMatch(/^meerkat: there is no command \/nope: \/help lists them\n$/)
    expect(ended.stdout).toContain('still here')
  })

  test('Ctrl-C cancels the run and not the conversation', async () => {
    using folder = new Folder()
    const running = folder.start(chat, { keepInputOpen: true })
    running.type('count to 1000 slowly\n')
    await running.shows('1 2')
    running.kill('SIGINT')
    await running.shows('cancelling at the next boundary')
    running.kill('SIGINT')
    await running.shows(/cancelled\n/)
    running.type('say here we are\n')
    await running.shows('here we are')
    running.endInput()
    await running.ended
  })
})
