// The package as it is installed, on the Nodes that people have: those it supports, and one that is too old.
import { stripTypeScriptTypes } from 'node:module'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeRefusal } from '../../src/node-version.ts'
import { manifest, nodeAt, Project, snippets, subpaths } from './packed.ts'

const REFUSAL = /^meerkat-ts needs Node 22\.16 or newer; this is v\d+\.\d+\.\d+$/

let project: Project

beforeAll(async () => {
  project = await Project.packed()
}, 60_000)

afterAll(() => project[Symbol.dispose]())

test('the manifest and the check name the same oldest Node', () => {
  expect(manifest.engines.node).toBe('>=22.16')
  expect(nodeRefusal({ node: '22.16.0' })).toBe(undefined)
  expect(nodeRefusal({ node: '24.0.0' })).toBe(undefined)
  expect(nodeRefusal({})).toBe(undefined)
  for (const node of ['22.15.1', '20.20.2', '18.0.0', '9.0.0']) expect(nodeRefusal({ node })).toMatch(REFUSAL)
})

describe('Node 20', () => {
  const node = nodeAt('node20')
  const skip = node === undefined ? 'npm ci --prefix test/package/nodes brings no Node 20 here' : undefined

  test.for(subpaths)('%s refuses in one sentence', async (name, { skip: leave }) => {
    if (node === undefined) return leave(skip)
    const script = `import(${JSON.stringify(name)}).then(() => 'loaded', e => e.message).then(console.log)`
    const { stdout } = await project.run(node, '--input-type=module', '-e', script)
    expect(stdout.trim()).toMatch(REFUSAL)
  })

  test('the command refuses in one line', async ({ skip: leave }) => {
    if (node === undefined) return leave(skip)
    for (const words of [['--version'], ['run', 'hello'], []]) {
      const { status, stdout, stderr } = await project.run(node, project.command(), ...words)
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr.trim().replace('meerkat: ', '')).toMatch(REFUSAL)
    }
  })
})

describe.for(['node22-oldest', 'node22', 'current'] as const)('%s', name => {
  const node = nodeAt(name)
  const skip = `npm ci --prefix test/package/nodes brings no ${name} here`

  test('every door opens', async ({ skip: leave }) => {
    if (node === undefined) return leave(skip)
    const names = JSON.stringify(subpaths)
    const script = `for (const name of ${names}) console.log(name, Object.keys(await import(name)).length > 0)`
    const { stdout, stderr } = await project.run(node, '--input-type=module', '-e', script)
    expect({ stdout, stderr: stderr.replace(/^\(node:\d+\).*SQLite.*\n.*\n/m, '') }).toEqual({
      stdout: expect.stringMatching(/^(\S+ true\n)+$/) as string,
      stderr: '',
    })
  })

  test("README's command answers, calls tools, and says nothing besides", async ({ skip: leave }) => {
    if (node === undefined) return leave(skip)
    const words = ['run', '--model', 'demo/agent', 'What time is it, and what is 2 + 3?']
    const { status, stdout, stderr } = await project.run(node, project.command(), ...words)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain('calculator says: {"result":5}')
    const backup = await project.run(node, project.command(), 'backup', project.file(`${name}.db`))
    expect(backup).toMatchObject({ status: 0, stderr: '' })
  })

  test('a session lives its life, to the last trace of it', { timeout: 60_000 }, async ({ skip: leave }) => {
    if (node === undefined) return leave(skip)
    const lines = project.file(`${name}-life.jsonl`)
    for (const words of [
      ['run', '--session', 'life', '--model', 'demo/agent', 'hello'],
      ['history', 'life'],
      ['explain', 'life'],
      ['audit', 'life'],
      ['export', 'life', '--out', lines],
      ['op', 'session/destroy', '{"sessionId":"life"}'],
      ['prune', '--destroyed', '0h', '--compact'],
      ['import', lines, '--as', 'again'],
      ['audit', 'again'],
      ['doctor'],
    ]) {
      const { status, stderr } = await project.run(
        node,
        project.command(),
        ...words,
        '--store',
        `sqlite:${project.file(`${name}-life.db`)}`,
      )
      expect({ words, status, stderr: stderr.replace(/^session .*\n/gm, '') }).toEqual({ words, status: 0, stderr: '' })
    }
  })

  test.for(snippets())('what $name shows runs to its end', async ({ name: document, code }, { skip: leave }) => {
    if (node === undefined) return leave(skip)
    const file = `${name}-${document}.mjs`
    project.file(
      file,
      stripTypeScriptTypes(code).replaceAll(/\w+\.db/g, db => `${file}-${db}`),
    )
    const { status, stderr } = await project.run(node, project.file(file))
    expect({ status, stderr: stderr.replace(/^\(node:\d+\).*SQLite.*\n.*\n/m, '') }).toEqual({ status: 0, stderr: '' })
  })
})

test('what the documents show has the types that the package declares', { timeout: 120_000 }, async () => {
  for (const { name, code } of snippets()) project.file(`${name}.ts`, `${code}\nexport {}\n`)
  const options = {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2024',
    skipLibCheck: true,
    types: ['node'],
    lib: ['es2024', 'esnext.disposable', 'dom'],
  }
  project.file('tsconfig.json', JSON.stringify({ compilerOptions: options, include: ['*.ts'] }))
  project.file('package.json', '{"type":"module"}')
  const compiler = project.file('node_modules/typescript/bin/tsc')
  expect(await project.run(process.execPath, compiler, '-p', project.path)).toEqual({
    status: 0,
    stdout: '',
    stderr: '',
  })
})

test('optional peers are as wide as what stands beside them in the field', () => {
  // The current OpenTelemetry SDKs want an API below 1.10 (tracing, 2.x) or from 1.10 on (all in one).
  expect(manifest.peerDependencies['@opentelemetry/api']).toBe('>=1.9.0 <2')
})
