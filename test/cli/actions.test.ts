/** Commands of two words: made from the operations table, so every operation of their families is one, with its own arguments. */
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/surfaces/cli/command-table.ts'
import { helpText } from '../../src/surfaces/cli/help.ts'
import { type Parsed, parseArgs } from '../../src/surfaces/cli/parse-args.ts'
import { operationNames } from '../../src/surfaces/operations.ts'
import { Folder } from './command.ts'

const groups = COMMANDS.flatMap(row => ('actions' in row ? [row] : []))

async function read(...words: readonly string[]): Promise<Exclude<Parsed, { readonly type: 'group' }>> {
  let parsed = parseArgs(words)
  while (parsed.type === 'group') {
    const { group, rest } = parsed
    parsed = parseArgs(rest, { group, rows: await group.actions() })
  }
  return parsed
}

async function called(...words: readonly string[]): Promise<object> {
  const parsed = await read(...words)
  if (parsed.type !== 'call') throw new Error(`${words.join(' ')} was read as ${parsed.type}`)
  return { name: parsed.row.name, flags: parsed.flags, args: parsed.args }
}

async function helpOn(...words: readonly string[]): Promise<string> {
  const parsed = await read(...words)
  if (parsed.type !== 'help') throw new Error(`${words.join(' ')} was read as ${parsed.type}`)
  return helpText(parsed.row, 80, parsed.among)
}

describe('what was typed', () => {
  test.each(groups.map(group => [group.name, group] as const))('%s has each of its operations', async (name, group) => {
    const operations = operationNames.filter(one => one.startsWith(`${name}/`))
    expect(operations.length).toBeGreaterThan(2)
    expect((await group.actions()).map(row => row.name)).toEqual(operations.map(one => one.replace('/', ' ')))
  })

  test('what an operation demands is an argument, what may be left out a flag', async () => {
    expect(await called('model', 'switch', 's', 'a/b', '2')).toEqual({
      name: 'model switch',
      flags: {},
      args: ['s', 'a/b', '2'],
    })
    expect(await called('tool', 'filter', '--allow', 'a,b', 's', '--json')).toEqual({
      name: 'tool filter',
      flags: { allow: 'a,b', json: true },
      args: ['s'],
    })
    expect(await called('tool', 'request', 's', 'a', 'b')).toMatchObject({ args: ['s', ['a', 'b']] })
    expect(await called('tool', 'list', 's', '-mdemo/agent')).toMatchObject({ flags: { model: 'demo/agent' } })
  })

  test.each([
    { words: ['model', 'swicth', 's'], says: "unknown command 'model swicth' - did you mean switch?" },
    { words: ['model', '--json'], says: "unknown option '--json': see meerkat model --help" },
    { words: ['model', 'set', 's'], says: "missing required argument 'model': see meerkat model set --help" },
    { words: ['model', 'get', 's', '--model', 'a/b'], says: "unknown option '--model': see meerkat model get --help" },
    { words: ['tool', 'filter', 's', '--dney', 'a'], says: "unknown option '--dney' - did you mean --deny?" },
    { words: ['help', 'tool', 'lsit'], says: "unknown command 'tool lsit' - did you mean list?" },
  ])('$words is refused', async ({ words, says }) => {
    await expect(read(...words)).rejects.toThrow(says)
  })

  test('help is of the family, or of one of its commands', async () => {
    for (const words of [['model'], ['model', '-h'], ['model', 'help'], ['help', 'model']]) {
      expect(await helpOn(...words)).toContain('switch <session> <model> <turns>')
    }
    for (const words of [
      ['tool', 'filter', '--help'],
      ['tool', 'help', 'filter'],
      ['help', 'tool', 'filter'],
    ]) {
      const text = await helpOn(...words)
      expect(text).toContain('Usage: meerkat tool filter [options] <session>')
      expect(text).toMatch(/--deny <list> +None of these\./)
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    }
  })
})

async function json(folder: Folder, ...words: readonly string[]): Promise<unknown> {
  const { status, stdout, stderr } = await folder.run(...words, '--json')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout)
}

test('the model of a session is told and changed', { timeout: 60_000 }, async () => {
  using folder = new Folder()
  await folder.run('run', 'hi', '-s', 's', '--model', 'demo/agent')
  expect(await json(folder, 'model', 'get', 's')).toMatchObject({ source: 'baseline', model: 'demo/agent' })
  expect(await json(folder, 'model', 'set', 's', 'demo/other')).toMatchObject({ model: 'demo/other' })
  expect(await json(folder, 'model', 'switch', 's', 'demo/agent', '2')).toMatchObject({
    pending: { model: 'demo/agent', turns: 2 },
  })
  const shown = await folder.run('model', 'get', 's')
  expect(shown.stdout).toMatch(/^model +demo\/other$/m)
  expect(shown.stdout).toMatch(/^pending .*demo\/agent/m)
  for (const turns of ['two', '0', '1.5', '-1', '9e15']) {
    expect(await folder.run('model', 'switch', 's', 'a/b', turns)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('turns') as string,
    })
  }
  expect((await folder.run('model', 'get', 'another')).status).toBe(3)
})

test('the tools of a session are listed, filtered and asked for', { timeout: 60_000 }, async () => {
  using folder = new Folder()
  const model = ['--model', 'demo/agent']
  await folder.run('run', 'hi', '-s', 's', ...model)
  expect(await json(folder, 'tool', 'filter', 's', '--deny', 'dice, clock')).toEqual({ revision: 1 })
  const { stdout } = await folder.run('tool', 'list', 's', ...model)
  expect(stdout).toMatch(/^NAME +POLICY +NEEDS APPROVAL +STATE +DESCRIPTION$/m)
  expect(stdout).toMatch(/^dice .* hidden /m)
  expect(stdout).toMatch(/^note .* visible /m)
  expect(await json(folder, 'tool', 'filter', 's')).toEqual({ revision: 2 })
  expect(await json(folder, 'tool', 'request', 's', 'later', 'much-later')).toEqual({ revision: 3 })
  expect((await folder.run('tool', 'filter', 's', '--allow', '')).status).toBe(2)
})

test('a server is asked where one serves the store', { timeout: 60_000 }, async () => {
  using folder = new Folder()
  await folder.run('run', 'hi', '-s', 's', '--model', 'demo/agent')
  const server = folder.start(['serve', '--port', '0', '--model', 'demo/agent'])
  await server.shows(/http:\/\/127\.0\.0\.1:\d+/)
  const refused = await folder.run('model', 'set', 's', 'nobody/knows')
  expect(refused).toMatchObject({ status: 7, stderr: expect.stringContaining('nobody') as string })
  const { tools } = (await json(folder, 'tool', 'list', 's')) as { readonly tools: readonly object[] }
  expect(tools).toContainEqual(expect.objectContaining({ name: 'clock', state: 'visible' }))
  expect(await folder.run('tool', 'request', 's', 'clock')).toMatchObject({ status: 2 })
})
