import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Folder, holding, jsonLines, matching } from './command.ts'

const demo = ['--model', 'demo/agent']

describe('run', () => {
  test('prints the answer and nothing else', async () => {
    using folder = new Folder()
    const ended = await folder.run('run', ...demo, 'say hello there')
    expect(ended).toEqual({ status: 0, stdout: 'hello there\n', stderr: '' })
  })

  test('streams into a pipe: the first words come before the last', async () => {
    using folder = new Folder()
    const running = folder.start(['run', ...demo, 'count to 1000'])
    await running.shows('1 2 3')
    running.kill('SIGKILL')
    expect((await running.ended).stdout).not.toContain('1000')
  })

  test('with --json prints events, then the result, one object a line', async () => {
    using folder = new Folder()
    const ended = await folder.run('run', ...demo, '--json', 'add 2 and 3')
    const lines = jsonLines(ended.stdout)
    const events = lines.slice(0, -1)
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['input.accepted', 'run.started', 'tool.completed', 'text.completed', 'input.consumed']),
    )
    for (const event of events)
      expect(event).toMatchObject({ cursor: matching(/^/), sessionId: matching(/^/), at: matching(/^/) })
    expect(lines.at(-1)).toMatchObject({
      type: 'result',
      status: 'consumed',
      outcome: 'completed',
      text: holding('5'),
    })
    expect(ended).toMatchObject({ status: 0, stderr: '' })
  })

  test('with --json a failed run is a result on stdout and the error on stderr', async () => {
    using folder = new Folder()
    const ended = await folder.run('run', ...demo, '--json', 'fail')
    expect(jsonLines(ended.stdout).at(-1)).toMatchObject({
      type: 'result',
      outcome: 'failed',
      error: { code: matching(/^/) },
    })
    expect(jsonLines(ended.stderr)).toMatchObject([{ code: matching(/^/), message: holding('fail'), retryable: false }])
    expect(ended.status).toBe(1)
  })

  test('with a schema prints the structured answer', async () => {
    using folder = new Folder()
    writeFileSync(
      folder.file('schema.json'),
      JSON.stringify({ type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] }),
    )
    const ended = await folder.run('run', ...demo, '--output-schema', 'schema.json', 'say a number')
    expect(JSON.parse(ended.stdout)).toEqual({ n: 42 })
  })

  test('goes on with a session by its name', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 'notes', 'say the word is plum')
    const ended = await folder.run('run', '--session', 'notes', 'what did I say first?')
    expect(ended.stdout).toContain('the word is plum')
  })

  test('answers an input that was sent before under the same key only once', async () => {
    using folder = new Folder()
    const send = ['run', ...demo, '--session', 's', '--idempotency-key', 'k', 'say once']
    await folder.run(...send)
    const again = await folder.run(...send)
    expect(again).toMatchObject({ status: 0, stdout: 'once\n' })
    const history = await folder.run('history', 's', '--json')
    expect(jsonLines(history.stdout)).toHaveLength(2)
  })

  test('a call that needs approval ends the command and says how to decide', async () => {
    using folder = new Folder()
    const ended = await folder.run('run', ...demo, '--session', 's', 'transfer 5 to bob')
    expect(ended.status).toBe(4)
    expect(ended.stderr).toMatch(/^meerkat: transfer waits for approval: .*meerkat approve s \S+/)
    const listed = await folder.run('calls', 's', '--json')
    expect(jsonLines(listed.stdout)).toMatchObject([{ tool: 'transfer', state: 'awaitingApproval' }])
    const approved = await folder.run('approve', 's')
    expect(approved).toMatchObject({ status: 0, stdout: holding('bob') })
  })

  test('a steer of a call that needs approval joins it and says how to decide', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'transfer 5 to bob')
    const steer = await folder.run('steer', 's', 'and be quick')
    expect(steer.status).toBe(4)
    expect(steer.stderr).toMatch(/transfer waits for approval: .*meerkat approve s \S+/)
    expect((await folder.run('approve', 's')).status).toBe(0)
    const inputs = await folder.run('op', 'input/list', '{"sessionId":"s"}', '--json')
    expect(jsonLines(inputs.stdout)[0]).toMatchObject({
      inputs: [{ status: 'consumed' }, { mode: 'steer', status: 'consumed', receipt: { type: 'steered' } }],
    })
  })
})

