/** Work on a session as a whole: its index, its blobs, reducing its records, removing it. */
import { createHash } from 'node:crypto'
import type { InputId } from '../../kernel/ids.ts'
import type { LetterId } from '../../store/mail.ts'
import type { CommitRecord, Position } from '../../store/records.ts'
import type { Blob, Claim, Commit, SessionIndex, Store, Streamed } from '../../store/store.ts'
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

const [S, T] = [sessionId('s'), sessionId('t')]
const [INPUT, RUN, OTHER] = [inputId(uuid(1)), runId(uuid(2)), inputId(uuid(3))]

function blob(content: string | Uint8Array): Blob {
  const data = typeof content === 'string' ? Buffer.from(content) : content
  return { digest: `sha256:${createHash('sha256').update(data).digest('hex')}`, data: new Uint8Array(data) }
}

const accepting = (id: InputId): Partial<CommitRecord> => ({
  inputs: [{ id, at: 2, mode: 'queue', kind: 'prompt', content: 'x' }],
  messages: [{ role: 'user', content: 'x' }],
  messagesFrom: 0,
})

const binding = (key: string, id: InputId): Partial<Commit> => ({ keys: [{ key, inputId: id, digest: `d-${key}` }] })

async function bytesOf(store: Store, { digest }: Blob): Promise<number[] | undefined> {
  const data = await store.blob(digest)
  return data === undefined ? undefined : [...data]
}

/** A session with an input, its run, a key, a blob, a journal, a snapshot and a letter; the places of its records. */
async function full(store: Store, content = blob('shared')): Promise<{ claim: Claim; places: Position[] }> {
  const { claim, position } = await create(store, 's', { options: { labels: { team: 'red' } } })
  const accepted = await store.commit(
    commit(claim, 2, {
      record: record(2, accepting(INPUT)),
      head: head({ unfinished: 1, messages: 1 }),
      opened: [INPUT],
      ...binding('k', INPUT),
      blobs: [content],
      journal: { put: [{ work: INPUT, index: 0, message: { role: 'user', content: 'x' } }] },
    }),
  )
  const started = await store.commit(
    commit(claim, 3, {
      record: record(3, { steps: [{ type: 'Prepare', runId: RUN, at: 3 }] }),
      head: head({ unfinished: 1, messages: 1, dueAt: 1 }),
      opened: [RUN],
      snapshot: 'state',
    }),
  )
  await store.mail.post({ id: 'l' as LetterId, sessionId: S, body: '{}' }, 600_000)
  return { claim, places: [position, accepted, started] }
}

async function expectGone({ store, expect }: Pick<Parameters<Cases[string]>[0], 'store' | 'expect'>): Promise<void> {
  expect(await store.session(S)).toBe(undefined)
  expect((await store.sessions({ limit: 9 })).map(({ id }) => id)).toEqual(['t'])
  expect(await store.sessions({ limit: 9, unheld: { dueBy: 1e15 } })).toEqual([])
  expect(await store.sessions({ limit: 9, label: { key: 'team' } })).toEqual([])
  expect(await store.read({ sessionId: S, after: 0, limit: 9 })).toEqual([])
  expect(await store.readBack({ sessionId: S, limit: 9 })).toEqual([])
  expect(await store.readMessages({ sessionId: S, index: 0, limit: 9 })).toEqual([])
  for (const id of [INPUT, RUN]) expect(await store.locate(id)).toBe(undefined)
  expect(await store.key(S, 'k')).toBe(undefined)
  expect(await codeOf(store.load(S))).toBe('session-not-found')
  expect(await codeOf(store.claim(S, 'owner-1'))).toBe('session-not-found')
  expect(await store.mail.open('owner-1', 9)).toEqual([])
  expect(await store.mail.recall('l' as LetterId)).toBe(false)
}

/** An index as of any store: ids of one record, keys of one record and blobs have no order. */
function sorted({ refs, keys, blobs }: SessionIndex): SessionIndex {
  const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  return { refs: refs.toSorted(byText), keys: keys.toSorted(byText), blobs: blobs.toSorted() }
}

