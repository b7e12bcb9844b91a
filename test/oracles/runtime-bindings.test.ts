/** How work that ended in the background comes to a session: who is woken by it, when, and how often. */
import { describe, expect, test } from 'vitest'
import type { OpsLifecycleRegistry } from '../../src/host/operations.ts'
import type { OperationNature } from '../../src/kernel/regions/operations/state.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { ephemeral, S } from '../host/support/machines.ts'

async function end(ops: OpsLifecycleRegistry, nature: OperationNature, title: string): Promise<void> {
  const id = await ops.register({ ...nature, title })
  await ops.started(id)
  await ops.complete(id, { output: `${title} is there` })
}

const TOOL = { kind: 'background-tool-op' } as const
const CHILD = { kind: 'mob-member-child' } as const

describe('runtime_bindings_contract, detached_wake_contract', () => {
  // Oracles 113 and 116.
  test('an idle session is woken once by a tool that ended, and not at all by a member of a mob', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor(() => 'heard')
    await machine.registerSessionWithExecutor(S, executor)
    const ops = machine.opsLifecycleRegistry(S)
    await end(ops, CHILD, 'a member')
    expect(machine.runtimeState(S)).toBe('attached')
    await end(ops, TOOL, 'the file')
    const [told] = (await machine.runtime.inputs(S, {})).items
    expect(told?.kind).toBe('continuation')
    expect(told?.content).toContain('the file is there')
    expect(await machine.runtime.wait(S, told?.id ?? '', 15_000)).toMatchObject({ status: 'consumed' })
    expect(executor.applied.map(({ said }) => said.includes('a member'))).toEqual([false])
    expect((await machine.runtime.inputs(S, {})).items).toHaveLength(1)
  })

  // Oracle 115. What ends during a run is a steer of it: it is heard at its next boundary, at the latest after its answer.
  test('a busy session hears of it at the boundary its run comes to, and not in the middle of a turn', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    const run = await executor.next()
    await end(machine.opsLifecycleRegistry(S), TOOL, 'the file')
    expect(executor.applied).toHaveLength(1)
    expect(run.port.journal().map(({ role }) => role)).toEqual(['user'])
    run.answer('an answer')
    const again = await executor.next()
    expect(again.port.runId).toBe(run.port.runId)
    expect(again.port.journal().at(-1)?.content).toContain('the file is there')
    again.answer('so it is there')
    expect(await completion).toMatchObject({ status: 'consumed', result: { text: 'so it is there' } })
    expect(executor.applied).toHaveLength(2)
  })
})
