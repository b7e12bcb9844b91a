/** Several `meerkat run` on one session: whoever is left goes on. */
import { expect, test } from 'vitest'
import { Folder, holding } from './command.ts'

const demo = ['--model', 'demo/agent', '--session', 's']

test('a second run of a session goes on when the first has ended, and a third', async () => {
  using folder = new Folder()
  const first = folder.start(['run', ...demo, 'count to 40'])
  await first.shows('1 2')
  const second = folder.start(['run', ...demo, 'count to 3'])
  const third = folder.start(['run', ...demo, 'count to 4'])
  expect(await first.ended).toMatchObject({ status: 0, stdout: holding('39 40') })
  expect(await second.ended).toMatchObject({ status: 0, stdout: holding('1 2 3') })
  expect(await third.ended).toMatchObject({ status: 0, stdout: holding('1 2 3 4') })
  expect(await folder.run('audit', 's')).toMatchObject({ status: 0 })
})

test('a second run of a session goes on when the first was killed, with its work and the second’s own', async () => {
  using folder = new Folder()
  const first = folder.start(['run', ...demo, 'count to 60'])
  await first.shows('1 2')
  const second = folder.start(['run', ...demo, 'count to 3'])
  await expect
    .poll(async () => (await folder.run('op', 'input/list', '{"sessionId":"s"}', '--json')).stdout, { timeout: 15_000 })
    .toContain('count to 3')
  first.kill('SIGKILL')
  expect((await first.ended).status).toBe('SIGKILL')
  expect(await second.ended).toMatchObject({ status: 0, stdout: holding('1 2 3') })
  const inputs = await folder.run('op', 'input/list', '{"sessionId":"s"}', '--json')
  expect(inputs.stdout.match(/"consumed"/g)).toHaveLength(2)
})

test('a run without a prompt waits for what the first began, and finishes it where the first is killed', async () => {
  using folder = new Folder()
  const first = folder.start(['run', ...demo, 'count to 60'])
  await first.shows('1 2')
  const second = folder.start(['run', '--session', 's'])
  await second.shows(/\d/)
  first.kill('SIGKILL')
  expect(await second.ended).toMatchObject({ status: 0, stdout: holding('59 60') })
})
