/** Networks, servers and processes that fail, and what is left behind: nothing that was not said, and all that was. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type PostgresOptions, postgres } from '../../src/store/postgres/index.ts'
import type { Claim, Hint, Store } from '../../src/store/store.ts'
import {
  codeOf,
  commit,
  create,
  failure,
  head,
  inputId,
  sessionId,
  uuid,
} from '../../src/testing/store-contract/kit.ts'
import { freshSchema, newPostgresServer, postgresServer, rawly } from '../support/postgres.ts'
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts'
import type { PostgresWriterPlan } from './support/postgres-writer-main.ts'

const S = sessionId('s')

async function openStore(url: string, options: PostgresOptions): Promise<Store> {
  const store = await postgres(url, options).open()
  onTestFinished(() => store.close())
  return store
}

/** A store behind a proxy, and the way around it. */
async function behindProxy(options: PostgresOptions = {}): Promise<{
  store: Store
  proxy: TcpProxy
  direct: string
  schema: string
}> {
  const direct = (await postgresServer()).url()
  const proxy = await tcpProxy(direct)
  onTestFinished(() => proxy.close())
  const schema = freshSchema()
  return { store: await openStore(proxy.url, { schema, ...options }), proxy, direct, schema }
}

const atsOf = async (store: Store, id = S): Promise<number[]> => (await store.load(id)).rows.map(row => row.record.at)

/** Claims as soon as the holder's lease is over. */
function takeOver(store: Store, owner: string, id = S): Promise<Claim> {
  return vi.waitFor(() => store.claim(id, owner), { timeout: 10_000, interval: 20 })
}

describe('an owner that falls silent', () => {
  test('keeps its sessions for a lease, and loses them to the first who asks after', async () => {
    const { store, proxy, direct, schema } = await behindProxy({ leaseMs: 400 })
    const other = await openStore(direct, { schema, leaseMs: 400 })
    const { claim } = await create(store, 's', { owner: 'a' })
    const lapsed = new Promise<void>(resolve => store.onLapse(resolve))
    proxy.stall()
    const silent = performance.now()
    expect(await codeOf(other.claim(S, 'b'))).toBe('not-owner')
    const taken = await takeOver(other, 'b')
    // Its last renewal may have been up to a third of the lease before.
    expect(performance.now() - silent).toBeGreaterThan(200)
    expect(taken.token).toBeGreaterThan(claim.token)
    await lapsed
    await other.commit(commit(taken, 3))
    proxy.restore()
    expect(await failure(store.commit(commit(claim, 2)))).toMatchObject({ code: 'not-owner' })
    expect(await store.current([claim, taken])).toEqual([taken])
    expect(await atsOf(other)).toEqual([1, 3])
  })

  test('keeps those that nobody wanted, and hears that it was late', async () => {
    const { store, proxy } = await behindProxy({ leaseMs: 400 })
    const { claim } = await create(store, 's', { owner: 'a' })
    const lapsed = new Promise<void>(resolve => store.onLapse(resolve))
    proxy.cut()
    await lapsed
    proxy.restore()
    await vi.waitFor(async () => expect(await store.current([claim])).toEqual([claim]), { timeout: 5000 })
    expect(await codeOf(store.commit(commit(claim, 2)))).toBe(undefined)
  })

  test('is found by who looks for sessions that owe something', async () => {
    const { store, proxy, direct, schema } = await behindProxy({ leaseMs: 400 })
    const other = await openStore(direct, { schema, leaseMs: 400 })
    await create(store, 's', { owner: 'a', head: head({ unfinished: 1 }) })
    await create(store, 'idle', { owner: 'a' })
    await create(other, 'mine', { owner: 'b', head: head({ unfinished: 1 }) })
    const unheld = async (): Promise<string[]> =>
      (await other.sessions({ limit: 9, unheld: { dueBy: Date.now() } })).map(session => session.id)
    expect(await unheld()).toEqual([])
    proxy.stall()
    await vi.waitFor(async () => expect(await unheld()).toEqual(['s']), { timeout: 5000, interval: 20 })
    // Also after its row was swept by others' renewals.
    await vi.waitFor(
      async () => expect(await rawly(direct, schema, 'SELECT owner FROM owners')).toEqual([{ owner: 'b' }]),
      { timeout: 5000, interval: 50 },
    )
    expect(await unheld()).toEqual(['s'])
    expect(await other.claim(S, 'b')).toMatchObject({ owner: 'b' })
    expect(await unheld()).toEqual([])
  })
})

