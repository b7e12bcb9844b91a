/** What a session costs does not grow with its history: counted in what the store is given and asked for, not in time. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime, type Runtime } from '../../src/index.ts'
import type { Commit, Store, StoreSource } from '../../src/store/store.ts'
import { scriptedExecutor } from '../../src/testing/scripted-executor.ts'
import { freshStore, LONG_MS, STORES, start } from './support.ts'

/** What was written and read since it was last taken. */
interface Traffic {
  commits: number
  /** Characters of JSON, snapshots apart. */
  written: number
  /** Rows of the log, the index, the keys and the journal. */
  rows: number
  snapshots: number
  /** Characters of the largest snapshot. */
  largestSnapshot: number
  /** Records that were read. */
  read: number
  /** Most records that a load replayed. */
  replayed: number
}

const none = (): Traffic => ({
  commits: 0,
  written: 0,
  rows: 0,
  snapshots: 0,
  largestSnapshot: 0,
  read: 0,
  replayed: 0,
})

interface Counted {
  readonly source: StoreSource
  /** What the sessions that were loaded were made of, as long as anything refers to it. */
  readonly loaded: readonly WeakRef<object>[]
  readonly take: () => Traffic
}

/** The source with everything that goes through its stores counted. */
function counted(source: StoreSource): Counted {
  let traffic = none()
  const sessions: WeakRef<object>[] = []
  const wrote = ({ snapshot, ...commit }: Omit<Commit, 'claim'>): void => {
    traffic.commits++
    traffic.written += JSON.stringify({ ...commit, claim: undefined }).length
    const { opened = [], closed = [], keys = [], journal = {} } = commit
    traffic.rows += 1 + opened.length + closed.length + keys.length + (journal.put?.length ?? 0)
    traffic.rows += journal.drop?.length ?? 0
    if (snapshot === undefined) return
    traffic.snapshots++
    traffic.largestSnapshot = Math.max(traffic.largestSnapshot, snapshot.length)
  }
  const read = <T extends readonly unknown[]>(rows: T): T => {
    traffic.read += rows.length
    return rows
  }
  const observing = (store: Store): Partial<Store> => ({
    commit: commit => {
      wrote(commit)
      return store.commit(commit)
    },
    load: async id => {
      const loaded = await store.load(id)
      sessions.push(new WeakRef(loaded.session))
      read(loaded.rows)
      traffic.replayed = Math.max(traffic.replayed, loaded.rows.length)
      return loaded
    },
    read: async query => read(await store.read(query)),
    readBack: async query => read(await store.readBack(query)),
    readMessages: async query => read(await store.readMessages(query)),
    row: async position => {
      traffic.read++
      return store.row(position)
    },
  })
  const open = async (): Promise<Store> => {
    const store = await source.open()
    const seen = observing(store)
    return new Proxy(store, {
      get(target, name) {
        const own: unknown = Reflect.get(seen, name)
        const value: unknown = own ?? Reflect.get(target, name, target)
        return typeof value === 'function' && own === undefined ? (value.bind(target) as unknown) : value
      },
    })
  }
  return {
    source: { name: source.name, open },
    loaded: sessions,
    take: () => {
      const taken = traffic
      traffic = none()
      return taken
    },
  }
}

/** One turn with a tool call, an answer and a key. */
function working() {
  return scriptedExecutor(async run => {
    await run.useTool({ id: `${run.port.runId}-c`, policy: 'retry' }, 'x'.repeat(100))
    return 'a'.repeat(200)
  })
}

async function turns(runtime: Runtime, sessionId: string, from: number, to: number): Promise<void> {
  for (let turn = from; turn < to; turn++) {
    const idempotencyKey = `turn-${String(turn).padStart(6, '0')}`
    await runtime.send(sessionId, { content: 'q'.repeat(200), idempotencyKey, waitMs: LONG_MS })
  }
}

