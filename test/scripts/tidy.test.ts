import { describe, expect, it, test } from 'vitest'
import { circleProblems } from '../../scripts/tidy/circles.ts'
import { importProblem, layers } from '../../scripts/tidy/layers.ts'
import { findLeaks, findNumbered, type Project, rules } from '../../scripts/tidy/rules.ts'
import { readSource } from '../../scripts/tidy/source.ts'

const project: Project = { runtimePackages: new Set(['zod', '@ai-sdk/provider']) }

function complaintsOf(path: string, text: string): string[] {
  const source = readSource(path, text)
  return rules.flatMap(rule => rule.find(source, project).map(finding => `${rule.id}:${finding.line}`))
}

const longFunction = (lines: number): string => `function long() {\n${'  step()\n'.repeat(lines - 2)}}\n`

describe('a rule of the house', () => {
  it.each([
    ['any', 'src/store/store.ts', 'const a = 1\nconst b: any = a\n', 'any:2'],
    ['any hidden in a generic', 'src/store/store.ts', 'type A = Map<string, any>\n', 'any:1'],
    ['an enum', 'src/store/store.ts', 'export enum A { b }\n', 'enum:1'],
    ['a namespace', 'src/store/store.ts', 'export namespace A { export const b = 1 }\n', 'namespace:1'],
    ['a default export', 'src/store/store.ts', 'export default 1\n', 'default-export:1'],
    ['a mass re-export', 'src/store/store.ts', "export * from './memory.ts'\n", 'export-all:1'],
    ['a TODO without words', 'src/store/store.ts', '// TODO later\n', 'bare-todo:1'],
    ['a FIXME in a block comment', 'src/store/store.ts', '/*\n FIXME: */\n', 'bare-todo:1'],
    ['an actor without a name', 'src/store/store.ts', '/**\n * Whoever asks first.\n */\n', 'nameless-actor:2'],
    ['an awaited sleep in a test', 'test/a.test.ts', 'await sleep(50)\n', 'sleep:1'],
    ['a timer that only resolves', 'test/a.test.ts', 'new Promise(r => setTimeout(r, 50))\n', 'sleep:1'],
    ['a clock in the kernel', 'src/kernel/step.ts', 'const at = Date.now()\n', 'pure-kernel:1'],
    ['a new Date in the kernel', 'src/kernel/step.ts', 'const at = new Date()\n', 'pure-kernel:1'],
    ['randomness in the kernel', 'src/kernel/step.ts', 'const n = Math.random()\n', 'pure-kernel:1'],
    ['the process in the kernel', 'src/kernel/step.ts', 'const n = process.pid\n', 'pure-kernel:1'],
    ['a package nobody declared', 'src/store/store.ts', "import { x } from 'left-pad'\n", 'declared-package:1'],
    ['an example that reaches into src', 'examples/a.ts', "import { x } from '../src/index.ts'\n", 'example-imports:1'],
    ['a file that does not parse', 'src/store/store.ts', 'const = 1\n', 'parses:1'],
    ['a file of 401 lines', 'src/store/store.ts', 'a()\n'.repeat(401), 'file-length:1'],
    ['a function of 61 lines', 'src/store/store.ts', longFunction(61), 'function-length:1'],
  ])('minds %s', (_what, path, text, complaint) => {
    expect(complaintsOf(path, text)).toEqual([complaint])
  })

  it.each([
    ['any as a word', 'src/store/store.ts', "const any = 'any' // any\n"],
    ['a default export of a config file', 'vitest.config.ts', 'export default {}\n'],
    ['a mass re-export of an index file', 'src/store/index.ts', "export * from './memory.ts'\n"],
    ['a TODO that says what is missing', 'src/store/store.ts', '// TODO: drop the old column with version 2\n'],
    ['the words of a text', 'src/store/store.ts', "const text = 'somebody else'\n"],
    ['a comment in a test', 'test/a.test.ts', '// Nobody is told.\n'],
    ['a deadline in a test', 'test/a.test.ts', 'setTimeout(() => reject(new Error("late")), 50)\n'],
    ['a clock outside the kernel', 'src/store/store.ts', 'const at = Date.now()\n'],
    ['a declared package and its subpath', 'src/store/store.ts', "import { x } from 'zod/mini'\n"],
    ['a file of 400 lines', 'src/store/store.ts', 'a()\n'.repeat(400)],
    ['a function of 60 lines', 'src/store/store.ts', longFunction(60)],
  ])('does not mind %s', (_what, path, text) => {
    expect(complaintsOf(path, text)).toEqual([])
  })

  it('counts a test for itself, not for the suite around it', () => {
    const body = `it('x', () => {\n${'  step()\n'.repeat(40)}})\n`
    expect(complaintsOf('test/a.test.ts', `describe('a', () => {\n${body}${body}})\n`)).toEqual([])
  })

  it('still counts a closure for the function that hides it', () => {
    const closure = `const inner = () => {\n${'  step()\n'.repeat(40)}}\n`
    expect(complaintsOf('src/a.ts', `function outer() {\n${closure}${closure}}\n`)).toEqual(['function-length:1'])
  })
})

