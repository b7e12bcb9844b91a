/** Registrations that end, begin and are served in the same moment. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { CoreExecutor } from '../../src/executor/executor.ts'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { memory } from '../../src/store/memory.ts'
import { type FaultyStoreControl, faultyStore, scriptedExecutor } from '../../src/testing/index.ts'
import { freshStore } from '../session/support.ts'
import { answering, ephemeral, failure, S } from './support/machines.ts'

describe('a registration', () => {
  test('of a session that was unregistered and then stopped begins anew, and a served one goes on', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    await machine.unregisterSession(S)
    await machine.runtime.control(S, 'stop')
    await machine.registerSession(S)
    expect(await machine.ensureSessionWithExecutor(S, answering)).toBe('Claimed')
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ status: 'consumed' })
  })

  test('that ended while its executor was made is not served: the next one is', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const asked = Promise.withResolvers<void>()
    const made = Promise.withResolvers<CoreExecutor>()
    const late = machine.ensureSessionWithExecutor(S, () => {
      asked.resolve()
      return made.promise
    })
    const refused = failure(late)
    await asked.promise
    await machine.unregisterSession(S)
    await machine.registerSession(S)
    expect(machine.sessionHasExecutor(S)).toBe(false)
    expect(await machine.ensureSessionWithExecutor(S, answering)).toBe('Claimed')
    made.resolve(answering())
    expect(await refused).toMatchObject({ code: 'not-ready' })
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ status: 'consumed' })
  })

  test('whose last step was written and not acknowledged has ended', async () => {
    const control: FaultyStoreControl = {}
    const machine = await MeerkatMachine.persistent(faultyStore(memory(), control))
    onTestFinished(() => machine.close())
    await machine.registerSession(S)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    control.onCommit = (_, { record }) => {
      if (record.steps?.some(({ type }) => type === 'UnregisterSession') !== true) return undefined
      control.readsFail = true
      return 'after'
    }
    expect(await failure(machine.unregisterSession(S))).toMatchObject({ code: 'store-unavailable' })
    delete control.onCommit
    delete control.readsFail
    expect(await machine.unregisterSession(S)).toBe(true)
    expect(await completion).toMatchObject({ status: 'abandoned', reason: 'unregistered' })
    expect(machine.containsSession(S)).toBe(false)
    expect(await machine.registerSessionWithExecutor(S, answering())).toBe('Claimed')
  })

  test('whose last step was written and not acknowledged is followed by the next one', async () => {
    const control: FaultyStoreControl = {}
    const machine = await MeerkatMachine.persistent(faultyStore(memory(), control))
    onTestFinished(() => machine.close())
    await machine.registerSession(S)
    control.onCommit = (_, { record }) => {
      if (record.steps?.some(({ type }) => type === 'UnregisterSession') !== true) return undefined
      control.readsFail = true
      return 'after'
    }
    expect(await failure(machine.unregisterSession(S))).toMatchObject({ code: 'store-unavailable' })
    delete control.onCommit
    delete control.readsFail
    expect(await machine.registerSessionWithExecutor(S, answering())).toBe('Claimed')
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ status: 'consumed' })
  })

  test('that is stopped keeps an executor that was attached right after', async () => {
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(S, answering())
    const stopping = machine.stopRuntimeExecutor(S)
    while (machine.runtimeState(S) !== 'stopped') await Promise.resolve()
    const claims = await Promise.all([machine.ensureSessionWithExecutor(S, answering), stopping])
    expect(claims[0]).toBe('Claimed')
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ status: 'consumed' })
  })

  test('that is destroyed while it stops keeps nobody waiting for the stop', async () => {
    const machine = await ephemeral({ abortGraceMs: 20 })
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    await machine.acceptInput(S, { content: 'x' })
    await executor.next()
    const stopping = machine.stopRuntimeExecutor(S)
    await machine.destroy(S)
    expect(await stopping).toMatchObject({ phase: 'destroyed' })
  })

  test('that is recovered while it stops is stopped', async () => {
    const machine = await ephemeral({ abortGraceMs: 20 })
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    await executor.next()
    const stopping = machine.stopRuntimeExecutor(S)
    expect(await machine.recover(S)).toMatchObject({ inputsRecovered: 0, inputsAbandoned: 1 })
    expect(await stopping).toMatchObject({ phase: 'stopped' })
    expect(await completion).toMatchObject({ status: 'abandoned', reason: 'stopped' })
    expect(machine.sessionHasExecutor(S)).toBe(false)
  })

  test('that is revived in the same breath as it stops keeps nobody waiting for the stop', async () => {
    const machine = await ephemeral({ abortGraceMs: 20 })
    await machine.registerSession(S)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    await Promise.all([machine.stopRuntimeExecutor(S), machine.resume(S)])
    expect(machine.runtimeState(S)).toBe('idle')
    await machine.registerSessionWithExecutor(
      S,
      scriptedExecutor(() => 'awake'),
    )
    expect(await completion).toMatchObject({ status: 'consumed' })
  })

  test('that goes with its machine costs no input an attempt', async () => {
    const store = freshStore('sqlite')
    const control: FaultyStoreControl = {}
    const held = { 'loop.dispatch': Promise.withResolvers<void>(), 'session.loaded': Promise.withResolvers<void>() }
    const reached = { 'loop.dispatch': Promise.withResolvers<void>(), 'session.loaded': Promise.withResolvers<void>() }
    let holds = false
    const first = await MeerkatMachine.persistent(faultyStore(store, control), {
      abortGraceMs: 20,
      faults: async point => {
        if (!holds || (point !== 'loop.dispatch' && point !== 'session.loaded')) return
        reached[point].resolve()
        await held[point].promise
      },
    })
    const asked = Promise.withResolvers<void>()
    const apply = (): Promise<never> => {
      asked.resolve()
      return new Promise(() => {})
    }
    await first.registerSessionWithExecutor(S, { name: 'slow', apply })
    holds = true
    await first.acceptInput(S, { content: 'x' })
    const loading = first.registerSession('another' as typeof S)
    await Promise.all([reached['loop.dispatch'].promise, reached['session.loaded'].promise])
    control.onCommit = () => {
      asked.resolve()
      return undefined
    }
    const closed = first.close()
    held['loop.dispatch'].resolve()
    await asked.promise
    held['session.loaded'].resolve()
    await Promise.allSettled([loading, closed])
    const second = await MeerkatMachine.persistent(store)
    onTestFinished(() => second.close())
    await second.registerSession(S)
    expect(second.listActiveInputs(S)).toMatchObject([{ attempts: 0 }])
  })
})

describe('a drain', () => {
  test('that ends while its store is away harms nobody, and another one is started afterwards', async () => {
    const control: FaultyStoreControl = {}
    const machine = await MeerkatMachine.persistent(faultyStore(memory(), control))
    onTestFinished(() => machine.close())
    await machine.registerSession(S)
    const ended = Promise.withResolvers<'IdleTimeout'>()
    await machine.drains.spawn(S, 'Timed', () => ended.promise)
    control.onCommit = () => {
      control.readsFail = true
      return 'before'
    }
    expect(await failure(machine.publishEvent(S, { name: 'lost' }))).toMatchObject({ code: 'store-unavailable' })
    ended.resolve('IdleTimeout')
    expect(await machine.drains.wait(S, 1_000)).toBe(true)
    delete control.onCommit
    delete control.readsFail
    await machine.drains.spawn(S, 'Timed', () => Promise.resolve('IdleTimeout'))
    expect(await machine.drains.wait(S, 1_000)).toBe(true)
  })
})
