/** A host's machine: who serves a session, what a failure leaves, and what is durable before anybody hears of it. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { CoreExecutor } from '../../src/executor/executor.ts'
import { type MachineOptions, MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { AgentRuntimeId } from '../../src/kernel/ids.ts'
import { memory } from '../../src/store/memory.ts'
import type { Commit } from '../../src/store/store.ts'
import { type FaultyStoreControl, faultyStore, manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { answering, ephemeral, failure, S } from '../host/support/machines.ts'

/** A machine over a store that fails when it is told to. */
async function onFaultyStore(options: MachineOptions = {}) {
  const control: FaultyStoreControl = {}
  const { clock } = options
  const machine = await MeerkatMachine.persistent(faultyStore(memory({ ...(clock && { clock }) }), control), options)
  onTestFinished(() => machine.close())
  return { machine, control }
}

/** Answers what it is told. */
const echoing = () => scriptedExecutor(run => `re: ${run.said}`)

describe('meerkat_machine: who serves a session', () => {
  // Oracle 64.
  test('inputs that wake nobody wait for a wake, and then have a run each', async () => {
    const machine = await ephemeral()
    const executor = echoing()
    await machine.registerSessionWithExecutor(S, executor)
    expect(await machine.wakeRuntimeIfActiveInputs(S)).toBe(false)
    const sent = []
    for (const content of ['one', 'two', 'three']) {
      sent.push(await machine.acceptInputWithCompletion(S, { content, withoutWake: true }))
    }
    expect(machine.listActiveInputs(S).map(({ status }) => status)).toEqual(['queued', 'queued', 'queued'])
    expect(executor.applied).toEqual([])
    expect(await machine.wakeRuntimeIfActiveInputs(S)).toBe(true)
    for (const { completion } of sent) expect(await completion).toMatchObject({ status: 'consumed' })
    expect(executor.applied.map(({ said }) => said)).toEqual(['one', 'two', 'three'])
  })

  // Oracle 86.
  test('a recycling has what waits answered, in its order, passive inputs too', async () => {
    const machine = await ephemeral()
    const executor = echoing()
    await machine.registerSessionWithExecutor(S, executor)
    const sent = []
    for (const content of ['one', 'two']) {
      sent.push(await machine.acceptInputWithCompletion(S, { content, withoutWake: true }))
    }
    expect(await machine.recycle(S)).toMatchObject({ inputsTransferred: 2, inputsAbandoned: 0 })
    for (const { completion } of sent) expect(await completion).toMatchObject({ status: 'consumed' })
    expect(executor.applied.map(({ said }) => said)).toEqual(['one', 'two'])
  })

  // Oracle 67.
  test('an executor that could not be made leaves nothing behind: the next one answers what waits', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    const broken = (): CoreExecutor => {
      throw new Error('no key')
    }
    await expect(machine.ensureSessionWithExecutor(S, broken)).rejects.toThrow('no key')
    expect(machine.sessionHasExecutor(S)).toBe(false)
    expect(await machine.ensureSessionWithExecutor(S, echoing)).toBe('Claimed')
    expect(await completion).toMatchObject({ status: 'consumed', result: { text: 're: x' } })
  })

  // Oracle 67.
  test('an executor that does not listen to a stop is gone with it, and another serves', async () => {
    const machine = await ephemeral({ abortGraceMs: 20 })
    const deaf = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, deaf)
    await machine.acceptInput(S, { content: 'x' })
    await deaf.next()
    expect(await machine.stopRuntimeExecutor(S)).toMatchObject({ phase: 'stopped' })
    expect(machine.sessionHasExecutor(S)).toBe(false)
    expect(await machine.ensureSessionWithExecutor(S, echoing)).toBe('Claimed')
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'y' })
    expect(await completion).toMatchObject({ result: { text: 're: y' } })
  })

  test('a session that was stopped by anybody is served by who comes next', async () => {
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(S, echoing())
    await machine.runtime.control(S, 'stop')
    expect(machine.sessionHasExecutor(S)).toBe(false)
    expect(await machine.ensureSessionWithExecutor(S, () => scriptedExecutor(() => 'the next'))).toBe('Claimed')
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ result: { text: 'the next' } })
  })

  test('an executor whose attachment could not be written does not serve', async () => {
    const { machine, control } = await onFaultyStore()
    await machine.registerSession(S)
    await machine.stopRuntimeExecutor(S)
    control.onCommit = () => 'before'
    expect(await failure(machine.ensureSessionWithExecutor(S, echoing))).toMatchObject({ code: 'store-unavailable' })
    expect(machine.sessionHasExecutor(S)).toBe(false)
    delete control.onCommit
    expect(await machine.ensureSessionWithExecutor(S, echoing)).toBe('Claimed')
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ status: 'consumed' })
  })

  // Oracle 92.
  test('nobody is served by a drain that was not asked for, and a teardown ends the one that was', async () => {
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(S, answering())
    expect((await machine.prepareBindings(S)).runtimeAuthority).toBeDefined()
    expect(await machine.drains.wait(S, 0)).toBe(true)
    const told = Promise.withResolvers<unknown>()
    await machine.drains.spawn(S, 'PersistentHost', signal => {
      signal.addEventListener('abort', () => told.resolve(signal.reason), { once: true })
      return told.promise.then(() => 'Aborted')
    })
    await machine.unregisterSession(S)
    expect(await told.promise).toBe('Aborted')
  })
})