describe('stdin', () => {
  test('is the prompt', async () => {
    using folder = new Folder()
    const ended = await folder.start(['run', ...demo], { input: 'say from the pipe\n' }).ended
    expect(ended).toEqual({ status: 0, stdout: 'from the pipe\n', stderr: '' })
  })

  test('follows a prompt that was written', async () => {
    using folder = new Folder()
    await folder.start(['run', ...demo, '--session', 's', 'say this'], { input: 'and that\n' }).ended
    const history = await folder.run('history', 's', '--json')
    expect(jsonLines(history.stdout)[0]).toMatchObject({ role: 'user', content: 'say this\n\nand that' })
  })

  test('that nobody closes does not hold a command that has its prompt', async () => {
    using folder = new Folder()
    const ended = await folder.start(['run', ...demo, 'say done'], { keepInputOpen: true }).ended
    expect(ended).toMatchObject({ status: 0, stdout: 'done\n' })
  })

  test('is left alone with --no-stdin', async () => {
    using folder = new Folder()
    const ended = await folder.start(['run', ...demo, '--no-stdin', 'say alone'], { input: 'and more' }).ended
    expect(ended.stdout).toBe('alone\n')
  })
})

describe('reading', () => {
  test('every list is JSON, one object a line, with --json', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'what time is it')
    const commands = [
      ['sessions'],
      ['history', 's'],
      ['events', 's'],
      ['events'],
      ['explain', 's'],
      ['audit', 's'],
      ['op'],
      ['op', 'runtime/info'],
      ['doctor'],
    ]
    for (const command of commands) {
      const ended = await folder.run(...command, '--json')
      expect({ command, lines: jsonLines(ended.stdout).length > 0, ...ended }).toMatchObject({
        command,
        lines: true,
        status: 0,
        stderr: '',
      })
    }
  })

  test('a reader that goes away is no failure: the answer is finished, quietly', async () => {
    using folder = new Folder()
    const running = folder.start(['run', ...demo, '--session', 's', 'count to 30'])
    await running.shows('1 2')
    running.stopReading()
    expect(await running.ended).toMatchObject({ status: 0, stderr: '' })
    expect(await folder.run('history', 's')).toMatchObject({ stdout: holding('29 30') })
  })

  test('pipes carry no colour', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'say hi')
    for (const command of ['history', 'events', 'audit']) {
      const { stdout } = await folder.run(command, 's')
      expect(stdout).not.toContain('\u001b')
    }
  })
})

test('verify tells each configuration as it is done, and Ctrl-C ends it at once', async () => {
  using folder = new Folder()
  const running = folder.start(['verify', '--json'])
  const [line = ''] = (await running.shows(/^\{"type":"configuration".*\n/)).split('\n')
  expect(JSON.parse(line)).toMatchObject({ name: matching(/^/), violations: 0 })
  running.kill('SIGINT')
  expect((await running.ended).status).toBe('SIGINT')
})

test('the version and the help need nothing but the command', async () => {
  using folder = new Folder()
  expect(await folder.run('--version')).toMatchObject({
    status: 0,
    stdout: matching(/^\d+\.\d+\.\d+\S*\n$/),
  })
  const help = await folder.run('--help')
  for (const command of ['run', 'chat', 'serve', 'rpc', 'steer', 'verify', 'demo'])
    expect(help.stdout).toContain(`\n  ${command} `)
  expect(await folder.run('run', '--help')).toMatchObject({ status: 0, stderr: '' })
})
