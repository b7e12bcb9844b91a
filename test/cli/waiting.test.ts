/** Sessions that wait for a person: stopped ones, and calls that are decided by themselves if nobody does. */
import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Folder, holding, jsonLines, matching } from './command.ts'

const demo = ['--model', 'demo/agent']

const TOOLS = `
export default [{
  name: 'pay',
  description: 'Pays.',
  inputSchema: { type: 'object' },
  onLost: 'fail',
  parse: async args => ({ ok: true, args }),
  needsApproval: () => true,
  mayNeedApproval: true,
  approval: { expiresMs: 3_600_000, onExpiry: 'deny' },
  execute: () => 'paid',
}]
`

describe('meerkat resume', () => {
  test('revives a stopped session and says what goes on', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'say hi')
    await folder.run('op', 'session/stop', '{"sessionId":"s"}')
    const explained = await folder.run('explain', 's')
    expect(explained.stdout).toContain('→ meerkat resume s')
    expect(await folder.run('resume', 's')).toMatchObject({
      status: 0,
      stdout: holding('session s is idle: nothing waits'),
    })
    const again = await folder.run('resume', 's', '--json')
    expect(jsonLines(again.stdout)).toMatchObject([{ sessionId: 's', phase: 'idle' }])
    expect(await folder.run('run', ...demo, '--session', 's', 'say ho')).toMatchObject({
      status: 0,
      stdout: holding('ho'),
    })
  })

  test('refuses a session that there is none of', async () => {
    using folder = new Folder()
    await folder.run('run', ...demo, '--session', 's', 'say hi')
    expect(await folder.run('resume', 'other')).toMatchObject({ status: 3, stderr: holding('other') })
  })
})

test('a decision that makes itself is told wherever the call is shown', { timeout: 60_000 }, async () => {
  using folder = new Folder()
  writeFileSync(folder.file('tools.mjs'), TOOLS)
  const run = await folder.run('run', ...demo, '--tools', './tools.mjs', '--session', 's', 'call pay with {}')
  const told = matching(/counts as denied in (59|60) min, at \d{4}-\S+Z/)
  expect(run).toMatchObject({ status: 4, stderr: told })
  expect(await folder.run('calls', 's')).toMatchObject({ status: 0, stdout: told })
  expect(await folder.run('explain', 's')).toMatchObject({ status: 0, stdout: told })
  expect((await folder.run('doctor')).stdout).toMatch(/waits for approval since .*counts as denied in (59|60) min/)
  const views = jsonLines((await folder.run('calls', 's', '--json')).stdout)
  expect(views).toMatchObject([{ onExpiry: 'deny', expiresAt: matching(/Z$/) }])
})

test('a steer of work that waits for approval is answered before the decision', { timeout: 60_000 }, async () => {
  using folder = new Folder()
  const run = await folder.run('run', ...demo, '--session', 's', 'transfer 5 to Bob')
  expect(run).toMatchObject({ status: 4, stderr: holding('meerkat approve s') })
  const steered = await folder.run('steer', 's', 'say where are we', ...demo)
  expect(steered.stderr).toContain('meerkat approve s')
  expect(steered).toMatchObject({ status: 4, stdout: holding('where are we') })
  const allowed = await folder.run('approve', 's', ...demo)
  expect(allowed).toMatchObject({ status: 0, stdout: holding('transfer says: {"sent":5,"to":"Bob"}') })
  const events = jsonLines((await folder.run('events', 's', '--json')).stdout)
  expect(events.filter(({ type }) => type === 'tool.started')).toHaveLength(1)
  expect(events.filter(({ type }) => type === 'input.steered')).toMatchObject([{ boundary: 1 }])
  expect(events.filter(({ type }) => type === 'input.consumed')).toHaveLength(2)
  expect(await folder.run('audit', 's')).toMatchObject({ status: 0 })
})

test('a steer that a killed process was answering is answered by the next one', { timeout: 90_000 }, async () => {
  using folder = new Folder()
  await folder.run('run', ...demo, '--session', 's', 'transfer 5 to Bob')
  const steering = folder.start(['steer', 's', ...demo, 'count to 60'])
  await steering.shows('1 2')
  steering.kill('SIGKILL')
  await steering.ended
  const next = await folder.run('run', ...demo, '--session', 's')
  expect(next).toMatchObject({ status: 4, stdout: holding('59 60'), stderr: holding('meerkat approve s') })
  expect(await folder.run('approve', 's', ...demo)).toMatchObject({ status: 0, stdout: holding('"sent":5') })
  const events = jsonLines((await folder.run('events', 's', '--json')).stdout)
  expect(events.filter(({ type }) => type === 'tool.started')).toHaveLength(1)
})
