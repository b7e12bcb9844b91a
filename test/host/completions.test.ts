/** Work beside the turns that ends while a run goes on: the session is told of all of it together, once. */
import { describe, expect, test } from 'vitest'
import type { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { type ScriptedExecutor, scriptedExecutor } from '../../src/testing/index.ts'
import { ephemeral, S } from './support/machines.ts'

const NUMBERS = [1, 2, 3, 4, 5]

/** A session with five jobs under way and a run in progress. */
async function busy(executor: ScriptedExecutor) {
  const machine = await ephemeral()
  await machine.registerSessionWithExecutor(S, executor)
  const registry = machine.opsLifecycleRegistry(S)
  const jobs = []
  for (const n of NUMBERS) {
    const id = await registry.register({ kind: 'background-tool-op', title: `job ${n}` })
    await registry.started(id)
    jobs.push(id)
  }
  const sent = await machine.acceptInputWithCompletion(S, { content: 'go' })
  return { machine, registry, jobs, sent, run: await executor.next() }
}

async function continuations(machine: MeerkatMachine): Promise<readonly string[]> {
  const { items } = await machine.runtime.inputs(S, {})
  return items.filter(({ kind }) => kind === 'continuation').map(({ content }) => JSON.stringify(content))
}

describe('five jobs that end one after the other during a run', () => {
  test('lead to exactly one further call of the executor, which hears of all five', async () => {
    const executor = scriptedExecutor()
    const { machine, registry, jobs, sent, run } = await busy(executor)
    for (const id of jobs) await registry.complete(id, { output: `done ${id}` })
    run.answer('first')
    const further = await executor.next()
    further.answer('heard')
    expect(await sent.completion).toMatchObject({ status: 'consumed' })
    expect(machine.listActiveInputs(S)).toEqual([])
    expect(executor.applied).toHaveLength(2)
    const told = await continuations(machine)
    expect(told).toHaveLength(1)
    for (const [index, id] of jobs.entries()) {
      expect(told[0]).toContain(`job ${index + 1}`)
      expect(told[0]).toContain(`done ${id}`)
    }
  })

  test('are told at the next boundary of the run that goes on', async () => {
    const executor = scriptedExecutor()
    const { machine, registry, jobs, sent, run } = await busy(executor)
    for (const id of jobs) await registry.fail(id, { error: 'no space left' })
    expect(await run.useTool({ id: 'look' })).toEqual({ next: 'continue', steered: 1 })
    expect(JSON.stringify(run.port.journal())).toContain('job 5')
    run.answer('heard')
    expect(await sent.completion).toMatchObject({ result: { text: 'heard' } })
    expect(executor.applied).toHaveLength(1)
    expect(await continuations(machine)).toHaveLength(1)
  })

  test.each(['throws', 'is cancelled', 'fails'] as const)(
    'are told once by a run of their own where the run %s before it passes one',
    async how => {
      const executor = scriptedExecutor()
      const { machine, registry, jobs, sent, run } = await busy(executor)
      for (const id of jobs) await registry.complete(id)
      if (how === 'is cancelled') {
        await machine.hardCancelCurrentRun(S)
        run.end({ type: 'cancelled' })
      } else if (how === 'throws') run.throw(new Error('crashed'))
      else run.end({ type: 'failed', source: 'llm', error: { code: 'x', message: 'x' } })
      // The further attempt and the jobs' run, in either order.
      for (let left = how === 'throws' ? 2 : 1; left > 0; left--) (await executor.next()).answer('done')
      await sent.completion
      await machine.runtime.events({ sessionId: S, after: '0', limit: 1_000 })
      expect(await continuations(machine)).toHaveLength(1)
      expect(executor.applied.length).toBeLessThanOrEqual(how === 'throws' ? 3 : 2)
    },
  )

  test('and while nothing runs: the first wakes the session, the rest is told at the end of that run', async () => {
    const executor = scriptedExecutor()
    const { machine, registry, jobs, sent, run } = await busy(executor)
    run.answer('first')
    await sent.completion
    for (const id of jobs) await registry.complete(id)
    const woken = await executor.next()
    woken.answer('of one')
    ;(await executor.next()).answer('of four')
    await machine.runtime.input(S, { inputId: sent.inputId })
    const told = await continuations(machine)
    expect(told).toHaveLength(2)
    expect(told[1]).toContain('job 5')
  })
})