test('an owner that was taken for dead is told so, and goes on as a new one', async () => {
  const url = (await postgresServer()).url()
  const schema = freshSchema()
  const store = await openStore(url, { schema })
  const { claim } = await create(store, 's', { owner: 'a' })
  const lapsed = new Promise<void>(resolve => store.onLapse(resolve))
  await rawly(url, schema, `SELECT end_owners(array(SELECT n FROM owners), 'none', '')`)
  expect(await failure(create(store, 't', { owner: 'a' }))).toMatchObject({
    code: 'store-unavailable',
    retryable: true,
    details: { outcome: 'none' },
  })
  await lapsed
  await vi.waitFor(() => create(store, 't', { owner: 'a' }), { timeout: 5000, interval: 20 })
  expect(await codeOf(store.commit(commit(claim, 2)))).toBe('not-owner')
  expect(await codeOf(store.claim(S, 'a'))).toBe(undefined)
})

describe('a process that is suspended', () => {
  /** A child that writes without a pause; `answered` resolves with its next answered commit. */
  function startWriter(plan: PostgresWriterPlan): { child: ChildProcess; answered: () => Promise<unknown> } {
    const main = fileURLToPath(new URL('./support/postgres-writer-main.ts', import.meta.url))
    const child = spawn(process.execPath, [main, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    return { child, answered: () => once(child.stdout, 'data') }
  }

  test('holds up nobody, whenever it is, and loses its sessions', { timeout: 60_000 }, async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    // Only the writer has a short lease, and a lock is waited for longer than a busy machine may take to give it back.
    const store = await openStore(url, { schema, statementTimeoutMs: 10_000 })
    const { claim } = await create(store, 's', { owner: 'mine' })
    const sessions = Array.from({ length: 40 }, (_, i) => `w${i}`)
    const { child, answered } = startWriter({ url, schema, leaseMs: 600, sessions })
    for (let at = 2; at < 30; at += 1) {
      await answered()
      child.kill('SIGSTOP')
      // Its locks would make this fail with a lock timeout.
      expect(await codeOf(store.commit(commit(claim, at)))).toBe(undefined)
      if (at < 29) child.kill('SIGCONT')
    }
    const [first = ''] = sessions
    const taken = await takeOver(store, 'mine', sessionId(first))
    await store.commit(commit(taken, 1_000_000))
    expect((await store.load(sessionId(first))).rows.at(-1)?.record.at).toBe(1_000_000)
    expect((await store.inspect()).filter(finding => finding.level === 'error')).toEqual([])
  })
})

describe('a commit whose answer is lost', () => {
  test('is reported as unknown, and the next claim tells what became of it', async () => {
    const { store, proxy } = await behindProxy()
    const { claim } = await create(store, 's')
    const answered = proxy.swallowAnswers()
    const committed = failure(store.commit(commit(claim, 2)))
    await answered
    proxy.cut()
    expect(await committed).toMatchObject({
      code: 'store-unavailable',
      retryable: true,
      details: { sessionId: 's', outcome: 'unknown' },
    })
    proxy.restore()
    const again = await store.claim(S, claim.owner)
    expect(await atsOf(store)).toEqual([1, 2])
    expect(await codeOf(store.commit(commit(claim, 2)))).toBe('not-owner')
    await store.commit(commit(again, 3))
    expect(await atsOf(store)).toEqual([1, 2, 3])
  })

  test('and that never arrived lands never, even when it arrives late', async () => {
    const { store, proxy, direct, schema } = await behindProxy()
    const other = await openStore(direct, { schema })
    const { claim } = await create(store, 's')
    proxy.stall()
    const late = failure(store.commit(commit(claim, 2)))
    const again = await other.claim(S, claim.owner)
    await other.commit(commit(again, 3))
    proxy.restore()
    expect(await late).toMatchObject({ code: 'not-owner' })
    expect(await atsOf(other)).toEqual([1, 3])
  })

  test('takes no longer than its time, and what waits behind it is not sent', async () => {
    const { store, proxy } = await behindProxy({ statementTimeoutMs: 300 })
    const { claim } = await create(store, 's')
    proxy.stall()
    const first = failure(store.commit(commit(claim, 2)))
    const second = failure(store.commit(commit(claim, 3)))
    expect((await first)?.details).toMatchObject({ outcome: 'unknown' })
    expect((await second)?.details).toMatchObject({ outcome: 'none' })
    proxy.restore()
    const again = await store.claim(S, claim.owner)
    await store.commit(commit(again, 4))
    expect((await atsOf(store)).filter(at => at !== 2)).toEqual([1, 4])
  })
})

describe('a server that stops', () => {
  /** Commits until `count` stand; after a failure it claims again and looks what became of the last one. */
  async function persist(store: Store, id: string, count: number, answered: Map<string, number[]>): Promise<void> {
    const session = sessionId(id)
    const mine: number[] = []
    answered.set(id, mine)
    let { claim } = await create(store, id, { owner: 'a' })
    for (let at = 2; at <= count; at += 1) {
      const error = await failure(store.commit(commit(claim, at)))
      if (error === undefined) {
        mine.push(at)
        continue
      }
      expect(error.code).toBe('store-unavailable')
      claim = await vi.waitFor(() => store.claim(session, 'a'), { timeout: 15_000, interval: 50 })
      const ats = await vi.waitFor(() => atsOf(store, session), { timeout: 15_000, interval: 50 })
      if (ats.at(-1) !== at) at -= 1
    }
  }

  test('without warning loses nothing that was answered, and doubles nothing', { timeout: 60_000 }, async () => {
    const server = await newPostgresServer()
    onTestFinished(() => server.stop('fast'))
    const store = await openStore(server.url(), { schema: 'meerkat' })
    const answered = new Map<string, number[]>()
    const ids = Array.from({ length: 12 }, (_, i) => `s${i}`)
    const enough = (count: number): Promise<void> =>
      vi.waitFor(() => expect([...answered.values()].flat().length).toBeGreaterThan(count), { timeout: 20_000 })
    const all = Promise.all(ids.map(id => persist(store, id, 150, answered)))
    await enough(300)
    await server.stop('immediate')
    await server.start()
    await enough(800)
    await server.stop('fast')
    await server.start()
    await all
    const expected = Array.from({ length: 150 }, (_, i) => i + 1)
    for (const id of ids) expect(await atsOf(store, sessionId(id))).toEqual(expected)
    expect((await store.inspect()).filter(finding => finding.level === 'error')).toEqual([])
  })
})

describe('a server that is busy', () => {
  test('lets reads wait for a connection, up to a limit', async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    const store = await openStore(url, { schema, max: 1, poolTimeoutMs: 100, statementTimeoutMs: 30_000 })
    await create(store, 's')
    const blocked = await holding(url, schema, 'LOCK TABLE log IN ACCESS EXCLUSIVE MODE')
    const first = store.tail()
    expect(await failure(store.tail())).toMatchObject({ code: 'overloaded', retryable: true, details: { max: 1 } })
    await blocked.release()
    expect(await first).toBe(1)
    expect(await store.tail()).toBe(1)
  })

  test('refuses a commit that waits too long for a lock, and nothing was written', async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    const store = await openStore(url, { schema, statementTimeoutMs: 400 })
    const { claim } = await create(store, 's')
    const blocked = await holding(url, schema, 'SELECT * FROM heads FOR UPDATE')
    const refused = await failure(store.commit(commit(claim, 2)))
    expect(refused).toMatchObject({ code: 'store-unavailable', details: { sqlState: '55P03', outcome: 'none' } })
    await blocked.release()
    await store.commit(commit(claim, 3))
    expect(await atsOf(store)).toEqual([1, 3])
  })

  /** Runs a statement in a transaction that stays open. */
  async function holding(url: string, schema: string, sql: string): Promise<{ release: () => Promise<void> }> {
    const { default: connect } = await import('postgres')
    const client = connect(url, { max: 1, connection: { search_path: `"${schema}"` } })
    const release = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    const ended = client.begin(async transaction => {
      await transaction.unsafe(sql)
      held.resolve()
      await release.promise
    })
    await held.promise
    return {
      release: async () => {
        release.resolve()
        await ended
        await client.end()
      },
    }
  }
})

