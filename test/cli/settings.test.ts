import { existsSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readSettings } from '../../src/surfaces/cli/settings.ts'
import { Folder, holding, matching } from './command.ts'

/** A value that no setting may have, its variable, its flag, its key, and what the refusal says is allowed. */
const BAD = [
  ['MEERKAT_STORE', 'store', 'store', 'bogus:x', /sqlite:PATH, postgres:.*or memory:, not "bogus:x"/],
  ['MEERKAT_STORE', 'store', 'store', 'sqlite:', /sqlite:PATH.*not "sqlite:"/],
  ['MEERKAT_STORE', 'store', 'store', 'mysql://me:secret@h/d', /sqlite:PATH.*not the address that it is$/],
  ['MEERKAT_MODEL', 'model', 'model', 'llama', /provider\/model.*not llama/],
  ['MEERKAT_BASE_URL', 'baseUrl', 'baseUrl', 'here', /an address such as http.*not "here"/],
  ['MEERKAT_URL', 'url', 'url', 'here', /an address such as http.*not "here"/],
  ['MEERKAT_TOKEN', 'token', 'token', 'a b', /printable ASCII without spaces/],
  ['MEERKAT_HOST', 'host', 'host', 'a b', /127\.0\.0\.1, not a b/],
  ['MEERKAT_PORT', 'port', 'port', 'many', /from 0 to 65535, not "many"/],
  ['MEERKAT_MAX_RUN_MS', 'maxRunMs', 'maxRunMs', '-1', /from 1 on, not "-1"/],
  ['MEERKAT_LOG_LEVEL', 'logLevel', 'logLevel', 'loud', /silent, error.*not "loud"/],
  ['MEERKAT_MAX_QUEUED_INPUTS', 'maxQueuedInputs', 'maxQueuedInputs', 'many', /from 1 on, not "many"/],
  ['MEERKAT_MAX_CONCURRENT_RUNS', 'maxConcurrentRuns', 'maxConcurrentRuns', 'many', /from 1 on, not "many"/],
  ['MEERKAT_ALLOW_HOST', 'allowHost', 'allowedHosts', 'http://x', /a host name such as.*not http:\/\/x/],
  ['MEERKAT_ALLOW_ORIGIN', 'allowOrigin', 'allowedOrigins', 'x', /an origin such as.*not x/],
] as const

describe('a setting with a value that it can’t have', () => {
  test.each(BAD)('is refused by the name of its source: %s', async (variable, flagKey, key, value, says) => {
    using folder = new Folder()
    const refusal = async (flags: object, env: NodeJS.ProcessEnv): Promise<string> => {
      const reading = readSettings({ ...flags }, { env, cwd: folder.path })
      return reading.then(String, (error: unknown) => String(error instanceof Error ? error.message : error))
    }
    const flag = `--${flagKey.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
    const told = [await refusal({ [flagKey]: value }, {}), await refusal({}, { [variable]: value })]
    writeFileSync(folder.file('meerkat.config.json'), JSON.stringify({ [key]: value }))
    told.push(await refusal({}, {}))
    for (const [n, place] of [flag, variable, `${key} in meerkat.config.json`].entries()) {
      expect(told[n]).toMatch(says)
      expect(told[n]?.startsWith(`${place} must`)).toBe(true)
      expect(told[n]).not.toContain('secret')
    }
  })

  test.each([
    ['compaction', { thresholdTokens: -1 }, /compaction.*thresholdTokens must be/],
    ['settings', { heat: 1 }, /settings.*heat is no option/],
    ['budget', { maxTurns: -1 }, /budget.*maxTurns must be/],
    ['retention', { forever: true }, /retention.*forever is no option/],
    ['retries', -1, /retries must be/],
    ['graceMs', 'long', /graceMs must be/],
  ])('and so is an option of a config file: %s', async (key, value, says) => {
    using folder = new Folder()
    writeFileSync(folder.file('meerkat.config.json'), JSON.stringify({ [key]: value }))
    const reading = readSettings({}, { env: {}, cwd: folder.path })
    await expect(reading).rejects.toThrow(says)
    await expect(reading).rejects.toThrow('meerkat.config.json')
  })
})

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
    {
      what: 'tools that are none',
      name: 'meerkat.config.json',
      text: '{"tools":5}',
      says: /tools in meerkat\.config\.json must be a list/,
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