describe('import directions', () => {
  it.each([
    ['src/kernel/machine.ts', '../store/store.ts', 'kernel must not import store'],
    ['src/kernel/machine.ts', 'node:crypto', 'kernel imports nothing from outside, found node:crypto'],
    ['src/kernel/machine.ts', 'zod', 'kernel imports nothing from outside, found zod'],
    ['src/client/index.ts', 'node:fs', 'client runs in a browser too, found node:fs'],
    ['src/client/index.ts', 'fs', 'client runs in a browser too, found fs'],
    ['src/client/index.ts', '../surfaces/operations.ts', 'client must not import surfaces/operations'],
    ['src/store/memory.ts', '../driver/driver.ts', 'store must not import driver'],
    ['src/loop/loop.ts', '../executor/agent/agent.ts', 'loop must not import executor'],
    ['src/surfaces/rest.ts', '../testing/index.ts', 'surfaces must not import testing'],
    ['src/index.ts', './testing/index.ts', 'index must not import testing'],
    ['src/store/memory.ts', '../../test/support/a.ts', 'src must not import test/support/a.ts'],
    ['src/store/memory.ts', 'meerkat-ts/kernel', 'src imports its own files by path'],
    ['src/misc/a.ts', './b.ts', 'the file is in no layer: give it a row in scripts/tidy/layers.ts'],
  ])('%s may not import %s', (path, specifier, problem) => {
    expect(importProblem(path, { specifier, line: 1, typeOnly: false })).toBe(problem)
  })

  it.each([
    ['src/kernel/regions/run.ts', '../region.ts'],
    ['src/store/sqlite/open.ts', '../../kernel/index.ts'],
    ['src/store/sqlite/open.ts', 'node:sqlite'],
    ['src/loop/loop.ts', '../executor/executor.ts'],
    ['src/executor/agent/agent.ts', '../../tools/catalogue.ts'],
    ['src/surfaces/cli/main.ts', '../../client/index.ts'],
    ['src/index.ts', './executor/agent/index.ts'],
  ])('%s may import %s', (path, specifier) => {
    expect(importProblem(path, { specifier, line: 1, typeOnly: false })).toBeUndefined()
  })

  it('lets the client see types of the wire, and only types', () => {
    const [wire] = readSource('src/client/index.ts', "import type { Op } from '../surfaces/operations.ts'\n").imports
    expect(wire?.typeOnly).toBe(true)
    expect(wire && importProblem('src/client/index.ts', wire)).toBeUndefined()
  })

  it('sees every way to import', () => {
    const text = [
      "import { a, type B } from './1.ts'",
      "import './2.ts'",
      "export { c } from './3.ts'",
      "export type { D } from './4.ts'",
      "const e = await import('./5.ts')",
      "type F = import('./6.ts').F",
    ].join('\n')
    const found = readSource('src/a.ts', text).imports.map(i => `${i.specifier} ${i.typeOnly ? 'types' : 'code'}`)
    expect(found).toEqual(['./1.ts code', './2.ts code', './3.ts code', './4.ts types', './5.ts code', './6.ts types'])
  })

  it('gives every layer a row of its own', () => {
    const names = layers.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { name, sees = [], seesTypesOf = [] } of layers) {
      for (const other of [...sees, ...seesTypesOf]) expect(names, `seen by ${name}`).toContain(other)
    }
  })
})

describe('a circle of imports', () => {
  const circles = (texts: Readonly<Record<string, string>>): string[] =>
    circleProblems(Object.entries(texts).map(([path, text]) => readSource(path, text)))

  it('is found, over types and over what is loaded later', () => {
    const found = circles({
      'src/store/a.ts': "import type { B } from './b.ts'\n",
      'src/store/b.ts': "export const c = () => import('./c.ts')\n",
      'src/store/c.ts': "import { a } from './a.ts'\n",
    })
    expect(found).toEqual(['import-circle: src/store/a.ts src/store/b.ts src/store/c.ts'])
  })

  it('is not seen where two ways lead to one file', () => {
    const found = circles({
      'src/store/a.ts': "import './b.ts'\nimport './c.ts'\n",
      'src/store/b.ts': "import './d.ts'\n",
      'src/store/c.ts': "import './d.ts'\n",
      'src/store/d.ts': '',
    })
    expect(found).toEqual([])
  })
})

test('a numbered parameter is found in what SQLite is asked, and nowhere else', () => {
  const text = "a\nconst sql = 'SELECT ?1'\n"
  expect(findNumbered('src/store/sqlite/reader.ts', text).map(({ line }) => line)).toEqual([2])
  expect(findNumbered('src/store/postgres/reader.ts', text)).toEqual([])
  expect(findNumbered('src/store/sqlite/reader.ts', "'SELECT ?, ?'")).toEqual([])
})

describe('a leak', () => {
  // Put together here, so that this file holds none itself.
  const slash = '/'

  it.each([
    `cd ${slash}work${slash}main`,
    `const cache = '${slash}home${slash}ada${slash}cache'`,
    `"resolved": "https:${slash}${slash}registry.example.org/zod.tgz"`,
  ])('is found in %s', text => {
    expect(findLeaks(`first line\n${text}\n`).map(({ line }) => line)).toEqual([2])
  })

  it.each(['src/work/a.ts', 'await registry.open(id)', 'https://www.apache.org/licenses/', '../work/'])(
    'is not seen in %s',
    text => {
      expect(findLeaks(text)).toEqual([])
    },
  )
})