describe('a batch', () => {
  test('with broken writes among many loses only those', async () => {
    const url = (await postgresServer()).url()
    const store = await openStore(url, { schema: freshSchema() })
    const ids = Array.from({ length: 100 }, (_, i) => `s${i}`)
    const claims = await Promise.all(ids.map(async id => (await create(store, id)).claim))
    const opened = [inputId(uuid(1))]
    await store.commit(commit((await create(store, 'first')).claim, 2, { opened }))
    const failed = await Promise.all(
      claims.map((claim, i) => failure(store.commit(commit(claim, 2, i % 30 === 7 ? { opened } : {})))),
    )
    expect(failed.flatMap((error, i) => (error === undefined ? [] : [`${i} ${error.code}`]))).toEqual([
      '7 conflict',
      '37 conflict',
      '67 conflict',
      '97 conflict',
    ])
    expect(await store.load(sessionId('s7'))).toMatchObject({ rows: [{ record: { at: 1 } }] })
    expect((await store.load(sessionId('s8'))).rows.length).toBe(2)
  })

  test('refuses what PostgreSQL can’t hold, by name', async () => {
    const url = (await postgresServer()).url()
    const store = await openStore(url, { schema: freshSchema() })
    const { claim } = await create(store, "s'; DROP TABLE log; --")
    expect(await codeOf(create(store, 'nul\0'))).toBe('invalid-params')
    expect(await codeOf(create(store, 'half\ud800'))).toBe('invalid-params')
    const keys = [{ key: `it's "half`, inputId: inputId(uuid(1)), digest: 'd' }]
    await store.commit(commit(claim, 2, { keys }))
    expect(await store.key(claim.sessionId, keys[0]?.key ?? '')).toEqual({ inputId: uuid(1), digest: 'd' })
  })
})

