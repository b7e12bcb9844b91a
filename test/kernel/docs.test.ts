import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { kernelPages, staleKernelPages } from '../../scripts/kernel-docs.ts'
import { KEPT_BY } from '../../scripts/kernel-words/rules.ts'
import { diagramOf } from '../../src/kernel/diagram.ts'
import { meerkat } from '../../src/kernel/machine.ts'

describe('the pages of the machines', () => {
  test('say what the machines declare', () => {
    expect(staleKernelPages(), 'run `npm run docs`').toEqual([])
  })

  test('have a row for every declared row and a line for every invariant', () => {
    const pages = kernelPages()
    for (const { region, input, row } of meerkat.edges) {
      expect(pages.get(`meerkat/${region}.md`)).toContain(`| \`${input}\` | ${row} |`)
    }
    const all = [...pages.values()].join('\n')
    for (const { id } of meerkat.invariants) expect(all).toContain(`- \`${id}\`:`)
  })

  test('say of each rule of the session what keeps it, in names that there are', () => {
    expect(Object.keys(KEPT_BY).toSorted()).toEqual(meerkat.invariants.map(({ id }) => id).toSorted())
    const folder = join(import.meta.dirname, '..', '..', 'src', 'kernel')
    const source = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.ts'))
      .map(path => readFileSync(join(folder, path), 'utf8'))
      .join('\n')
    const known = new Set(source.match(/\w+/g))
    const named = Object.values(KEPT_BY).flatMap(text =>
      [...text.matchAll(/`([^`]+)`/g)].flatMap(([, name = '']) => name.match(/\w+/g) ?? []),
    )
    expect(named.filter(name => !known.has(name))).toEqual([])
    // A guard that is said to keep a rule is one of some row.
    const guards = new Set(meerkat.edges.flatMap(edge => edge.guards))
    const said = Object.values(KEPT_BY).flatMap(text =>
      [...text.matchAll(/`((?:is|not|can|all|has|covers|expects|extractions|are)[A-Z]\w*)`/g)].map(
        ([, name = '']) => name,
      ),
    )
    expect(said.filter(name => !guards.has(name))).toEqual([])
  })

  test('are one a region, and all are found from the first', () => {
    const pages = kernelPages()
    for (const { name } of meerkat.regions) expect(pages.has(`meerkat/${name}.md`)).toBe(true)
    for (const path of pages.keys()) if (path !== 'README.md') expect(pages.get('README.md')).toContain(`(${path})`)
  })

  test('draw what a region itself does and what it follows', () => {
    const { mermaid, dot } = diagramOf(meerkat, 'lifecycle')
    expect(mermaid).toContain('[*] --> initializing')
    expect(mermaid).toContain('idle --> attached: EnsureSessionWithExecutor, PrepareBindings')
    expect(dot).toContain('stopped -> idle [label = "Resume')
    expect(dot.trim().endsWith('}')).toBe(true)
  })

  test('refuse a region that is not there', () => {
    expect(() => diagramOf(meerkat, 'nowhere')).toThrow('meerkat has no region nowhere')
  })
})
