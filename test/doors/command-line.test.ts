/** The command line's doors: every command with flags and arguments that can't be meant. One sentence, a status, no stack. */
import { expect, test } from 'vitest'
import { COMMANDS } from '../../src/surfaces/cli/command-table.ts'
import { Folder } from '../cli/command.ts'

const WRONG = ['NaN', '-1', '9e15']

/** Flags that take a number, each at the first command that has it. */
const numeric = new Map(
  COMMANDS.flatMap(({ name, options }) =>
    options.flatMap(([flag]) => (/<(n|ms)>/.test(flag) ? [[/--[a-z-]+/.exec(flag)?.[0] ?? flag, name] as const] : [])),
  ).toReversed(),
)

/** Commands of two words, each by its words. */
const actions = (await Promise.all(COMMANDS.map(async row => ('actions' in row ? await row.actions() : [])))).flatMap(
  rows => rows.map(({ name }) => name.split(' ')),
)

const attempts = [
  ...actions.map(words => [...words, '--no-such-flag']),
  ...actions.map(words => [...words, 's', ...WRONG, '\u0001']),
  ...COMMANDS.map(({ name }) => [name, '--no-such-flag']),
  ...[...numeric].flatMap(([flag, name]) => WRONG.map(value => [name, flag, value])),
  ['sessions', '--store', 'ftp://nowhere'],
  ['sessions', '--store', ''],
  ['run', '--model', '__proto__', 'hi'],
]

test.each(attempts)('meerkat %s %s %s %s', { timeout: 60_000 }, async (...args) => {
  using folder = new Folder()
  const { status, stdout, stderr } = await folder.run(...args)
  expect({ status, stderr }).toMatchObject({ status: expect.any(Number) as number })
  expect(status).not.toBe(0)
  expect(status).not.toBe(1)
  expect(stderr).not.toMatch(/^\s+at /m)
  expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(3)
  expect(stdout).toBe('')
})

test.each(['toString', '__proto__', 'constructor', '', 'rn'])('meerkat %j is no command', async name => {
  using folder = new Folder()
  const { status, stderr } = await folder.run(name)
  expect(status).toBe(2)
  expect(stderr).not.toMatch(/^\s+at /m)
})

const ENVIRONMENT = ['MEERKAT_PORT', 'MEERKAT_MAX_RUN_MS', 'MEERKAT_URL', 'MEERKAT_BASE_URL']

test.each(ENVIRONMENT)('%s that makes no sense is named', { timeout: 60_000 }, async name => {
  using folder = new Folder()
  const { ended } = folder.start(['serve'], { env: { [name]: '\u0001 nonsense' } })
  const { status, stderr } = await ended
  expect(status).toBe(2)
  expect(stderr).toContain(name)
  expect(stderr).not.toMatch(/^\s+at /m)
})