describe('a connection that listens and is dead without knowing', () => {
  test('is replaced within seconds, is told of meanwhile, and others are heard at once again', {
    timeout: 120_000,
  }, async () => {
    const { store, proxy, direct, schema } = await behindProxy()
    const other = await openStore(direct, { schema })
    const { claim } = await create(other, 's')
    const heard: Hint[] = []
    onTestFinished(store.onCommit(hint => void heard.push(hint)))
    const named = (): number => heard.filter(({ sessionId }) => sessionId === S).length
    let n = 1
    const committed = async (): Promise<void> => {
      const before = named()
      await other.commit(commit(claim, ++n))
      await vi.waitFor(() => expect(named()).toBeGreaterThan(before), { timeout: 500, interval: 10 })
    }
    await vi.waitFor(committed, { timeout: 30_000 })
    expect(store.trouble).toBeUndefined()
    // Both stores listen; only one of them does so through the proxy, which knows its own.
    const listening = await rawly(
      direct,
      schema,
      `SELECT client_port FROM pg_stat_activity WHERE query ILIKE 'listen%${schema}%'`,
    )
    for (const row of listening) proxy.halfOpen(Number(row['client_port']))
    // It is told of from when it was noticed until another one stands: on one machine that is a moment.
    await vi.waitFor(() => expect(store.trouble).toMatch(/silent/), { timeout: 30_000, interval: 1 })
    await vi.waitFor(() => expect(store.trouble).toBeUndefined(), { timeout: 30_000 })
    await vi.waitFor(committed, { timeout: 30_000 })
  })

  test('is not suspected for nothing', async () => {
    const { store } = await behindProxy()
    const troubles = new Set<string | undefined>()
    onTestFinished(store.onCommit(() => {}))
    const until = performance.now() + 6_000
    await vi.waitFor(
      () => {
        troubles.add(store.trouble)
        expect(performance.now()).toBeGreaterThan(until)
      },
      { timeout: 10_000, interval: 20 },
    )
    expect([...troubles]).toEqual([undefined])
  })
})
