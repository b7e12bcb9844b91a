/** Who leaves a session leaves it to whoever asks next: another host, the library, a command line. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { SessionId } from '../../src/kernel/ids.ts'
import type { Runtime } from '../../src/session/runtime.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { Store, StoreSource } from '../../src/store/store.ts'
import { type FaultyStoreControl, faultyStore, scriptedExecutor } from '../../src/testing/index.ts'
import { Random } from '../../src/testing/sim/random.ts'
import { failureOf, freshPath, freshStore, STORES, start, until } from '../session/support.ts'
import { answering, S } from './support/machines.ts'

async function hostOn(store: StoreSource): Promise<MeerkatMachine> {
  const machine = await MeerkatMachine.persistent(store, { abortGraceMs: 50 })
  onTestFinished(() => machine.close())
  return machine
}

const libraryOn = (store: StoreSource): Promise<Runtime> => start({ store, executor: answering() })

/** Whether the session answers an input that comes in through this runtime. */
async function answers(runtime: Runtime, sessionId: string = S): Promise<string> {
  const { inputId } = await runtime.send(sessionId, { content: 'x', resume: true })
  return (await runtime.wait(sessionId, inputId, 15_000)).status
}

async function hostAnswers(machine: MeerkatMachine, sessionId: SessionId = S): Promise<string> {
  await machine.ensureSessionWithExecutor(sessionId, answering)
  const { completion } = await machine.acceptInputWithCompletion(sessionId, { content: 'x' })
  return (await completion).status
}

describe.each(STORES)('a session that its host left (%s)', kind => {
  test('is the library’s, and the host’s again, and the library’s again', async () => {
    const store = freshStore(kind)
    const [host, library] = [await hostOn(store), await libraryOn(store)]
    expect(await hostAnswers(host)).toBe('consumed')
    for (let round = 0; round < 3; round++) {
      expect(await host.unregisterSession(S)).toBe(true)
      expect(await answers(library)).toBe('consumed')
      expect(await hostAnswers(host)).toBe('consumed')
      // The host has it: it answers for the library, too.
      expect(await answers(library)).toBe('consumed')
    }
  })

  test('is answered for through the doors of the machine that left it, by whoever serves', async () => {
    const store = freshStore(kind)
    const host = await hostOn(store)
    await host.registerSessionWithExecutor(S, answering())
    await host.unregisterSession(S)
    const { inputId } = await host.runtime.send(S, { content: 'for anybody' })
    const library = await libraryOn(store)
    expect(await library.wait(S, inputId, 15_000)).toMatchObject({ status: 'consumed' })
  })

  test('when it stopped it, is revived and served by the library, and by another host', async () => {
    const store = freshStore(kind)
    const [host, library] = [await hostOn(store), await libraryOn(store)]
    await host.registerSessionWithExecutor(S, answering())
    await host.stopRuntimeExecutor(S)
    expect(await failureOf(library.send(S, { content: 'x' }))).toMatchObject({ code: 'not-ready' })
    await library.control(S, 'resume')
    expect(await answers(library)).toBe('consumed')
    const other = await hostOn(store)
    expect(await hostAnswers(other)).toBe('consumed')
    await other.stopRuntimeExecutor(S)
    expect(await hostAnswers(host)).toBe('consumed')
  })

  test('retired, stays retired, says so in words, and goes on after a reset', async () => {
    const store = freshStore(kind)
    const [host, library] = [await hostOn(store), await libraryOn(store)]
    await host.registerSessionWithExecutor(S, answering())
    await host.retire(S)
    await host.unregisterSession(S)
    const refused = await failureOf(library.send(S, { content: 'x' }))
    expect(refused).toMatchObject({ code: 'not-ready', details: { phase: 'retired' } })
    expect(refused.message).not.toMatch(/unmet|draining/i)
    await library.control(S, 'reset')
    expect(await answers(library)).toBe('consumed')
  })

  test('after any walk of two hosts and the library, is served by each of them', async () => {
    const seed = Math.floor(Math.random() * 1e9)
    const random = new Random(seed)
    const store = freshStore(kind)
    const parties = { one: await hostOn(store), other: await hostOn(store), library: await libraryOn(store) }
    const moves = {
      serve: (m: MeerkatMachine, id: SessionId) => m.ensureSessionWithExecutor(id, answering),
      register: (m: MeerkatMachine, id: SessionId) => m.registerSession(id),
      leave: (m: MeerkatMachine, id: SessionId) => m.unregisterSession(id),
      stop: (m: MeerkatMachine, id: SessionId) => m.stopRuntimeExecutor(id),
      resume: (m: MeerkatMachine, id: SessionId) => m.resume(id),
      offer: (m: MeerkatMachine, id: SessionId) => m.acceptInput(id, { content: 'y' }),
    }
    const stuck: string[] = []
    for (let walk = 0; walk < 12; walk++) {
      const id = `w${walk}` as SessionId
      await parties.library.open({ sessionId: id })
      const path: string[] = []
      for (let step = 0; step < 6; step++) {
        const name = random.pick(['one', 'other'] as const) ?? 'one'
        const move = random.pick(Object.keys(moves) as (keyof typeof moves)[]) ?? 'serve'
        path.push(`${name} ${move}`)
        await moves[move](parties[name], id).catch(() => {})
      }
      const ends: string[] = []
      await Promise.allSettled([parties.one.unregisterSession(id), parties.other.unregisterSession(id)])
      ends.push(await answers(parties.library, id))
      ends.push(await hostAnswers(parties.one, id))
      await parties.one.unregisterSession(id)
      ends.push(await hostAnswers(parties.other, id))
      await parties.other.unregisterSession(id)
      if (ends.some(end => end !== 'consumed')) stuck.push(`${path.join(', ')}: ${ends.join(' ')}`)
    }
    expect(stuck, `seed ${seed}`).toEqual([])
  })
})

