/** A simulation of the caller's own tools calls them, and options that nothing would act on are refused. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type AgentTool, tool } from '../../src/executor/agent/index.ts'
import { type SimulationOptions, simulate, simulateMany } from '../../src/testing/index.ts'
import { scriptedModel } from '../../src/testing/sim/scripted-agent.ts'

/** Tools of a shop, and what they were called with. */
function shop() {
  const seen: Record<string, unknown[]> = { quote: [], order: [], refund: [] }
  const make = <Input extends z.ZodObject>(name: string, input: Input, more: Partial<AgentTool> = {}): AgentTool => ({
    ...tool({ name, description: name, input, onLost: 'retry', execute: args => void seen[name]?.push(args) }),
    ...more,
  })
  const tools = (): readonly AgentTool[] => [
    make('quote', z.object({ item: z.string().min(3), count: z.int().min(1).max(9), fast: z.boolean().optional() })),
    make('order', z.object({ to: z.object({ email: z.email() }), lines: z.array(z.enum(['tea', 'milk'])).min(1) })),
    make('refund', z.object({ id: z.uuid() }), { onLost: 'ask', needsApproval: () => true, mayNeedApproval: true }),
  ]
  return { tools, seen }
}

describe('simulateMany({ tools })', () => {
  test('calls every tool that is given, with arguments made from its schema', async () => {
    const { tools, seen } = shop()
    const tally = await simulateMany({ seeds: 3, steps: 60, tools })
    for (const name of ['quote', 'order', 'refund']) {
      expect(seen[name]?.length).toBeGreaterThan(2)
      expect(tally[`call of ${name}`]).toBe(seen[name]?.length)
    }
    expect(seen['order']?.[0]).toEqual({ to: { email: expect.stringContaining('@') as unknown }, lines: ['tea'] })
  })

  test('fails by the name of a tool that was never called, and says why', async () => {
    const never = tool({
      name: 'never',
      description: 'Takes nothing that a schema can say.',
      input: z.object({ code: z.string().refine(code => code === 'open sesame', 'is not the word') }),
      execute: () => 'opened',
    })
    const tools = (): readonly AgentTool[] => [...shop().tools(), never]
    const report = await simulate({ seed: 1, steps: 30, tools })
    expect(report.ok).toBe(false)
    expect(report.violations).toMatchObject([{ rule: 'tool-never-called' }])
    expect(report.violations[0]?.text).toMatch(/never was never called.*is not the word/s)
    await expect(simulateMany({ seeds: 1, steps: 30, tools })).rejects.toThrow('never was never called')
  })

  test('with a model of your own: a tool that none of all the seeds called fails them', async () => {
    const model = ({ random }: { readonly random: Parameters<typeof scriptedModel>[0] }) =>
      scriptedModel(random, { faults: { badWork: 0 } } as Parameters<typeof scriptedModel>[1])
    const { tools } = shop()
    const options = { seeds: 3, steps: 30, faults: { kill: 0, crash: 0 }, tools, model }
    await expect(simulateMany({ ...options, prompt: () => 'p quote order' })).rejects.toThrow(
      'refund was never called in 3 simulations',
    )
    await simulateMany({ ...options, prompt: random => `p quote ${random.pick(['order', 'refund']) ?? 'order'}` })
  })

  test('repeats itself exactly', async () => {
    const once = await simulate({ seed: 5, steps: 60, tools: shop().tools })
    const again = await simulate({ seed: 5, steps: 60, tools: shop().tools })
    expect(again.hash).toBe(once.hash)
  })
})

describe('options of a simulation', () => {
  const { tools } = shop()
  const executor: SimulationOptions['executor'] = () => ({ name: 'e', apply: async () => ({ type: 'completed' }) })
  const model = (): never => {
    throw new Error('not called')
  }

  test.each<readonly [what: string, options: object, path: string]>([
    ['tools beside an executor', { tools, executor }, 'tools'],
    ['a model beside an executor', { model, executor, prompt: () => 'p' }, 'model'],
    ['policies beside tools', { tools, policies: ['ask'] }, 'policies'],
    ['policies beside an executor', { executor, policies: ['ask'] }, 'policies'],
    ['a model without prompts', { model }, 'prompt'],
    ['tools that are a list', { tools: tools() }, 'tools'],
    ['tools that are none', { tools: () => [] }, 'tools'],
    ['tools that are no tools', { tools: () => [{ name: 'x' }] }, 'description'],
    ['a fault that there is not', { faults: { crashes: 1 } }, 'crashes'],
    ['a rate above 1', { faults: { kill: 2 } }, 'kill'],
    ['power without anything that waits', { faults: { power: 0.1 } }, 'faults'],
    ['steps that are not a number', { steps: Number.NaN }, 'steps'],
    ['no owners', { owners: 0 }, 'owners'],
    ['policies that there are not', { policies: ['never'] }, 'policies'],
    ['an option that nothing reads', { tool: tools }, 'tool'],
    ['no seed', { seed: undefined }, 'seed'],
  ])('%s: refused by name', async (_, options, path) => {
    const issues = [expect.objectContaining({ path })]
    await expect(simulate({ seed: 1, ...options })).rejects.toMatchObject({
      code: 'invalid-params',
      details: { issues },
    })
  })

  test.each(['seeds', 'from', 'onReport'])('%s of many that are wrong: refused by name', async path => {
    const details = { issues: [expect.objectContaining({ path })] }
    const wrong = { seeds: 1, [path]: 'x' } as { readonly seeds: number }
    await expect(simulateMany(wrong)).rejects.toMatchObject({ code: 'invalid-params', details })
  })
})