const indexCases: Cases = {
  'an index tells every id, key and blob of a session': async ({ store, open, expect }) => {
    const { claim, places } = await full(store)
    await create(store, 't')
    const last = await store.commit(commit(claim, 4, { closed: [RUN], ...binding('j', INPUT), blobs: [blob('own')] }))
    const expected = {
      refs: [
        { id: INPUT, first: places[1] },
        { id: RUN, first: places[2], last },
      ],
      keys: [
        { key: 'j', inputId: INPUT, digest: 'd-j' },
        { key: 'k', inputId: INPUT, digest: 'd-k' },
      ],
      blobs: [blob('own').digest, blob('shared').digest].toSorted(),
    }
    expect(sorted(await store.index(S))).toEqual(expected)
    expect(sorted(await (await open()).index(S))).toEqual(expected)
    expect(await store.index(T)).toEqual({ refs: [], keys: [], blobs: [] })
  },

  'an index goes from the first record of a long session to its last': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const ids = Array.from({ length: 200 }, (_, i) => inputId(uuid(i + 1)))
    for (let from = 0; from < ids.length; from += 40) {
      const given = ids.slice(from, from + 40)
      await Promise.all(
        given.map((id, i) => store.commit(commit(claim, 2, { record: record(from + i, accepting(id)), opened: [id] }))),
      )
    }
    const { refs } = await store.index(S)
    expect(refs.map(({ id }) => id)).toEqual(ids)
    for (const { id, first } of refs.filter((_, i) => i % 33 === 0)) {
      expect(await store.locate(id)).toEqual({ sessionId: 's', first })
    }
  },
}

const blobCases: Cases = {
  'content comes back as it was given, to the byte': async ({ store, open, expect }) => {
    const { claim } = await create(store, 's')
    const all = blob(Uint8Array.from({ length: 256 }, (_, i) => i))
    const large = blob(new Uint8Array(1_000_000).fill(0xff))
    const nothing = blob('')
    await store.commit(commit(claim, 2, { blobs: [all, large, nothing] }))
    for (const each of [store, await open()]) {
      for (const given of [all, nothing]) expect(await bytesOf(each, given)).toEqual([...given.data])
      expect(Buffer.compare((await each.blob(large.digest)) ?? Buffer.alloc(0), large.data)).toBe(0)
    }
    expect(await bytesOf(store, blob('never given'))).toBe(undefined)
  },

  'content that is spoken of again is kept once': async ({ store, expect }) => {
    const [first, second] = [(await create(store, 's')).claim, (await create(store, 't')).claim]
    const shared = blob('shared')
    await Promise.all([
      store.commit(commit(first, 2, { blobs: [shared, shared] })),
      store.commit(commit(second, 2, { blobs: [shared] })),
      store.commit(commit(first, 3, { blobs: [shared] })),
    ])
    expect((await store.index(S)).blobs).toEqual([shared.digest])
    expect((await store.index(T)).blobs).toEqual([shared.digest])
  },

  'what a refused commit brought is not kept': async ({ store, expect }) => {
    const old = (await create(store, 's')).claim
    await store.claim(S, 'owner-1')
    expect(await codeOf(store.commit(commit(old, 2, { blobs: [blob('lost')] })))).toBe('not-owner')
    expect(await bytesOf(store, blob('lost'))).toBe(undefined)
    expect((await store.index(S)).blobs).toEqual([])
  },

  'content goes with the last session that speaks of it': async ({ store, open, expect }) => {
    const [shared, own] = [blob('shared'), blob('own')]
    const first = (await full(store)).claim
    const second = (await create(store, 't')).claim
    await store.commit(commit(first, 4, { blobs: [own] }))
    await store.commit(commit(second, 2, { blobs: [shared] }))
    await store.remove(first)
    expect([await bytesOf(store, own), await bytesOf(store, shared)]).toEqual([undefined, [...shared.data]])
    await store.remove(second)
    expect([await bytesOf(store, shared), await bytesOf(await open(), shared)]).toEqual([undefined, undefined])
    const again = (await create(store, 's')).claim
    await store.commit(commit(again, 2, { blobs: [shared] }))
    expect(await bytesOf(store, shared)).toEqual([...shared.data])
  },
}

