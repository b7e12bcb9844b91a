import { expect, test } from 'vitest'
import { Folder, holding, jsonLines, matching } from './command.ts'

const demo = ['--model', 'demo/agent']

test('kill -9 in the middle of an answer: the session finishes it later, and exactly once', async () => {
  using folder = new Folder()
  const running = folder.start(['run', ...demo, '--session', 's', 'count to 60'])
  await running.shows('1 2')
  running.kill('SIGKILL')
  expect((await running.ended).status).toBe('SIGKILL')

  const resumed = await folder.run('run', '--session', 's')
  expect(resumed).toMatchObject({ status: 0, stdout: holding('59 60'), stderr: '' })

  const events = jsonLines((await folder.run('events', 's', '--json')).stdout)
  expect(events.filter(({ type }) => type === 'input.accepted')).toHaveLength(1)
  expect(events.filter(({ type }) => type === 'input.consumed')).toHaveLength(1)
  expect(await folder.run('audit', 's')).toMatchObject({ status: 0, stdout: matching(/^ok/) })
  const nothing = await folder.run('run', '--session', 's')
  expect(nothing).toMatchObject({ status: 2, stderr: holding('nothing unfinished') })
})

test('kill -9 in a tool call: a tool that may be repeated is called again under the same id', async () => {
  using folder = new Folder()
  const running = folder.start(['run', ...demo, '--session', 's', '--json', 'wait 700 ms'])
  await running.shows('"tool.started"')
  running.kill('SIGKILL')
  await running.ended

  const resumed = await folder.run('run', '--session', 's', '--json')
  expect(jsonLines(resumed.stdout).at(-1)).toMatchObject({ type: 'result', outcome: 'completed' })
  const events = jsonLines((await folder.run('events', 's', '--json')).stdout)
  const calls = events.filter(({ type }) => type === 'tool.started').map(({ callId }) => callId)
  expect(calls).toHaveLength(2)
  expect(new Set(calls).size).toBe(1)
})

test('kill -9 in the middle of an answer: what it cost says that it is not all', async () => {
  using folder = new Folder()
  const running = folder.start(['run', ...demo, '--session', 's', 'count to 60'])
  await running.shows('1 2')
  running.kill('SIGKILL')
  await running.ended
  const resumed = await folder.run('run', '--session', 's', '--json')
  expect(jsonLines(resumed.stdout).at(-1)).toMatchObject({
    outcome: 'completed',
    usage: { calls: 1, unmeasured: true, totalTokens: expect.any(Number) as number },
  })
})

test('kill -9 in a tool call that nobody may repeat: a person says what became of it', async () => {
  using folder = new Folder()
  const running = folder.start(['run', ...demo, '--session', 's', '--json', 'wait 60 s and ask'])
  const callId = await running.shows(/"tool\.started".*"callId":"([^"]+)"/)
  running.kill('SIGKILL')
  await running.ended

  const parked = await folder.run('run', '--session', 's')
  expect(parked).toMatchObject({ status: 4, stderr: holding(`meerkat resolve s ${callId}`) })
  const resolved = await folder.run('resolve', 's', callId, 'succeeded', '--output', '{"checked":true}')
  expect(resolved).toMatchObject({ status: 0, stdout: holding('checked') })
})