describe('meerkat_machine: a run that fails', () => {
  // Oracles 68 and 70; a waiter hears of the end, not of the first attempt (decision 3).
  test('leaves its session attached, and its input ended', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor(() => {
      throw new Error('broken')
    })
    await machine.registerSessionWithExecutor(S, executor)
    const { inputId, completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({
      status: 'abandoned',
      reason: 'max-attempts',
      result: { error: { code: 'executor-failed', cause: 'runtime-apply-failure', message: 'broken' } },
    })
    expect(machine.runtimeState(S)).toBe('attached')
    expect(machine.inputState(S, inputId)).toBeUndefined()
    expect(machine.listActiveInputs(S)).toEqual([])
  })

  // Oracles 74 and 77.
  test('after its turn was complete is told to who waits, and the session goes on', async () => {
    const machine = await ephemeral()
    const { turnState } = await machine.prepareBindings(S)
    const phases: string[] = []
    const executor = scriptedExecutor(async run => {
      if (run.said === 'fine') return 'fine'
      await turnState.llmReturnedTerminal(run.port.runId)
      await turnState.boundaryComplete(run.port.runId)
      phases.push(turnState.snapshot().turnPhase)
      throw new Error('the projection could not be written')
    })
    await machine.registerSessionWithExecutor(S, executor)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({
      status: 'abandoned',
      result: { error: { cause: 'runtime-apply-failure', message: 'the projection could not be written' } },
    })
    expect(phases).toContain('completed')
    const next = await machine.acceptInputWithCompletion(S, { content: 'fine' })
    expect(await next.completion).toMatchObject({ status: 'consumed', result: { text: 'fine' } })
  })

  // Oracle 76.
  test('because the store stays away lets the session go: registered and attached anew it is served', async () => {
    const clock = manualClock()
    const { machine, control } = await onFaultyStore({ clock })
    const executor = scriptedExecutor()
    const old = await machine.prepareBindings(S)
    await machine.registerSessionWithExecutor(S, executor)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    const run = await executor.next()
    control.onCommit = () => 'before'
    run.answer('lost')
    for (let minute = 0; minute < 40; minute++) {
      await clock.idle(5)
      clock.advance(5_000)
    }
    expect([machine.containsSession(S), machine.sessionHasExecutor(S)]).toEqual([false, false])
    expect(await failure(machine.acceptInput(S, { content: 'y' }))).toMatchObject({ code: 'not-ready' })
    delete control.onCommit
    const fresh = await machine.prepareBindings(S)
    expect(fresh.epochId).toBe(old.epochId)
    await expect(old.sessionContext.contextAdvanced(1)).rejects.toMatchObject({ kind: 'no-matching-transition' })
    expect(await machine.registerSessionWithExecutor(S, echoing())).toBe('Claimed')
    expect(await completion).toMatchObject({ status: 'consumed', result: { text: 're: x' } })
  })
})