test('a teardown that a host did not live to end is no obstacle for the library', async () => {
  const path = freshPath()
  const control: FaultyStoreControl = {}
  const first = await MeerkatMachine.persistent(faultyStore(sqlite(path), control))
  await first.registerSession(S)
  const { inputId } = await first.acceptInput(S, { content: 'x' })
  let commits = 0
  control.onCommit = () => (++commits > 2 ? 'before' : undefined)
  await failureOf(first.unregisterSession(S))
  await first.close()
  const library = await libraryOn(sqlite(path))
  expect(await answers(library)).toBe('consumed')
  expect(await library.input(S, { inputId })).toMatchObject({ status: 'abandoned', reason: 'unregistered' })
})

test('a session that is in use by the library is not taken away by a host, and given once it is idle', async () => {
  const store = freshStore('memory')
  const executor = scriptedExecutor()
  const library = await start({ store, executor })
  await library.open({ sessionId: S })
  const { inputId } = await library.send(S, { content: 'x' })
  const run = await executor.next()
  const host = await hostOn(store)
  expect(await failureOf(host.registerSession(S))).toMatchObject({ code: 'not-owner', retryable: true })
  run.answer('done')
  await library.wait(S, inputId, 15_000)
  expect(await hostAnswers(host)).toBe('consumed')
})

describe.each(STORES)('a session that the library has and can do nothing for now (%s)', kind => {
  test('stopped with inputs that wait, is served by a host that asks, and they are answered', async () => {
    const store = freshStore(kind)
    const executor = scriptedExecutor()
    const library = await start({ store, executor })
    await library.open({ sessionId: S })
    await library.send(S, { content: 'x' })
    await executor.next()
    const { inputId } = await library.send(S, { content: 'y' })
    await library.control(S, 'stop')
    const waiting = library.wait(S, inputId, 15_000)
    const host = await hostOn(store)
    expect(await hostAnswers(host)).toBe('consumed')
    expect(await waiting).toMatchObject({ status: 'consumed' })
  })

  test('where work waits for a person, is served by a host that asks, with the decision still to be taken', async () => {
    const store = freshStore(kind)
    const executor = scriptedExecutor()
    const library = await start({ store, executor })
    await library.open({ sessionId: S })
    const { inputId } = await library.send(S, { content: 'deploy' })
    const run = await executor.next()
    await run.ask([{ id: 'c', tool: 'deploy', needsApproval: true }])
    run.end({ type: 'parked' })
    await until(library, S, 'run.parked')
    const host = await hostOn(store)
    await host.registerSessionWithExecutor(S, answering())
    const [approval] = await library.approvals(S)
    expect(approval).toMatchObject({ tool: 'deploy' })
    await library.decide(S, approval?.id ?? '', { decision: 'deny' })
    expect(await library.wait(S, inputId, 15_000)).toMatchObject({ status: 'consumed' })
  })

  test('which wakes up every second, is served by a host that asks', async () => {
    const store = freshStore(kind)
    const library = await libraryOn(store)
    await library.open({ sessionId: S })
    await library.schedule(S, { content: 'tick', everyMs: 1_000 })
    expect(await hostAnswers(await hostOn(store))).toBe('consumed')
  })

  test('is registered by as many calls at once as a host likes', async () => {
    const store = freshStore(kind)
    const library = await libraryOn(store)
    await library.open({ sessionId: S })
    const host = await hostOn(store)
    await Promise.all([
      host.registerSession(S),
      host.prepareBindings(S),
      host.ensureSessionWithExecutor(S, answering),
      host.prepareBindings(S),
    ])
    expect(await hostAnswers(host)).toBe('consumed')
  })
})

test('a session whose owner dies in the middle of its work is registered by the call of a host that asked for it', async () => {
  const path = freshPath()
  let dies = false
  const mortal: StoreSource = {
    name: 'mortal',
    open: async () => {
      const store = await sqlite(path).open()
      const { mail } = store
      const open = async (...query: Parameters<Store['mail']['open']>) => {
        if (dies) await store.close()
        return mail.open(...query)
      }
      const facade: Store['mail'] = {
        open,
        post: (...letter) => mail.post(...letter),
        answer: (...said) => mail.answer(...said),
        take: id => mail.take(id),
        recall: id => mail.recall(id),
      }
      return Object.assign(store, { mail: facade })
    },
  }
  const library = await start({ store: mortal, executor: scriptedExecutor() })
  await library.open({ sessionId: S })
  const { inputId } = await library.send(S, { content: 'x' })
  dies = true
  const host = await hostOn(sqlite(path))
  await host.registerSession(S)
  await host.ensureSessionWithExecutor(S, answering)
  await expect.poll(() => host.input(S, { inputId })).toMatchObject({ status: 'consumed' })
})
