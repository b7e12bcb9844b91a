/** Built-in tools: off until they are named, the same way in a program, a config file and on the command line. */
import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type AgentOptions, agent } from '../../src/executor/agent/index.ts'
import { Folder, holding } from '../cli/command.ts'
import { start } from '../session/support.ts'
import { lookup } from '../support/agent-run.ts'
import { scriptOf } from '../support/scripted-model.ts'
import { calling, Tree } from './support.ts'

const read = { call: 'read_file', args: { path: 'a.txt' } }

/** The names of the tools in the first request of an agent. */
async function shown(options: Omit<AgentOptions, 'model'>): Promise<readonly string[]> {
  const { model } = await calling(options, read)
  return (model.asked[0]?.tools ?? []).map(({ name }) => name)
}

describe('an agent', () => {
  test('has no built-in tool that was not named', async () => {
    expect(await shown({})).toEqual([])
    expect(await shown({ builtins: [] })).toEqual([])
    expect(await shown({ builtins: {} })).toEqual([])
    expect(await shown({ builtins: { files: false } })).toEqual([])
  })

  test('has those that are named: by a row, by one tool, or with options', async () => {
    using tree = await Tree.of({ 'a.txt': 'one\n' })
    expect(await shown({ builtins: ['files'] })).toContain('read_file')
    expect(await shown({ builtins: ['read_file'] })).toEqual(['read_file'])
    expect(await shown({ builtins: { files: true } })).toContain('read_file')
    const { told } = await calling({ builtins: { files: { roots: [tree.path] } } }, read)
    expect(told).toEqual(['a.txt: lines 1 to 1 of 1 (4 bytes)\n1\tone'])
  })

  test('has them beside its own, also where those depend on the session', async () => {
    expect(await shown({ tools: [lookup()], builtins: ['read_file'] })).toEqual(['look', 'read_file'])
    expect(await shown({ tools: () => [lookup()], builtins: ['read_file'] })).toEqual(['look', 'read_file'])
  })

  test('refuses a tool of its own that has the name of a built-in one', () => {
    const model = scriptOf([{ say: 'done' }])
    const mine = lookup(undefined, { name: 'read_file' })
    expect(() => agent({ model, tools: [mine], builtins: ['read_file'] })).toThrow('two tools are named read_file')
  })

  test('lists them with their policies', async () => {
    const runtime = await start({ executor: agent({ model: scriptOf([{ say: 'done' }]), builtins: ['read_file'] }) })
    await runtime.open({ sessionId: 'a' })
    expect((await runtime.tools('a')).tools).toMatchObject([
      { name: 'read_file', policy: 'retry', needsApproval: false, state: 'visible' },
    ])
  })

  test.each([
    [['reed_file'], /builtins names reed_file, which is no built-in tool; there are files \(read_file/],
    [{ filez: true }, /builtins names filez/],
    [JSON.parse('{"__proto__": true}') as object, /builtins names __proto__/],
    [{ constructor: true }, /builtins names constructor/],
    ['files', /builtins must be a list/],
    [5, /builtins must be a list/],
    [{ files: 'yes' }, /builtins\.files: it must be an object/],
    [{ files: null }, /builtins\.files: it must be an object/],
    [{ files: { root: '.' } }, /builtins\.files: root is no option; there are roots/],
    [{ files: { roots: [] } }, /roots must name a folder/],
    [{ files: { roots: [''] } }, /roots must be a list of folders/],
    [{ files: { roots: ['/no/such/folder'] } }, /roots names \/no\/such\/folder/],
    [{ files: { roots: [import.meta.filename] } }, /no folder/],
    [{ files: { only: ['shell'] } }, /only must be a list of read_file/],
    [{ files: { only: [] } }, /only must be a list/],
  ])('refuses %j by its name', (builtins, says) => {
    const make = (): unknown => agent({ model: scriptOf([{ say: 'done' }]), builtins: builtins as never })
    expect(make).toThrow(says)
    expect(make).toThrow(expect.objectContaining({ code: 'invalid-params' }))
  })
})

describe('the command line', () => {
  const prompt = 'call read_file with {"path":"a.txt"}'

  test('switches them on by name, and asks for nothing else', async () => {
    using folder = new Folder()
    writeFileSync(folder.file('a.txt'), 'from the folder\n')
    const ended = await folder.run('run', '--model', 'demo/agent', '--builtins', 'files', prompt)
    expect(ended).toMatchObject({ status: 0, stdout: holding('1\tfrom the folder') })
  })

  test('has none without that', async () => {
    using folder = new Folder()
    const ended = await folder.run('run', '--model', 'demo/agent', prompt)
    expect(ended.stdout).not.toContain('lines 1')
  })

  test('takes what a config file says, and keeps its limits when a flag names them', async () => {
    using folder = new Folder()
    writeFileSync(folder.file('a.txt'), 'outside\n')
    writeFileSync(folder.file('package.json'), '{"type":"module"}')
    writeFileSync(
      folder.file('meerkat.config.js'),
      `import { mkdirSync, writeFileSync } from 'node:fs'
       mkdirSync('inner', { recursive: true })
       writeFileSync('inner/a.txt', 'inside')
       export default { model: 'demo/agent', builtins: { files: { roots: ['inner'] } } }`,
    )
    expect(await folder.run('run', prompt)).toMatchObject({ status: 0, stdout: holding('inside') })
    const flagged = await folder.run('run', '--builtins', 'read_file', prompt)
    expect(flagged).toMatchObject({ status: 0, stdout: holding('inside') })
    expect((await folder.run('run', '--builtins', 'none', prompt)).stdout).not.toContain('inside')
    const chosen = await folder.run('run', '--tools', 'read_file', prompt)
    expect(chosen).toMatchObject({ status: 0, stdout: holding('inside') })
  })

  test.each([
    [['--builtins', 'filez'], /--builtins: it names filez, which is no built-in tool; there are files/],
    [['--tools', 'read_file'], /--tools names read_file.*--builtins switches those of the package on/],
  ])('refuses %j with what there is', async (flags, says) => {
    using folder = new Folder()
    const ended = await folder.run('run', '--model', 'demo/agent', ...flags, 'hi')
    expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(says) as string })
  })

  test('refuses a config file that names none by the name', async () => {
    using folder = new Folder()
    writeFileSync(folder.file('meerkat.config.json'), '{"builtins":["filez"]}')
    expect(await folder.run('sessions')).toMatchObject({ status: 2, stderr: holding('builtins names filez') })
  })
})
