import { describe, expect, test } from 'vitest'
import { Folder, holding, jsonLines } from './command.ts'

const demo = ['--model', 'demo/agent']

describe('Ctrl-C', () => {
  test('once cancels at the next boundary', async () => {
    using folder = new Folder()
    const running = folder.start(['run', ...demo, '--session', 's', '--json', 'take 40 steps'])
    await running.shows('"tool.started"')
    running.kill('SIGINT')
    const ended = await running.ended
    const lines = jsonLines(ended.stdout)
    expect(lines.at(-1)).toMatchObject({ type: 'result', outcome: 'cancelled' })
    expect(lines.filter(({ type }) => type === 'tool.completed').length).toBeGreaterThan(0)
    expect(ended.status).toBe(130)
  })

  test('twice cancels now, and says how to go on', async () => {
    using folder = new Folder()
    const running = folder.start(['run', ...demo, '--session', 's', 'count to 1000 slowly'])
    await running.shows('1 2')
    running.kill('SIGINT')
    // The first one changes nothing that can be seen before the boundary, and there is none: the next is its own fact.
    await folder.run('explain', 's')
    running.kill('SIGINT')
    const ended = await running.ended
    expect(ended.stderr).toMatch(/^meerkat: cancelled; go on with: meerkat run --session s "…"\n$/)
    expect(ended.status).toBe(130)
    const next = await folder.run('run', '--session', 's', 'say we go on')
    expect(next).toMatchObject({ status: 0, stdout: 'we go on\n' })
  })

  test('three times leaves at once; the input is kept', async () => {
    using folder = new Folder()
    const running = folder.start(['run', ...demo, '--session', 's', '--json', 'count to 1000 slowly'])
    await running.shows('"text.delta"')
    running.kill('SIGINT')
    await folder.run('explain', 's')
    running.kill('SIGINT')
    running.kill('SIGINT')
    expect((await running.ended).status).toBe(130)
    expect(await folder.run('audit', 's')).toMatchObject({ status: 0 })
  })
})

describe('SIGTERM', () => {
  test('closes, and the session goes on later where it was', async () => {
    using folder = new Folder()
    const running = folder.start(['run', ...demo, '--session', 's', '--json', 'take 3 steps and say finished'])
    await running.shows('"tool.completed"')
    running.kill('SIGTERM')
    expect((await running.ended).status).toBe(143)
    const resumed = await folder.run('run', '--session', 's')
    expect(resumed).toMatchObject({ status: 0, stdout: holding('finished') })
    const audit = await folder.run('audit', 's')
    expect(audit.status).toBe(0)
  })
})