const amendCases: Cases = {
  'amended records stand at their places, all else stays': async ({ store, open, expect }) => {
    const { claim, places } = await full(store)
    const before = { session: await store.session(S), loaded: await store.load(S), index: await store.index(S) }
    const [birth, accepted] = await store.read({ sessionId: S, after: 0, limit: 2 })
    const lighter = record(2, { ...accepting(INPUT), events: [{ type: 'ü', place: 3 }] })
    await store.amend(claim, [{ position: places[1] ?? 0, record: lighter }])
    const wanted = { ...accepted, record: lighter }
    for (const each of [store, await open()]) {
      expect(await each.row(places[1] ?? 0)).toEqual(wanted)
      expect(await each.read({ sessionId: S, after: 0, limit: 2 })).toEqual([birth, wanted])
      expect((await each.readBack({ sessionId: S, limit: 9 }))[1]).toEqual(wanted)
      expect((await each.readMessages({ sessionId: S, index: 0, limit: 1 }))[0]).toEqual(wanted)
      const after = { session: await each.session(S), loaded: await each.load(S), index: await each.index(S) }
      expect(after).toEqual(before)
    }
    expect(await store.commit(commit(claim, 5))).toBeGreaterThan(places[2] ?? 0)
  },

  'many records are amended at once': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    await commitMany(store, claim, 2, 150)
    const rows = await store.read({ sessionId: S, after: 0, limit: 1000 })
    const amended = rows.slice(1).map(row => ({ ...row, record: record(row.record.at, { events: [] }) }))
    await store.amend(claim, amended)
    expect(await store.read({ sessionId: S, after: 0, limit: 1000 })).toEqual([rows[0], ...amended])
    expect((await store.load(S)).rows).toEqual([rows[0], ...amended])
    await store.amend(claim, [])
  },

  'an amendment under a claim that is over is refused': async ({ store, expect }) => {
    const { claim, places } = await full(store)
    const current = await store.claim(S, 'owner-1')
    const before = await store.row(places[1] ?? 0)
    const rows = [{ position: places[1] ?? 0, record: record(9) }]
    expect(await failure(store.amend(claim, rows))).toMatchObject({ code: 'not-owner', details: { sessionId: 's' } })
    expect(await store.row(places[1] ?? 0)).toEqual(before)
    await store.amend(current, rows)
    expect((await store.row(places[1] ?? 0))?.record).toEqual(record(9))
  },

  'an amendment does not reach into another session': async ({ store, expect }) => {
    const { claim } = await full(store)
    const { position } = await create(store, 't')
    await failure(store.amend(claim, [{ position, record: record(9) }]))
    expect((await store.row(position))?.record).toEqual(record(1))
  },
}

const streamedCases: Cases = {
  'what is streamed is kept behind the newest record, until there is a newer one': async ({ store, open, expect }) => {
    const { claim, position } = await create(store, 's')
    expect(await store.streamed(S)).toBe(undefined)
    const said = (text: string, at: Position = position): Streamed => ({
      position: at,
      events: [{ type: 'text.delta', turn: 1, n: 2, at: 5, data: { text } }],
    })
    await store.keepStreamed(claim, said('Once'))
    await store.keepStreamed(claim, said('Once \u0000 \ud83e\udda6'))
    for (const each of [store, await open()]) {
      expect(await each.streamed(S)).toEqual(said('Once \u0000 \ud83e\udda6'))
      expect((await each.load(S)).rows.length).toBe(1)
    }
    await store.keepStreamed(claim, { position, events: [] })
    expect(await store.streamed(S)).toBe(undefined)
    await store.keepStreamed(claim, said('Once'))
    const next = await store.commit(commit(claim, 2))
    expect(await store.streamed(S)).toBe(undefined)
    await store.keepStreamed(claim, said('too late'))
    expect(await store.streamed(S)).toBe(undefined)
    await store.keepStreamed(claim, said('in time', next))
    expect(await store.streamed(S)).toEqual(said('in time', next))
    expect(await store.streamed(T)).toBe(undefined)
  },

  'what is streamed under a claim that is over is refused': async ({ store, expect }) => {
    const { claim, position } = await create(store, 's')
    const current = await store.claim(S, 'owner-1')
    const streamed = { position, events: [{ type: 'turn.started', turn: 1, n: 1, at: 5 }] }
    expect(await failure(store.keepStreamed(claim, streamed))).toMatchObject({ code: 'not-owner' })
    expect(await store.streamed(S)).toBe(undefined)
    await store.keepStreamed(current, streamed)
    await store.remove(current)
    expect(await store.streamed(S)).toBe(undefined)
    const again = await create(store, 's')
    expect(await store.streamed(S)).toBe(undefined)
    expect(await codeOf(store.keepStreamed(current, streamed))).toBe('not-owner')
    await store.keepStreamed(again.claim, { ...streamed, position: again.position })
    expect((await store.streamed(S))?.events).toEqual(streamed.events)
  },
}

