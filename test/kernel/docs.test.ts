import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { kernelPage, kernelPagePath } from '../../scripts/kernel-docs.ts'
import { diagramOf, tableOf } from '../../src/kernel/diagram.ts'
import { meerkat } from '../../src/kernel/machine.ts'

describe("the kernel's page", () => {
  test('says what the kernel declares', () => {
    expect(readFileSync(kernelPagePath, 'utf8'), 'run `node scripts/kernel-docs.ts`').toBe(kernelPage())
  })

  test('has a row for every declared row and a line for every invariant', () => {
    const table = tableOf(meerkat)
    for (const { input, row } of meerkat.edges) expect(table).toContain(`| \`${input}\` | ${row} |`)
    for (const { id } of meerkat.invariants) expect(table).toContain(`- \`${id}\`:`)
  })

  test('draws what the region itself does and what it follows', () => {
    const { mermaid, dot } = diagramOf(meerkat, 'lifecycle')
    expect(mermaid).toContain('[*] --> initializing')
    expect(mermaid).toContain('idle --> attached: EnsureSessionWithExecutor, PrepareBindings')
    expect(dot).toContain('stopped -> idle [label = "Resume')
    expect(dot.trim().endsWith('}')).toBe(true)
  })

  test('refuses a region that is not there', () => {
    expect(() => diagramOf(meerkat, 'nowhere')).toThrow('meerkat has no region nowhere')
  })
})
