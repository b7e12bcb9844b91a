import { existsSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Folder, holding, matching } from './command.ts'

/** The database that a run leaves, which shows the store that it took. */
async function storeTaken(
  folder: Folder,
  options: { readonly flags?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<readonly string[]> {
  const { flags = [], env = {} } = options
  const ended = await folder.start(['run', ...flags, '--model', 'demo/agent', 'say hi'], { env }).ended
  expect(ended).toMatchObject({ status: 0, stderr: '' })
  return ['flag.db', 'env.db', 'config.db', '.meerkat/meerkat.db'].filter(name => existsSync(folder.file(name)))
}

const config = JSON.stringify({ store: 'sqlite:config.db' })

describe('a setting', () => {
  test('has a default', async () => {
    using folder = new Folder()
    expect(await storeTaken(folder)).toEqual(['.meerkat/meerkat.db'])
  })

  test('comes from the config file before that', async () => {
    using folder = new Folder()
    writeFileSync(folder.file('meerkat.config.json'), config)
    expect(await storeTaken(folder)).toEqual(['config.db'])
  })

  test('comes from the environment before that', async () => {
    using folder = new Folder()
    writeFileSync(folder.file('meerkat.config.json'), config)
    expect(await storeTaken(folder, { env: { MEERKAT_STORE: 'sqlite:env.db' } })).toEqual(['env.db'])
  })

  test('comes from the flag before all', async () => {
    using folder = new Folder()
    writeFileSync(folder.file('meerkat.config.json'), config)
    const taken = await storeTaken(folder, {
      flags: ['--store', 'sqlite:flag.db'],
      env: { MEERKAT_STORE: 'sqlite:env.db' },
    })
    expect(taken).toEqual(['flag.db'])
  })

  test('that is empty in the environment is not set there', async () => {
    using folder = new Folder()
    expect(await storeTaken(folder, { env: { MEERKAT_STORE: '' } })).toEqual(['.meerkat/meerkat.db'])
  })
})

describe('a config file', () => {
  test('in TypeScript brings the model and tools', async () => {
    using folder = new Folder()
    writeFileSync(
      folder.file('meerkat.config.ts'),
      `const hammer = {
        name: 'hammer',
        description: 'Hammers.',
        inputSchema: { type: 'object' } as object,
        onLost: 'retry' as const,
        mayNeedApproval: false,
        parse: async (args: unknown) => ({ ok: true as const, args }),
        needsApproval: () => false,
        execute: () => 'bang',
      }
      export default { model: 'demo/agent', tools: [hammer] }`,
    )
    const ended = await folder.run('run', 'call hammer with {}')
    expect(ended).toMatchObject({ status: 0, stdout: holding('bang') })
  })

  const broken = [
    {
      what: 'an unknown key',
      name: 'meerkat.config.json',
      text: '{"stroe":"memory:"}',
      says: /meerkat\.config\.json.*stroe.*store/,
    },
    {
      what: 'a value of the wrong form',
      name: 'meerkat.config.json',
      text: '{"port":"many"}',
      says: /port in meerkat\.config\.json/,
    },
    { what: 'no JSON', name: 'meerkat.config.json', text: '{"store":', says: /meerkat\.config\.json can't be read/ },
    { what: 'a list', name: 'meerkat.config.json', text: '[]', says: /meerkat\.config\.json must hold an object/ },
    {
      what: 'a syntax error',
      name: 'meerkat.config.ts',
      text: 'export default {',
      says: /meerkat\.config\.ts can't be read/,
    },
    {
      what: 'a failing import',
      name: 'meerkat.config.js',
      text: "import 'no-such-package'\nexport default {}",
      says: /meerkat\.config\.js can't be read.*no-such-package/,
    },
    {
      what: 'no default export',
      name: 'meerkat.config.js',
      text: 'export const store = 1',
      says: /meerkat\.config\.js must export/,
    },
    {
      what: 'tools that are none',
      name: 'meerkat.config.js',
      text: "export default { model: 'demo/agent', tools: [1] }",
      says: /tools.*tool\(\)/,
    },
  ]

  test.each(broken)('with $what is refused on one line', async ({ name, text, says }) => {
    using folder = new Folder()
    writeFileSync(folder.file(name), text)
    const ended = await folder.run('run', '--model', 'demo/agent', '--store', 'memory:', 'say hi')
    expect(ended).toMatchObject({ status: 2, stdout: '', stderr: matching(/^meerkat: [^\n]+\n$/) })
    expect(ended.stderr).toMatch(says)
  })
})
