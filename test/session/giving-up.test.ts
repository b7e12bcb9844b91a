/** However many inputs end at once, it is one decision, they end some at a time, and each of them once. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { createRuntime, type Runtime, type RuntimeOptions } from '../../src/index.ts'
import { MOST_ENDS } from '../../src/kernel/owed.ts'
import type { Store, StoreSource } from '../../src/store/store.ts'
import { scriptedExecutor } from '../../src/testing/scripted-executor.ts'
import { S } from '../host/support/machines.ts'
import { withBacklog } from './big.ts'
import { eventsOf, freshStore, STORES, start, until } from './support.ts'

const MANY = 3 * MOST_ENDS + 100
const LONG = { timeout: 60_000 }

async function backlog(kind: (typeof STORES)[number], options: Omit<RuntimeOptions, 'store'> = {}) {
  const source = freshStore(kind)
  const ids = await withBacklog(source, 's', MANY, 100)
  return { source, ids, runtime: await start({ store: source, recover: false, ...options }) }
}

/** The inputs that ended, as their events tell, by commit. */
async function endsOf(runtime: Runtime): Promise<readonly (readonly string[])[]> {
  const ended = (await eventsOf(runtime, 's', 1_000)).filter(({ type }) => type === 'input.abandoned')
  const commits = Map.groupBy(ended, ({ cursor }) => cursor.split('.')[0])
  return [...commits.values()].map(events => events.map(({ inputId }) => String(inputId)))
}

async function queued(runtime: Runtime): Promise<readonly string[]> {
  return (await runtime.inputs('s', { status: 'queued', limit: 1_000 })).items.map(({ id }) => id)
}

/** A store whose process dies right after this many commits. */
function dying(source: StoreSource, commits: number): StoreSource {
  let left = commits
  const gone = (): Promise<never> => Promise.reject(new MeerkatError('store-unavailable', 'the process died'))
  const open = async (): Promise<Store> => {
    const inner = await source.open()
    return new Proxy(inner, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function') return value
        return (...given: unknown[]): unknown => {
          if (key === 'close') return left < 0 ? Promise.resolve() : inner.close()
          if (key === 'commit' && left-- === 0) return inner.close().then(gone)
          if (left < 0 && key !== 'onCommit' && key !== 'onLapse') return gone()
          return Reflect.apply(value, target, given)
        }
      },
    })
  }
  return { name: source.name, open }
}