const removeCases: Cases = {
  'a session that was removed is gone everywhere, and no other': async ({ store, open, expect }) => {
    const { claim, places } = await full(store)
    const other = (await create(store, 't')).claim
    await store.commit(commit(other, 2, { opened: [OTHER], ...binding('k', OTHER) }))
    const untouched = { loaded: await store.load(T), rows: await store.read({ sessionId: T, after: 0, limit: 9 }) }
    await store.remove(claim)
    for (const each of [store, await open()]) {
      await expectGone({ store: each, expect })
      for (const place of places) expect(await each.row(place)).toBe(undefined)
      expect(await each.read({ after: 0, limit: 9 })).toEqual(untouched.rows)
      expect({ loaded: await each.load(T), rows: await each.read({ sessionId: T, after: 0, limit: 9 }) }).toEqual(
        untouched,
      )
      expect(await each.key(T, 'k')).toEqual({ inputId: OTHER, digest: 'd-k' })
    }
    expect(await codeOf(store.commit(commit(claim, 4)))).toBe('session-not-found')
    expect(await codeOf(store.remove(claim))).toBe('session-not-found')
    expect(await codeOf(store.amend(claim, [{ position: 1, record: record(1) }]))).toBe('session-not-found')
    expect(await store.current([claim, other])).toEqual([other])
    await store.release(claim)
    expect(await codeOf(store.commit(commit(other, 3)))).toBe(undefined)
    expect((await store.inspect()).filter(({ level }) => level === 'error')).toEqual([])
  },

  'only who holds a session can remove it': async ({ store, expect }) => {
    const { claim } = await full(store)
    const before = await store.load(S)
    const current = await store.claim(S, 'owner-1')
    expect(await failure(store.remove(claim))).toMatchObject({ code: 'not-owner', details: { sessionId: 's' } })
    expect(await store.load(S)).toEqual(before)
    await store.remove(current)
    expect(await store.session(S)).toBe(undefined)
  },

  'a position is never given twice, and the tail does not go back': async ({ store, open, expect }) => {
    await create(store, 't')
    const { claim } = await full(store)
    const tail = await store.tail()
    await store.remove(claim)
    expect([await store.tail(), await (await open()).tail()]).toEqual([tail, tail])
    const { position } = await create(store, 's')
    expect(position).toBeGreaterThan(tail)
    await store.remove(await store.claim(S, 'owner-1'))
    await store.close()
    const again = await open()
    expect((await create(again, 'u')).position).toBeGreaterThan(position)
  },

  'its id and what it was known by are free again': async ({ store, expect }) => {
    const { claim, places } = await full(store)
    await store.remove(claim)
    const second = await full(store)
    expect(second.places[0]).toBeGreaterThan(places[2] ?? 0)
    expect((await store.load(S)).rows).toEqual([])
    expect((await store.read({ sessionId: S, after: 0, limit: 9 })).map(row => row.position)).toEqual(second.places)
    expect(await store.locate(RUN)).toEqual({ sessionId: 's', first: second.places[2] })
    expect((await store.mail.open('owner-1', 9)).map(({ id }) => id)).toEqual(['l'])
  },

  'who held it once can not write the one that has its id now': async ({ store, open, expect }) => {
    const stalled = (await create(store, 's', { owner: 'a' })).claim
    await store.release(stalled)
    const other = await open()
    await other.remove(await other.claim(S, 'b'))
    await create(other, 's', { owner: 'b' })
    for (const each of [store, other]) {
      expect(await codeOf(each.commit(commit(stalled, 9)))).toBe('not-owner')
      expect(await codeOf(each.amend(stalled, []))).toBe('not-owner')
      expect(await codeOf(each.remove(stalled))).toBe('not-owner')
      expect(await each.current([stalled])).toEqual([])
    }
    expect((await other.load(S)).rows.map(row => row.record.at)).toEqual([1])
  },

  'a long session can be removed while others write': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const other = (await create(store, 't')).claim
    for (let at = 2; at < 302; at += 100)
      await Promise.all([commitMany(store, claim, at, 100), commitMany(store, other, at, 100)])
    await Promise.all([store.remove(claim), commitMany(store, other, 302, 100)])
    const rows = await store.read({ after: 0, limit: 1000 })
    expect(rows.map(row => [row.sessionId, row.record.at])).toEqual(Array.from({ length: 401 }, (_, i) => ['t', i + 1]))
    expect((await store.read({ sessionId: T, after: 0, limit: 1000 })).length).toBe(401)
  },

  'compacting changes nothing that is kept, and writing goes on': async ({ store, open, expect }) => {
    const { claim } = await full(store)
    const other = (await create(store, 't')).claim
    await commitMany(store, other, 2, 100)
    await store.remove(claim)
    const before = { rows: await store.read({ after: 0, limit: 1000 }), tail: await store.tail() }
    await store.compact()
    for (const each of [store, await open()]) {
      expect({ rows: await each.read({ after: 0, limit: 1000 }), tail: await each.tail() }).toEqual(before)
    }
    expect(await store.commit(commit(other, 200))).toBeGreaterThan(before.tail)
    expect((await store.load(T)).rows.length).toBe(102)
  },
}

export const storageCases: Cases = { ...indexCases, ...blobCases, ...amendCases, ...streamedCases, ...removeCases }
