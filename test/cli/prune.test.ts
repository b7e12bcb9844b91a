import { describe, expect, test } from 'vitest'
import { Folder, jsonLines } from './command.ts'

const demo = ['--model', 'demo/agent']

describe('prune', () => {
  test('says what would go, and takes it off when it is meant', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 'kept', 'hello')
    await folder.run('run', ...demo, '--session', 'gone', 'hello')
    await folder.run('op', 'session/destroy', '{"sessionId":"gone"}')
    const history = (await folder.run('history', 'kept', '--json')).stdout
    const ages = ['--deltas', '0s', '--destroyed', '0s']
    const planned = jsonLines((await folder.run('prune', ...ages, '--dry-run', '--json')).stdout)
    expect(planned).toMatchObject([{ dryRun: true, sessions: 2, removed: 1, skipped: 0 }])
    expect((await folder.run('sessions')).stdout).toContain('gone')

    const done = await folder.run('prune', ...ages, '--compact')
    expect(done).toMatchObject({ status: 0, stderr: '' })
    expect(done.stdout).toMatch(/^removed 1 session of 2, took \d+ kB off \d+ records\n$/)
    expect((await folder.run('sessions')).stdout).not.toContain('gone')
    expect((await folder.run('history', 'kept', '--json')).stdout).toBe(history)
    expect((await folder.run('audit', 'kept')).status).toBe(0)
    expect((await folder.run('doctor', '--json')).status).toBe(0)
  })

  test('keeps young things without being told', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'hello')
    const ended = await folder.run('prune', '--json')
    expect(jsonLines(ended.stdout)).toMatchObject([{ sessions: 1, removed: 0, amended: 0 }])
  })

  test('is done by the server where one holds the sessions', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'hello')
    const server = folder.start(['serve', ...demo, '--port', '0', '--json'])
    await server.shows('"listening"')
    await folder.run('send', 's', '--wait', 'hello')
    const here = await folder.run('prune', '--events', '0s', '--json')
    const [report] = jsonLines(here.stdout)
    expect(report).toMatchObject({ sessions: 1, skipped: 0 })
    expect(report?.['amended']).toBeGreaterThan(1)
  })

  test.each([
    ['--deltas', 'soon'],
    ['--events', '12'],
    ['--destroyed', '-1d'],
    ['--retired', '1y'],
  ])('refuses %s %s', async (flag, age) => {
    using folder = new Folder()
    const ended = await folder.run('prune', `${flag}=${age}`)
    expect(ended).toMatchObject({ status: 2 })
    expect(ended.stderr).toContain(flag)
  })
})
