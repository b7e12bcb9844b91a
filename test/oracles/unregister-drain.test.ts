/** The end of a registration, as the host that asks for it sees it. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { memory } from '../../src/store/memory.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { type FaultyStoreControl, faultyStore, manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { answering, ephemeral, failure, S } from '../host/support/machines.ts'
import { freshPath } from '../store/support/files.ts'

describe('unregister_drain_contract', () => {
  // Oracle 119.
  test('while it is on, who registers is told what is still open, and nobody is attached', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const ended = Promise.withResolvers<'Aborted'>()
    const told = Promise.withResolvers<void>()
    await machine.drains.spawn(S, 'Timed', signal => {
      signal.addEventListener('abort', () => told.resolve(), { once: true })
      return ended.promise
    })
    const leaving = machine.unregisterSession(S)
    const early = await failure(machine.registerSession(S))
    expect(early).toMatchObject({ code: 'not-ready', retryable: true, details: { draining: true } })
    await told.promise
    const late = { code: 'not-ready', details: { draining: true, open: ['comms', 'waiters'] } }
    expect(await failure(machine.registerSession(S))).toMatchObject(late)
    expect(await failure(machine.ensureSessionWithExecutor(S, answering))).toMatchObject(late)
    ended.resolve('Aborted')
    expect(await leaving).toBe(true)
    await machine.registerSession(S)
    expect(await machine.ensureSessionWithExecutor(S, answering)).toBe('Claimed')
  })

  // Oracle 122.
  test('a drain that does not end in its time is cut off: the session is let go all the same', async () => {
    const clock = manualClock()
    const machine = await ephemeral({ clock })
    await machine.registerSession(S)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    await machine.drains.spawn(S, 'PersistentHost', () => new Promise(() => {}))
    const leaving = machine.unregisterSession(S)
    await clock.waiting(2_000)
    clock.advance(2_000)
    expect(await leaving).toBe(true)
    expect(await completion).toMatchObject({ status: 'abandoned', reason: 'unregistered' })
    expect(machine.containsSession(S)).toBe(false)
  })

  // Oracle 124.
  test('a run that comes to its answer in the window ends, and who waits hears how', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    const run = await executor.next()
    run.port.signal.addEventListener('abort', () => run.answer('just in time'), { once: true })
    expect(await machine.unregisterSession(S, { graceMs: 20 })).toBe(true)
    expect(await completion).toMatchObject({
      status: 'consumed',
      result: { outcome: 'completed', text: 'just in time' },
    })
    expect(machine.containsSession(S)).toBe(false)
  })

  // Oracle 125.
  test('a word about the drain that comes after it harms nobody', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const ended = Promise.withResolvers<'Dismissed'>()
    await machine.drains.spawn(S, 'PersistentHost', () => ended.promise)
    const { commsDrain } = await machine.prepareBindings(S)
    const leaving = machine.unregisterSession(S)
    ended.resolve('Dismissed')
    await leaving
    await expect(commsDrain.notifyDrainExited('Dismissed')).rejects.toMatchObject({ kind: 'no-matching-transition' })
    await machine.registerSession(S)
    expect(machine.runtimeState(S)).toBe('idle')
    await machine.drains.spawn(S, 'Timed', () => Promise.resolve('IdleTimeout'))
    expect(await machine.drains.wait(S, 1_000)).toBe(true)
  })

  test('of a session that was destroyed lets it go, with its drain', async () => {
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(S, answering())
    const told = Promise.withResolvers<void>()
    await machine.drains.spawn(S, 'PersistentHost', signal => {
      signal.addEventListener('abort', () => told.resolve(), { once: true })
      return told.promise.then(() => 'SessionShutdown')
    })
    await machine.destroy(S)
    expect(await machine.unregisterSession(S)).toBe(true)
    await told.promise
    expect(machine.containsSession(S)).toBe(false)
  })

  test('of a retired session leaves it retired: registered anew, a reset revives it', async () => {
    const machine = await ephemeral()
    const { epochId } = await machine.prepareBindings(S)
    await machine.retire(S)
    expect(await machine.unregisterSession(S)).toBe(true)
    expect((await machine.prepareBindings(S)).epochId).not.toBe(epochId)
    expect(machine.runtimeState(S)).toBe('retired')
    expect(await failure(machine.acceptInput(S, { content: 'x' }))).toMatchObject({ code: 'not-ready' })
    await machine.reset(S)
    await machine.registerSessionWithExecutor(S, answering())
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ status: 'consumed' })
  })

  test('that a store cut short is taken up where it stood', async () => {
    const control: FaultyStoreControl = {}
    const machine = await MeerkatMachine.persistent(faultyStore(memory(), control))
    onTestFinished(() => machine.close())
    await machine.registerSession(S)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    let commits = 0
    control.onCommit = () => (++commits === 3 ? 'before' : undefined)
    expect(await failure(machine.unregisterSession(S))).toMatchObject({ code: 'store-unavailable' })
    expect(machine.containsSession(S)).toBe(true)
    expect(await failure(machine.acceptInput(S, { content: 'y' }))).toMatchObject({
      code: 'not-ready',
      retryable: true,
    })
    delete control.onCommit
    expect(await machine.unregisterSession(S)).toBe(true)
    expect(await completion).toMatchObject({ status: 'abandoned', reason: 'unregistered' })
  })

  test('that a process did not live to end is ended by the next one, which registers anew', async () => {
    const path = freshPath()
    const control: FaultyStoreControl = {}
    const first = await MeerkatMachine.persistent(faultyStore(sqlite(path), control))
    const { epochId } = await first.prepareBindings(S)
    const { inputId } = await first.acceptInput(S, { content: 'x' })
    let commits = 0
    control.onCommit = () => (++commits > 2 ? 'before' : undefined)
    await failure(first.unregisterSession(S))
    await first.close()
    const second = await MeerkatMachine.persistent(sqlite(path))
    onTestFinished(() => second.close())
    expect(await second.registerSessionWithExecutor(S, answering())).toBe('Claimed')
    expect((await second.prepareBindings(S)).epochId).not.toBe(epochId)
    expect(await second.input(S, { inputId })).toMatchObject({ status: 'abandoned', reason: 'unregistered' })
    const { completion } = await second.acceptInputWithCompletion(S, { content: 'y' })
    expect(await completion).toMatchObject({ status: 'consumed' })
  })
})