/** Lets every session go, as soon as none is busy with the end of its turn any more. */
async function letGo(runtime: Runtime): Promise<void> {
  const loaded = async (): Promise<number> => {
    await runtime.evict()
    return runtime.health().sessions.loaded
  }
  await expect.poll(loaded).toBe(0)
}

/** Frees what nothing refers to. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

describe.each(STORES)('growth on %s', kind => {
  test('turn 300 writes and reads what turn 10 does', { timeout: 4 * LONG_MS }, async () => {
    const { source, take } = counted(freshStore(kind))
    const runtime = await start({ store: source, executor: working() })
    await runtime.open({ sessionId: 's' })
    await turns(runtime, 's', 0, 10)
    take()
    await turns(runtime, 's', 10, 30)
    const early = take()
    await turns(runtime, 's', 30, 300)
    const middle = take()
    await turns(runtime, 's', 300, 320)
    const late = take()

    for (const what of ['commits', 'rows', 'written', 'read'] as const) {
      expect(Math.abs(late[what] - early[what])).toBeLessThanOrEqual(early[what] / 10)
    }
    // A snapshot holds what is unfinished and the lengths of the rest, at most one in 64 commits.
    expect(middle.snapshots).toBeGreaterThan(0)
    expect(middle.snapshots).toBeLessThanOrEqual(Math.ceil(middle.commits / 64))
    expect(Math.max(late.largestSnapshot, middle.largestSnapshot)).toBeLessThan(4_000)
  })

  test('loading replays a bounded number of records', { timeout: 4 * LONG_MS }, async () => {
    const { source, take } = counted(freshStore(kind))
    const runtime = await start({ store: source, executor: working() })
    await runtime.open({ sessionId: 's' })
    for (const [from, to] of [
      [0, 40],
      [40, 140],
      [140, 260],
    ] as const) {
      await turns(runtime, 's', from, to)
      await letGo(runtime)
      take()
      await runtime.send('s', { content: 'still there?', waitMs: LONG_MS })
      const { replayed } = take()
      expect(replayed).toBeGreaterThan(0)
      expect(replayed).toBeLessThanOrEqual(64)
    }
  })

  test('a backlog adds its own length to that, and no more', { timeout: 2 * LONG_MS }, async () => {
    const { source, take } = counted(freshStore(kind))
    const admitting = await createRuntime({ store: source, keepIdle: 1 })
    await admitting.open({ sessionId: 's' })
    for (let input = 0; input < 150; input++) await admitting.send('s', { content: `later ${input}` })
    await admitting.close()
    take()
    const runtime = await start({ store: source, executor: scriptedExecutor(() => 'done') })
    await runtime.recover()
    expect(take().replayed).toBeLessThanOrEqual(64 + 150)
    const { items } = await runtime.inputs('s', { limit: 200 })
    await Promise.all(items.map(({ id }) => runtime.wait('s', id, LONG_MS)))
    await letGo(runtime)
    take()
    await runtime.send('s', { content: 'the last one', waitMs: LONG_MS })
    expect(take().replayed).toBeLessThanOrEqual(64 + 1)
  })

  test('an idle session that is let go leaves nothing behind', { timeout: 2 * LONG_MS }, async () => {
    const { source, loaded } = counted(freshStore(kind))
    const runtime = await start({ store: source, executor: echo() })
    const ids = Array.from({ length: 20 }, (_, index) => `s${index}`)
    for (const id of ids) await runtime.open({ sessionId: id })
    await letGo(runtime)
    for (const id of ids) await turns(runtime, id, 0, 2)
    const left = (): number => {
      collectGarbage()
      return loaded.filter(one => one.deref() !== undefined).length
    }
    expect(left()).toBe(ids.length)
    await letGo(runtime)
    await expect.poll(left).toBe(0)
    expect((await runtime.send('s3', { content: 'still there?', waitMs: LONG_MS })).outcome).toBe('accepted')
  })
})
