/** Commits: atomic, in order, independent of each other. */
import { type CommitRecord, RECORD_VERSION } from '../../store/records.ts'
import {
  type Cases,
  codeOf,
  commit,
  commitMany,
  create,
  failure,
  head,
  inputId,
  record,
  runId,
  sessionId,
  uuid,
} from './kit.ts'

const FULL_RECORD: CommitRecord = {
  v: RECORD_VERSION,
  at: 5,
  runId: runId(uuid(1)),
  inputId: inputId(uuid(2)),
  events: [{ type: 'text.completed', turn: 1, message: 0, data: { nested: { list: [1, null, 'ü\u0000'] } } }],
  inputs: [
    {
      id: inputId(uuid(2)),
      at: 5,
      mode: 'steer',
      kind: 'prompt',
      content: [{ type: 'json', value: { deep: [true] } }],
      idempotencyKey: 'k',
    },
  ],
  ended: [
    { id: inputId(uuid(2)), status: 'consumed', attempts: 1, result: { outcome: 'completed', runId: runId(uuid(1)) } },
  ],
  messages: [{ role: 'assistant', content: '\ud83d\ude80 \\ "quoted" \n' }],
  messagesFrom: 0,
}

export const commitCases: Cases = {
  'a record comes back as it was given': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const position = await store.commit(commit(claim, 5, { record: FULL_RECORD }))
    expect(await store.row(position)).toEqual({ position, sessionId: 's', record: FULL_RECORD })
  },

  'what the caller changes later does not reach the store': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const events = [{ type: 'before' }]
    const committed = store.commit(commit(claim, 2, { record: record(2, { events }) }))
    events.push({ type: 'after' })
    const position = await committed
    expect((await store.row(position))?.record.events).toEqual([{ type: 'before' }])
  },

  'positions rise over all sessions, and the tail is the newest': async ({ store, expect }) => {
    expect(await store.tail()).toBe(0)
    const first = await create(store, 'a')
    const second = await create(store, 'b')
    const third = await store.commit(commit(first.claim, 2))
    const fourth = await store.commit(commit(second.claim, 2))
    expect([first.position, second.position, third, fourth].toSorted((x, y) => x - y)).toEqual([
      first.position,
      second.position,
      third,
      fourth,
    ])
    expect(new Set([first.position, second.position, third, fourth]).size).toBe(4)
    expect(await store.tail()).toBe(fourth)
  },

  'commits that are given at once keep their order': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const answered: number[] = []
    await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        await store.commit(commit(claim, 100 + i))
        answered.push(100 + i)
      }),
    )
    const given = Array.from({ length: 200 }, (_, i) => 100 + i)
    expect(answered).toEqual(given)
    const rows = await store.read({ sessionId: sessionId('s'), after: 0, limit: 1000 })
    expect(rows.map(row => row.record.at)).toEqual([1, ...given])
  },

  'sessions that commit at once stay apart': async ({ store, expect }) => {
    const ids = Array.from({ length: 20 }, (_, i) => `s${i}`)
    const claims = await Promise.all(ids.map(async id => (await create(store, id)).claim))
    await Promise.all(
      claims.flatMap((claim, i) => Array.from({ length: 90 }, (_, j) => store.commit(commit(claim, i * 1000 + j)))),
    )
    const all = await store.read({ after: 0, limit: 10_000 })
    expect(all.length).toBe(20 * 91)
    for (const [i, id] of ids.entries()) {
      const rows = await store.read({ sessionId: sessionId(id), after: 0, limit: 1000 })
      expect(rows.map(row => row.record.at)).toEqual([1, ...Array.from({ length: 90 }, (_, j) => i * 1000 + j)])
      expect(rows).toEqual(all.filter(row => row.sessionId === id))
    }
  },

  'a commit under an old token is refused alone and leaves nothing': async ({ store, expect }) => {
    const old = (await create(store, 's')).claim
    const neighbour = (await create(store, 't')).claim
    const claim = await store.claim(sessionId('s'), 'owner-1')
    const tail = await store.tail()
    const [refused, ...fine] = await Promise.all([
      failure(
        store.commit(
          commit(old, 2, {
            head: head({ phase: 'lost' }),
            opened: [inputId(uuid(1))],
            keys: [{ key: 'k', inputId: inputId(uuid(1)), digest: 'd' }],
            snapshot: 'lost',
            journal: { put: [{ work: inputId(uuid(1)), index: 0, message: { role: 'user' } }] },
          }),
        ),
      ),
      store.commit(commit(neighbour, 2)),
      store.commit(commit(claim, 3)),
    ])
    expect(refused).toMatchObject({ code: 'not-owner', details: { sessionId: 's' } })
    expect(fine).toEqual([tail + 1, tail + 2])
    expect(await store.locate(inputId(uuid(1)))).toBe(undefined)
    expect(await store.key(sessionId('s'), 'k')).toBe(undefined)
    expect(await store.load(sessionId('s'))).toMatchObject({ head: { phase: 'idle' }, journal: [] })
  },

  'a commit that is not the next of its session is refused alone and leaves nothing': async ({ store, expect }) => {
    const { claim } = await create(store, 's', { head: head({ commits: 1 }) })
    const nth = (commits: number, at: number): Promise<number> =>
      store.commit(commit(claim, at, { head: head({ commits }), opened: [inputId(uuid(at))] }))
    await nth(4, 2)
    const [again, fifth, twice, late, sixth] = await Promise.all([
      failure(nth(4, 3)),
      codeOf(nth(5, 4)),
      failure(nth(5, 5)),
      codeOf(nth(1, 6)),
      codeOf(nth(6, 7)),
    ])
    expect(again).toMatchObject({ code: 'conflict', details: { sessionId: 's' } })
    expect([fifth, twice?.code, late, sixth]).toEqual([undefined, 'conflict', 'conflict', undefined])
    expect((await store.load(sessionId('s'))).rows.map(row => row.record.at)).toEqual([1, 2, 4, 7])
    for (const at of [3, 5, 6]) expect(await store.locate(inputId(uuid(at)))).toBe(undefined)
    expect((await store.session(sessionId('s')))?.commits).toBe(6)
  },

  'the turn counts on through claims and stores': async ({ store, open, expect }) => {
    const { claim } = await create(store, 's', { head: head({ commits: 1 }) })
    await store.commit(commit(claim, 2, { head: head({ commits: 2 }) }))
    await store.release(claim)
    const other = await open()
    const second = await other.claim(sessionId('s'), 'owner-2')
    expect(await codeOf(other.commit(commit(second, 3, { head: head({ commits: 2 }) })))).toBe('conflict')
    expect(await codeOf(other.commit(commit(second, 4, { head: head({ commits: 3 }) })))).toBe(undefined)
    expect(await codeOf(store.commit(commit(second, 5, { head: head({ commits: 3 }) })))).toBe('conflict')
    expect(await codeOf(store.commit(commit(second, 6, { head: head({ commits: 4 }) })))).toBe(undefined)
    expect((await store.load(sessionId('s'))).rows.map(row => row.record.at)).toEqual([1, 2, 4, 6])
  },

  'a key that is bound already fails its commit alone and whole': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const other = (await create(store, 't')).claim
    const bind = (id: number): { keys: { key: string; inputId: ReturnType<typeof inputId>; digest: string }[] } => ({
      keys: [{ key: 'k', inputId: inputId(uuid(id)), digest: `d${id}` }],
    })
    await store.commit(commit(claim, 2, bind(1)))
    const [before, refused, after, elsewhere] = await Promise.all([
      store.commit(commit(claim, 3, { opened: [inputId(uuid(3))] })),
      failure(store.commit(commit(claim, 4, { ...bind(2), opened: [inputId(uuid(2))], snapshot: 'lost' }))),
      store.commit(commit(claim, 5)),
      store.commit(commit(other, 2, bind(9))),
    ])
    expect(refused).toMatchObject({ code: 'idempotency-conflict', details: { sessionId: 's' } })
    expect(await store.key(sessionId('s'), 'k')).toEqual({ inputId: uuid(1), digest: 'd1' })
    expect(await store.key(sessionId('t'), 'k')).toEqual({ inputId: uuid(9), digest: 'd9' })
    expect(await store.locate(inputId(uuid(2)))).toBe(undefined)
    expect(await store.locate(inputId(uuid(3)))).toEqual({ sessionId: 's', first: before })
    const rows = await store.read({ sessionId: sessionId('s'), after: before - 1, limit: 9 })
    expect(rows.map(row => row.position)).toEqual([before, after])
    expect(elsewhere).toBeGreaterThan(after)
    expect((await store.load(sessionId('s'))).rows.map(row => row.record.at)).toEqual([1, 2, 3, 5])
  },

  'an id is opened once': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const first = await store.commit(commit(claim, 2, { opened: [inputId(uuid(1))] }))
    expect(await codeOf(store.commit(commit(claim, 3, { opened: [inputId(uuid(1))] })))).toBe('conflict')
    expect(await store.locate(inputId(uuid(1)))).toEqual({ sessionId: 's', first })
    expect((await commitMany(store, claim, 4, 2)).length).toBe(2)
  },

  'a commit that fails does not stand in the way of the next': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const cyclic: Record<string, unknown> = {}
    cyclic['self'] = cyclic
    const bad = store.commit(commit(claim, 2, { record: record(2, { events: [{ type: 'x', data: cyclic }] }) }))
    const good = store.commit(commit(claim, 3))
    expect(
      await bad.then(
        () => 'committed',
        () => 'refused',
      ),
    ).toBe('refused')
    expect((await store.row(await good))?.record.at).toBe(3)
  },
}