describe.each(STORES)('on %s', kind => {
  test('a dropped queue ends a bounded number a commit, and what is said later stays', LONG, async () => {
    const { runtime, ids } = await backlog(kind)
    let turns = 0
    let timer = setImmediate(function turn() {
      turns++
      timer = setImmediate(turn)
    })
    const dropping = runtime.cancel('s', { queue: 'drop' })
    const later = await runtime.send('s', { content: 'said after it' })
    const answer = await dropping
    clearImmediate(timer)
    expect(turns).toBeGreaterThan(2)
    expect(answer.dropped).toBe(MANY)
    expect(answer.endedInputs).toEqual(ids)
    const ends = await endsOf(runtime)
    expect(ends.flat()).toEqual(ids)
    expect(ends.map(({ length }) => length).toSorted((a, b) => b - a)[0]).toBe(MOST_ENDS)
    expect(await queued(runtime)).toEqual([later.inputId])
    expect(await runtime.input('s', { inputId: ids.at(-1) ?? '' })).toMatchObject({
      status: 'abandoned',
      reason: 'cancelled',
    })
  })

  test.each([
    ['reset', 'reset'],
    ['retire', 'retired'],
    ['destroy', 'destroyed'],
  ] as const)('a %s with much that waits answers when all of it has ended', LONG, async (operation, reason) => {
    const { runtime, ids } = await backlog(kind)
    expect(await runtime.control('s', operation)).toMatchObject({ inputsAbandoned: MANY, inputsPendingDrain: 0 })
    const ends = await endsOf(runtime)
    expect(ends.flat()).toEqual(ids)
    expect(ends.filter(({ length }) => length > MOST_ENDS)).toEqual([])
    expect(await runtime.input('s', { inputId: ids[MANY - 1] ?? '' })).toMatchObject({ status: 'abandoned', reason })
    expect(await runtime.get('s')).toMatchObject({ unfinished: 0 })
  })

  test(
    'a process that dies in the middle: what was dropped has ended to whoever asks, and ends once',
    LONG,
    async () => {
      const source = freshStore(kind)
      const ids = await withBacklog(source, 's', MANY, 100)
      const first = await createRuntime({ store: dying(source, 2), recover: false, storePatienceMs: 10 })
      await expect(first.cancel('s', { queue: 'drop' })).rejects.toMatchObject({ code: 'store-unavailable' })
      await first.close().catch(() => {})
      const looking = await start({ store: source, recover: false })
      const last = ids.at(-1) ?? ''
      expect((await endsOf(looking)).flat().length).toBe(2 * MOST_ENDS)
      expect(await looking.input('s', { inputId: last })).toMatchObject({ status: 'abandoned', reason: 'cancelled' })
      expect(await looking.wait('s', last, 10_000)).toMatchObject({ status: 'abandoned', reason: 'cancelled' })
      expect(await queued(looking)).toEqual([])
      expect((await looking.withdraw('s', last)).withdrawn).toBe(false)
      const executor = scriptedExecutor()
      const second = await start({ store: source, executor })
      const { inputId } = await second.send('s', { content: 'what next?' })
      const run = await executor.next()
      expect(run.port.inputs.map(({ id }) => id)).toEqual([inputId])
      run.answer('this')
      expect(await second.wait('s', inputId, 10_000)).toMatchObject({ status: 'consumed' })
      await until(second, 's', 'run.completed')
      expect((await endsOf(second)).flat()).toEqual(ids)
      expect(await second.get('s')).toMatchObject({ unfinished: 0 })
    },
  )

  test('a run goes on, and what is dropped beneath it starts none', LONG, async () => {
    const executor = scriptedExecutor()
    const { runtime, ids } = await backlog(kind, { executor })
    await runtime.explain('s')
    const { inputId: first } = await runtime.send('s', { content: 'wakes it' })
    const before = await executor.next()
    before.answer('done')
    const run = await executor.next()
    expect(run.port.inputs.map(({ id }) => id)).toEqual([ids[1]])
    const dropped = await runtime.cancel('s', { queue: 'drop', runId: before.port.runId })
    expect(dropped).toMatchObject({ dropped: MANY - 1, cancelled: false })
    const { inputId: later } = await runtime.send('s', { content: 'said after it' })
    run.answer('done')
    const next = await executor.next()
    expect(next.port.inputs.map(({ id }) => id)).toEqual([later])
    next.answer('done, too')
    expect(await runtime.wait('s', later, 10_000)).toMatchObject({ status: 'consumed' })
    expect(await runtime.input('s', { inputId: ids[1] ?? '' })).toMatchObject({ status: 'consumed' })
    expect((await endsOf(runtime)).flat()).toEqual([...ids.slice(2), first])
  })
})

test('a host that leaves a session with a long queue ends it, bounded in every commit', LONG, async () => {
  const source = freshStore('memory')
  const ids = await withBacklog(source, 's', MANY, 100)
  const machine = await MeerkatMachine.persistent(source)
  onTestFinished(() => machine.close())
  await machine.registerSession(S)
  await machine.unregisterSession(S)
  const ends = await endsOf(machine.runtime)
  expect(ends.filter(({ length }) => length > MOST_ENDS)).toEqual([])
  await machine.close()
  const runtime = await start({ store: source })
  await runtime.explain('s')
  expect(await runtime.input('s', { inputId: ids.at(-1) ?? '' })).toMatchObject({
    status: 'abandoned',
    reason: 'unregistered',
  })
})
