/** What a store keeps of a session's inputs, and what the next process makes of it. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { InputId } from '../../src/kernel/ids.ts'
import { memory } from '../../src/store/memory.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { StoreSource } from '../../src/store/store.ts'
import { type FaultyStoreControl, faultyStore, manualClock, scriptedExecutor } from '../../src/testing/index.ts'
import { answering, failure, S } from '../host/support/machines.ts'
import { attached, inputId } from '../kernel/support/play.ts'
import { freshStore, STORES, start } from '../session/support.ts'
import { freshPath } from '../store/support/files.ts'

async function machineOn(store: StoreSource): Promise<MeerkatMachine> {
  const machine = await MeerkatMachine.persistent(store)
  onTestFinished(() => machine.close())
  return machine
}

describe('driver_persistent, recovery_contract, recovery_replay', () => {
  // Oracle 37.
  test('an input that was accepted is in the store with what it says, before anybody is told', async () => {
    const path = freshPath()
    const machine = await machineOn(sqlite(path))
    await machine.registerSession(S)
    const { inputId: id } = await machine.acceptInput(S, { content: 'keep me', idempotencyKey: 'k' })
    const reader = await sqlite(path, { readOnly: true }).open()
    onTestFinished(() => reader.close())
    const place = await reader.locate(id)
    const row = place && (await reader.row(place.first))
    expect(row?.record.inputs).toMatchObject([{ id, content: 'keep me' }])
    expect(await reader.key(S, 'k')).toMatchObject({ inputId: id })
  })

  // Oracle 38.
  test.each(STORES)('a second offer under a key writes nothing at all (%s)', async kind => {
    const machine = await machineOn(freshStore(kind))
    await machine.registerSession(S)
    const offer = () => machine.acceptInput(S, { content: 'once', idempotencyKey: 'k' })
    const first = await offer()
    const before = await machine.runtime.events({ sessionId: S, after: '0' })
    expect(await offer()).toEqual({ outcome: 'deduplicated', inputId: first.inputId })
    expect(await machine.runtime.events({ sessionId: S, after: '0' })).toEqual(before)
    expect((await machine.runtime.inputs(S, {})).items).toHaveLength(1)
  })

  // Oracle 41.
  test.each(STORES)('an ephemeral input does not outlast its process; a durable one does (%s)', async kind => {
    const store = freshStore(kind)
    const first = await MeerkatMachine.persistent(store)
    await first.registerSession(S)
    const progress = { kind: 'peer-response-progress', origin: 'peer', durability: 'ephemeral' } as const
    const ephemeral = await first.acceptInput(S, { content: 'half', ...progress })
    const durable = await first.acceptInput(S, { content: 'keep' })
    await first.close()

    const second = await machineOn(store)
    await second.registerSession(S)
    expect(second.listActiveInputs(S).map(({ id }) => id)).toEqual([durable.inputId])
    // The take-over told of it; nothing else has to happen first.
    const lost = { status: 'abandoned', reason: 'owner-lost' }
    expect(await second.runtime.wait(S, ephemeral.inputId, 0)).toMatchObject(lost)
    const executor = scriptedExecutor(run => run.said)
    await second.registerSessionWithExecutor(S, executor)
    const last = await second.acceptInputWithCompletion(S, { content: 'last' })
    await last.completion
    expect(executor.applied.map(({ said }) => said)).toEqual(['keep', 'last'])
    expect(await second.input(S, { inputId: ephemeral.inputId })).toMatchObject(lost)
    const { events } = await second.runtime.events({ sessionId: S, after: '0', limit: 1_000 })
    expect(events.filter(({ type }) => type === 'input.abandoned').map(event => event.inputId)).toEqual([
      ephemeral.inputId,
    ])
  })

  test.each(STORES)(
    'an id that was given away before is refused alone, whatever is offered with it (%s)',
    async kind => {
      const machine = await MeerkatMachine.persistent(freshStore(kind))
      await machine.registerSessionWithExecutor(
        S,
        scriptedExecutor(run => run.said),
      )
      const inputId = '01890000-0000-7000-8000-000000000002' as InputId
      const first = await machine.acceptInputWithCompletion(S, { inputId, content: 'first' })
      await first.completion
      const again = failure(machine.acceptInput(S, { inputId, content: 'again' }))
      const beside = await machine.acceptInputWithCompletion(S, { content: 'beside' })
      expect(await again).toMatchObject({ code: 'conflict', details: { inputId } })
      expect(await beside.completion).toMatchObject({ status: 'consumed', result: { text: 'beside' } })
      const other = '01890000-0000-7000-8000-000000000003' as InputId
      const twice = ['x', 'y'].map(content => machine.acceptInput(S, { inputId: other, content }))
      expect((await Promise.allSettled(twice)).map(({ status }) => status).toSorted()).toEqual([
        'fulfilled',
        'rejected',
      ])
      await machine.close()
    },
  )

  // Oracle 43.
  test('an input that could not be written is nowhere, and the same one may be offered again', async () => {
    const control: FaultyStoreControl = {}
    const machine = await machineOn(faultyStore(memory(), control))
    await machine.registerSession(S)
    const waiting = await machine.acceptInput(S, { content: 'first' })
    control.onCommit = () => 'before'
    const offer = { inputId: '01890000-0000-7000-8000-000000000001' as InputId, content: 'x', idempotencyKey: 'k' }
    expect(await failure(machine.acceptInput(S, offer))).toMatchObject({ code: 'store-unavailable', retryable: true })
    delete control.onCommit
    expect(machine.inputState(S, offer.inputId)).toBeUndefined()
    expect(machine.listActiveInputs(S).map(({ id }) => id)).toEqual([waiting.inputId])
    expect(await failure(machine.input(S, { idempotencyKey: 'k' }))).toMatchObject({ code: 'input-not-found' })
    expect(await machine.acceptInput(S, offer)).toEqual({ outcome: 'accepted', inputId: offer.inputId })
  })

  // Oracle 44.
  test('a registration that the store could not be asked for is none; what was stored stays, and it may be tried again', async () => {
    const control: FaultyStoreControl = {}
    const source = memory()
    const first = await MeerkatMachine.persistent(source)
    await first.registerSession(S)
    const { inputId: id } = await first.acceptInput(S, { content: 'waits' })
    await first.unregisterSession(S)
    await first.close()

    const machine = await machineOn(faultyStore(source, control))
    const before = await machine.runtime.events({ sessionId: S, after: '0' })
    control.readsFail = true
    expect(await failure(machine.registerSession(S))).toMatchObject({ code: 'store-unavailable' })
    expect(machine.containsSession(S)).toBe(false)
    delete control.readsFail
    expect(await machine.runtime.events({ sessionId: S, after: '0' })).toEqual(before)
    await machine.registerSession(S)
    expect(machine.containsSession(S)).toBe(true)
    expect(await machine.input(S, { inputId: id })).toMatchObject({ status: 'abandoned', reason: 'unregistered' })
    expect(await machine.acceptInput(S, { content: 'new' })).toMatchObject({ outcome: 'accepted' })
  })

  // Oracle 47.
  test('contributors that were applied without an end wait again, and are given up by a retirement that nobody serves', () => {
    const play = attached({ merge: true })
    play.accept('a')
    play.accept('b')
    play.begin('r1')
    play.toolRound('r1')
    expect([play.entry('a')?.status, play.entry('b')?.status]).toEqual(['applied', 'applied'])
    play.do({ type: 'Recover' })
    expect([play.entry('a')?.attempts, play.entry('b')?.attempts]).toEqual([1, 1])
    expect(['a', 'b'].map(id => play.entry(id)?.status).every(one => one === 'queued' || one === 'carried')).toBe(true)
    play.do({ type: 'Retire' })
    expect(['a', 'b'].map(id => play.terminal(id))).toEqual([
      { status: 'abandoned', reason: 'retired' },
      { status: 'abandoned', reason: 'retired' },
    ])
    expect(play.state.ledger.entries.size).toBe(0)
    expect(play.entry(inputId('a'))).toBeUndefined()
  })

  // Oracle 49.
  test.each(STORES)(
    'receipts name their inputs in the order of the run, and are the same after a restart (%s)',
    async kind => {
      const store = freshStore(kind)
      const executor = scriptedExecutor()
      const first = await start({ store, executor })
      await first.open({ sessionId: S, merge: true })
      const head = await first.send(S, { content: 'head' })
      const run = await executor.next()
      const merged = [await first.send(S, { content: 'one' }), await first.send(S, { content: 'two' })]
      run.answer('done')
      const second = await executor.next()
      await second.useTool({ id: 'c', policy: 'retry' })
      second.answer('both')
      for (const { inputId: id } of [head, ...merged]) await first.wait(S, id, 15_000)
      const { receipts } = await first.run(S, second.port.runId)
      expect(receipts.map(({ boundary, inputIds }) => ({ boundary, inputIds }))).toEqual([
        { boundary: 1, inputIds: merged.map(({ inputId: id }) => id) },
        { boundary: 2, inputIds: merged.map(({ inputId: id }) => id) },
      ])
      await first.close()
      const next = await start({ store, executor })
      expect((await next.run(S, second.port.runId)).receipts).toEqual(receipts)
    },
  )

  // Oracles 46 and 50.
  test.each(STORES)('answer, receipt and consumed input are there together, or none of them (%s)', async kind => {
    const clock = manualClock()
    const control: FaultyStoreControl = {}
    const executor = scriptedExecutor()
    const runtime = await start({ store: faultyStore(freshStore(kind), control), executor, clock })
    await runtime.open({ sessionId: S })
    const { inputId: id } = await runtime.send(S, { content: 'x' })
    const run = await executor.next()
    const seen = async () => [
      (await runtime.input(S, { inputId: id })).status,
      (await runtime.history(S, {})).messages.length,
      (await runtime.run(S, run.port.runId)).receipts.length,
    ]
    control.onCommit = () => 'before'
    run.answer('done')
    await clock.waiting(50)
    expect(await seen()).toEqual(['staged', 0, 0])
    delete control.onCommit
    clock.advance(50)
    await runtime.wait(S, id, 15_000)
    expect(await seen()).toEqual(['consumed', 2, 1])
  })

  // Oracle 46.
  test('an answer that was written before its process went away is not asked for again', async () => {
    const source = memory()
    const control: FaultyStoreControl = {}
    const executor = scriptedExecutor()
    const first = await MeerkatMachine.persistent(faultyStore(source, control))
    await first.registerSessionWithExecutor(S, executor)
    const { inputId: id } = await first.acceptInput(S, { content: 'x' })
    const run = await executor.next()
    const written = new Promise<void>(resolve => {
      control.onCommit = () => {
        // It was written, and the process hears nothing more of its store.
        control.readsFail = true
        resolve()
        return 'after'
      }
    })
    run.answer('done')
    await written
    await first.close().catch(() => {})

    const second = await machineOn(source)
    await second.registerSessionWithExecutor(S, answering())
    expect(second.listActiveInputs(S)).toEqual([])
    expect(await second.input(S, { inputId: id })).toMatchObject({ status: 'consumed', result: { text: 'done' } })
    expect(executor.applied).toHaveLength(1)
  })
})
