import { describe, expect, test } from 'vitest'
import { kernelPages, staleKernelPages } from '../../scripts/kernel-docs.ts'
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