describe('meerkat_machine: nothing is said before it is durable', () => {
  // Oracles 79 and 80.
  test.each(['retire', 'destroy', 'reset', 'recycle'] as const)(
    'a %s that could not be written has not happened, and can be asked for again',
    async operation => {
      const { machine, control } = await onFaultyStore()
      const signals: string[] = []
      machine.setCompositionSignalDispatcher({
        dispatch: (_, { type }) => {
          signals.push(type)
          return Promise.resolve()
        },
      })
      const { epochId } = await machine.prepareBindings(S)
      const placement = { runtimeId: 'r' as AgentRuntimeId, fence: 1, generation: 1, ...(epochId && { epochId }) }
      await machine.prepareBindings(S, placement)
      const { inputId, completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
      let ended = false
      const noted = completion.then(
        () => {
          ended = true
        },
        () => {},
      )
      const before = machine.runtimeState(S)
      control.onCommit = () => 'before'
      expect(await failure(machine[operation](S))).toMatchObject({ code: 'store-unavailable' })
      expect(machine.runtimeState(S)).toBe(before)
      expect(machine.inputState(S, inputId)).toMatchObject({ status: 'queued' })
      expect([ended, signals]).toEqual([false, ['RuntimeBound']])
      delete control.onCommit
      expect(await machine[operation](S)).toMatchObject({ inputsAbandoned: operation === 'recycle' ? 0 : 1 })
      if (operation !== 'recycle') expect(await completion).toMatchObject({ status: 'abandoned' })
      await machine.close()
      await noted
    },
  )

  // Oracle 80.
  test('a destruction shows when it is written, not before', async () => {
    const { machine, control } = await onFaultyStore()
    await machine.registerSession(S)
    const asked = Promise.withResolvers<void>()
    const written = Promise.withResolvers<void>()
    control.onCommit = () => {
      asked.resolve()
      return written.promise
    }
    const destroyed = machine.destroy(S)
    await asked.promise
    expect(machine.runtimeState(S)).toBe('idle')
    written.resolve()
    await destroyed
    expect(machine.runtimeState(S)).toBe('destroyed')
  })

  // Oracle 82.
  test('an end of a turn that could not be written is not there, and one that has not come is refused', async () => {
    const { machine, control } = await onFaultyStore({ abortGraceMs: 20 })
    const { turnState } = await machine.prepareBindings(S)
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    const { runId } = (await executor.next()).port
    expect(await failure(machine.commitServiceTurnTerminalReceipt(S, runId))).toMatchObject({ code: 'rejected' })
    await turnState.llmReturnedTerminal(runId)
    await turnState.boundaryComplete(runId)
    control.onCommit = () => 'before'
    expect(await failure(machine.commitServiceTurnTerminalReceipt(S, runId))).toMatchObject({
      code: 'store-unavailable',
    })
    expect(machine.runtimeState(S)).toBe('running')
    delete control.onCommit
    await machine.commitServiceTurnTerminalReceipt(S, runId)
    expect(await completion).toMatchObject({ status: 'consumed', result: { outcome: 'completed', runId } })
    expect(machine.runtimeState(S)).toBe('attached')
    expect(await machine.runtime.run(S, runId)).toMatchObject({
      run: { state: 'completed' },
      receipts: [{ boundary: 1 }],
    })
  })

  test('a turn that failed by its handle tells its waiters so', async () => {
    const { machine } = await onFaultyStore({ abortGraceMs: 20 })
    const { turnState } = await machine.prepareBindings(S)
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    const { runId } = (await executor.next()).port
    await turnState.fatalFailure(runId, 'llm')
    await machine.commitServiceTurnTerminalReceipt(S, runId)
    expect(await completion).toMatchObject({ status: 'consumed', result: { outcome: 'failed', runId, error: {} } })
  })

  test('an executor that brought its turn to the end by its handle still returns the answer', async () => {
    const { machine } = await onFaultyStore()
    const { turnState } = await machine.prepareBindings(S)
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    const run = await executor.next()
    await turnState.llmReturnedTerminal(run.port.runId)
    await turnState.boundaryComplete(run.port.runId)
    run.answer('y')
    expect(await completion).toMatchObject({ status: 'consumed', result: { outcome: 'completed', text: 'y' } })
    expect((await machine.runtime.history(S, {})).messages.map(({ role }) => role)).toEqual(['user', 'assistant'])
  })

  // Oracle 83.
  test('a run that is answered is one commit for its acceptance and one for everything else', async () => {
    const { machine, control } = await onFaultyStore()
    await machine.registerSessionWithExecutor(S, echoing())
    const commits: Commit[] = []
    control.onCommit = (_, commit) => {
      commits.push(commit)
      return undefined
    }
    const { inputId, completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    await completion
    expect(commits).toHaveLength(2)
    expect(commits[0]?.record).toMatchObject({ inputs: [{ id: inputId }] })
    expect(commits[1]?.record).toMatchObject({
      ended: [{ id: inputId, status: 'consumed' }],
      messages: [{ role: 'user' }, { role: 'assistant' }],
    })
    expect(commits[1]?.record.events?.map(({ type }) => type)).toContain('run.completed')
  })
})

describe('meerkat_machine: waiters', () => {
  // Oracle 88.
  test('of one key hear the same end, whether it is to come or has come', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const keyed = { content: 'x', idempotencyKey: 'k' }
    const first = await machine.acceptInputWithCompletion(S, keyed)
    const run = await executor.next()
    const second = await machine.acceptInputWithCompletion(S, keyed)
    expect(second).toMatchObject({ outcome: 'deduplicated', inputId: first.inputId })
    run.answer('once')
    const ended = await first.completion
    expect(ended).toMatchObject({ status: 'consumed', result: { text: 'once' } })
    expect(await second.completion).toEqual(ended)
    expect(await (await machine.acceptInputWithCompletion(S, keyed)).completion).toEqual(ended)
    expect(executor.applied).toHaveLength(1)
  })

  // Oracle 89.
  test('of a session that is let go hear that it was', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    await machine.unregisterSession(S)
    expect(await completion).toEqual({ status: 'abandoned', reason: 'unregistered' })
    expect(machine.containsSession(S)).toBe(false)
  })
})
