import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { BUILT, Folder } from './command.ts'

test('the demo kills its worker, proves that nothing was lost, and leaves nothing behind', async () => {
  using folder = new Folder()
  const before = demoFolders()
  const ended = await folder.run('demo', '--fast')
  expect(ended).toMatchObject({ status: 0, stderr: '' })
  for (const fact of [
    /deduplicated: still input/,
    /joined the running turn at boundary/,
    /kill -9 \d+/,
    /the worker is gone/,
  ])
    expect(ended.stdout).toMatch(fact)
  expect(ended.stdout).toMatch(/(\d+) inputs accepted, \1 ended, 0 lost, 0 ended twice/)
  expect(ended.stdout.match(/all legal/g)).toHaveLength(4)
  expect(ended.stdout).not.toContain('NOT LEGAL')
  expect(ended.stdout).toContain('$ meerkat chat --model demo/agent')
  expect(demoFolders()).toEqual(before)
})

test('the demo that is interrupted takes its worker with it', async () => {
  using folder = new Folder()
  const running = folder.start(['demo'])
  const worker = Number(await running.shows(/worker (\d+) runs/))
  running.kill('SIGINT')
  expect((await running.ended).status).toBe(130)
  expect(() => process.kill(worker, 0)).toThrow(/ESRCH/)
})

test.runIf(existsSync(BUILT))('the built command answers', () => {
  using folder = new Folder()
  const ended = spawnSync(process.execPath, [BUILT, 'run', '--model', 'demo/agent', 'say built'], {
    cwd: folder.path,
    encoding: 'utf8',
    input: '',
  })
  expect(ended).toMatchObject({ status: 0, stdout: 'built\n', stderr: '' })
})

function demoFolders(): readonly string[] {
  return readdirSync(tmpdir()).filter(name => name.startsWith('meerkat-demo-'))
}
