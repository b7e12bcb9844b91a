/** What a lifecycle operation makes of inputs that wait, and what their waiters hear. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { HostInput } from '../../src/host/admission.ts'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { ephemeral, S } from '../host/support/machines.ts'
import { freshPath } from '../store/support/files.ts'

const PROGRESS: HostInput = { content: 'half', kind: 'peer-response-progress', origin: 'peer', durability: 'ephemeral' }

/** A served session with progress that waits. */
async function withProgress() {
  const machine = await ephemeral()
  const executor = scriptedExecutor(() => ({ type: 'completed' as const }))
  await machine.registerSessionWithExecutor(S, executor)
  const { inputId, completion } = await machine.acceptInputWithCompletion(S, PROGRESS)
  return { machine, executor, inputId, completion }
}

describe('control_plane_contract, runtime_ingress_control, runtime_terminal_publication', () => {
  // Oracle 53. An executor that serves the session still serves it afterwards, so it is attached rather than idle.
  test('a reset gives passive progress up, and its executor never hears of it', async () => {
    const { machine, executor, inputId, completion } = await withProgress()
    expect(await machine.reset(S)).toMatchObject({ inputsAbandoned: 1, phase: 'attached' })
    expect(await completion).toMatchObject({ status: 'abandoned', reason: 'reset' })
    expect(machine.inputState(S, inputId)).toBeUndefined()
    expect(executor.applied).toEqual([])
    expect(machine.sessionHasExecutor(S)).toBe(true)
  })

  // Oracle 55, but that who waits is not told of the stop as an end: what is queued waits for the resume.
  test('a stop without an executor is found by the next process, and what waits runs after a resume', async () => {
    const path = freshPath()
    const first = await MeerkatMachine.persistent(sqlite(path))
    await first.registerSession(S)
    const { inputId, completion } = await first.acceptInputWithCompletion(S, { content: 'x' })
    const counts = { inputsAbandoned: 0, inputsPendingDrain: 1 }
    expect(await first.stopRuntimeExecutor(S)).toMatchObject({ phase: 'stopped', ...counts })
    completion.catch(() => {})
    await first.close()
    const second = await MeerkatMachine.persistent(sqlite(path))
    onTestFinished(() => second.close())
    await second.registerSession(S)
    expect(second.runtimeState(S)).toBe('stopped')
    expect(await second.input(S, { inputId })).toMatchObject({ status: 'queued' })
    await second.resume(S)
    await second.registerSessionWithExecutor(
      S,
      scriptedExecutor(() => 'awake'),
    )
    expect(await second.runtime.wait(S, inputId, 10_000)).toMatchObject({ status: 'consumed' })
  })

  // Oracle 56.
  test('a retirement has passive progress answered first: nothing else will take it along', async () => {
    const { machine, executor, inputId, completion } = await withProgress()
    expect(await machine.retire(S)).toMatchObject({ inputsPendingDrain: 1, inputsAbandoned: 0 })
    const ended = await completion
    expect(ended).toMatchObject({ status: 'consumed', result: { outcome: 'completed' } })
    expect(ended.result).not.toHaveProperty('text')
    expect(executor.applied).toHaveLength(1)
    expect(machine.runtimeState(S)).toBe('retired')
    expect(await machine.input(S, { inputId })).toMatchObject({ status: 'consumed' })
    expect(machine.sessionHasExecutor(S)).toBe(true)
  })

  test('a retirement does not run what a silent intent sent: it starts no turn', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor(() => 'ok')
    await machine.registerSessionWithExecutor(S, executor)
    await machine.setSessionSilentIntents(S, ['ping'])
    const ping: HostInput = { content: 'ping', kind: 'peer-request', origin: 'peer', intent: 'ping' }
    const { completion } = await machine.acceptInputWithCompletion(S, ping)
    expect(await machine.retire(S)).toMatchObject({ inputsPendingDrain: 0, inputsAbandoned: 1 })
    expect(await completion).toMatchObject({ status: 'abandoned', reason: 'retired' })
    expect(executor.applied).toEqual([])
  })

  // Oracle 58.
  test('an answer leaves the session attached, with nothing unfinished', async () => {
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(
      S,
      scriptedExecutor(run => `re: ${run.said}`),
    )
    const { inputId, completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ status: 'consumed', result: { outcome: 'completed', text: 're: x' } })
    expect(await machine.input(S, { inputId })).toMatchObject({ status: 'consumed' })
    expect(machine.runtimeState(S)).toBe('attached')
    expect(machine.listActiveInputs(S)).toEqual([])
  })
})
