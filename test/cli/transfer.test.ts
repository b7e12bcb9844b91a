/** Sessions carried between stores from the command line. */
import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Folder } from './command.ts'

const SLOW_MS = 60_000

async function ok(folder: Folder, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await folder.run(...args)
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout
}

async function withSession(): Promise<Folder> {
  const folder = new Folder()
  await ok(folder, 'run', '-s', 's', '-m', 'demo/agent', '--store', 'sqlite:a.db', 'hello')
  return folder
}

test('a session goes out, comes in, and is what it was', { timeout: SLOW_MS }, async () => {
  using folder = await withSession()
  const before = await ok(folder, 'history', 's', '--store', 'sqlite:a.db', '--json')
  await ok(folder, 'export', 's', '--store', 'sqlite:a.db', '--out', 's.jsonl')
  const printed = await ok(folder, 'export', 's', '--store', 'sqlite:a.db')
  expect(printed).toBe(readFileSync(folder.file('s.jsonl'), 'utf8'))
  expect(await ok(folder, 'import', 's.jsonl', '--store', 'sqlite:b.db')).toMatch(
    /^s \(\d+ records, 2 messages, 0 unfin/,
  )
  expect(await ok(folder, 'history', 's', '--store', 'sqlite:b.db', '--json')).toBe(before)
  expect(await ok(folder, 'audit', 's', '--store', 'sqlite:b.db')).toMatch(/legal/)
  const again = await folder.start(['import', '--store', 'sqlite:b.db'], { input: printed }).ended
  expect(again).toMatchObject({ status: 4 })
  expect(again.stderr).toMatch(/session s exists/)
})

test('an export that is not whole is refused by its line, and nothing is left', { timeout: SLOW_MS }, async () => {
  using folder = await withSession()
  const lines = (await ok(folder, 'export', 's', '--store', 'sqlite:a.db')).split('\n')
  writeFileSync(folder.file('cut.jsonl'), lines.slice(0, 3).join('\n'))
  const cut = await folder.run('import', 'cut.jsonl', '--store', 'sqlite:b.db')
  expect(cut.status).toBe(2)
  expect(cut.stderr).toMatch(/line 4 .*cut off/)
  expect(await ok(folder, 'sessions', '--store', 'sqlite:b.db', '--json')).toBe('')
  const absent = await folder.run('import', 'nothing.jsonl', '--store', 'sqlite:b.db')
  expect(absent.status).toBe(2)
  expect(absent.stderr).toMatch(/nothing\.jsonl can't be read/)
})

test('a session is moved, and moving it again says so', { timeout: SLOW_MS }, async () => {
  using folder = await withSession()
  expect(await ok(folder, 'move', 's', '--store', 'sqlite:a.db', '--to', 'sqlite:b.db')).toMatch(/^s is now in sqlite:/)
  expect(await ok(folder, 'move', 's', '--store', 'sqlite:a.db', '--to', 'sqlite:b.db')).toMatch(/^s was moved before/)
  expect(await folder.run('history', 's', '--store', 'sqlite:a.db')).toMatchObject({ status: 3 })
  expect(await ok(folder, 'history', 's', '--store', 'sqlite:b.db')).toMatch(/hello/)
  const missing = await folder.run('move', 'nobody', '--store', 'sqlite:a.db', '--to', 'sqlite:b.db')
  expect(missing.status).toBe(3)
  expect(await folder.run('move', 's', '--store', 'sqlite:b.db', '--to', 'sqlite:b.db')).toMatchObject({ status: 2 })
  expect(await folder.run('export', 's', '--store', 'sqlite:c.db')).toMatchObject({ status: 3 })
})
