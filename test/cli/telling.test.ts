// What people are told of a session, a steer and a server's runs.
import { describe, expect, test } from 'vitest'
import { Folder, holding, jsonLines } from './command.ts'

const demo = ['--model', 'demo/agent']

describe('explain', () => {
  test('says of a healthy run what it does, for how long, and how to end it', async () => {
    using folder = new Folder()
    const running = folder.start(['run', ...demo, '--session', 's', '--json', 'take 40 steps'])
    await running.shows('"tool.started"')
    const { stdout } = await folder.run('explain', 's')
    expect(stdout).toMatch(/^s works since \d+ s: (runs \w+ for \d+ s|asks the model|waits for its tools)\n/)
    expect(stdout).toContain('→ meerkat cancel s\n')
    expect(stdout).not.toMatch(/no-run-current|nothing can go on/)
    running.kill('SIGKILL')
    await running.ended
  })

  test('names the call that waits for a decision, and the command that decides', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'transfer 5 to bob')
    const { stdout } = await folder.run('explain', 's')
    expect(stdout).toMatch(/^s waits for a decision; 1 input waits\n/)
    const [, command = ''] = /→ meerkat (approve s \S+) \[--deny\]/.exec(stdout) ?? []
    expect(await folder.run(...command.split(' '), ...demo)).toMatchObject({ status: 0, stdout: holding('bob') })
    expect((await folder.run('explain', 's')).stdout).toMatch(/^s is idle and takes inputs\n/)
  })

  test('says of a stopped session how it goes on, and of the next schedule when it is due', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'say hi')
    await folder.run('op', 'schedule/create', '{"sessionId":"s","content":"tick","inMs":3600000}')
    expect((await folder.run('explain', 's')).stdout).toMatch(
      /^s is idle and takes inputs; a schedule is due in \d+ min\n/,
    )
    await folder.run('op', 'session/stop', '{"sessionId":"s"}')
    const { stdout } = await folder.run('explain', 's')
    expect(stdout).toMatch(/^s is stopped/)
    expect(stdout).toContain('→ meerkat resume s')
  })

  test('keeps the form that programs read', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'say hi')
    const { stdout } = await folder.run('explain', 's', '--json')
    expect(jsonLines(stdout)).toMatchObject([
      { sessionId: 's', runnable: false, waitingFor: [{ guard: 'work-waiting', owner: 'caller' }] },
    ])
  })
})

describe('a server', () => {
  test('tells what became of a steer, and of runs that failed', async () => {
    using folder = new Folder()
    const server = folder.start(['serve', ...demo, '--port', '0'])
    await server.shows('serves')
    const events = folder.start(['events', '--follow', '--json'])
    await folder.run('op', 'session/open', '{"sessionId":"s","model":"demo/agent"}')
    expect(await folder.run('steer', 's', 'say alone')).toMatchObject({
      status: 0,
      stdout: holding('queued, no run could be joined'),
    })
    await folder.run('send', 's', 'take 40 steps')
    await events.shows('"tool.started"')
    const steered = await folder.run('steer', 's', 'stop, please')
    expect(steered.stdout).toMatch(/^steered, joined run \S+ at boundary \d+: input \S+\n$/)
    await folder.run('send', 's', '--wait', '--max-run-ms', '300', 'count to 1000 slowly')
    await server.warns(/warn {2}session s: run \S+ failed after \d+ ms: /)
    events.kill('SIGTERM')
    server.kill('SIGTERM')
    expect((await server.ended).status).toBe(0)
  })

  test('says more at level info, and nothing at silent', async () => {
    using folder = new Folder()
    const server = folder.start(['serve', ...demo, '--port', '0', '--log-level', 'info', '--json'])
    await server.shows('listening')
    await folder.run('op', 'session/open', '{"sessionId":"s","model":"demo/agent"}')
    await folder.run('send', 's', '--wait', 'say hi')
    await server.warns(/"outcome":"completed"/)
    server.kill('SIGTERM')
    const { stderr } = await server.ended
    expect(jsonLines(stderr).map(({ level }) => level)).toContain('info')
    const refused = await folder.run('serve', '--log-level', 'loud')
    expect(refused).toMatchObject({ status: 2, stderr: holding('--log-level must be one of silent, error') })
  })
})
