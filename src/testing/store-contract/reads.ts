/** Reading: by cursor in both directions, by message, by id, by key. */
import type { CommitRecord, Position } from '../../store/records.ts'
import type { Claim, LogRow, Store } from '../../store/store.ts'
import { type Cases, commit, commitMany, create, head, inputId, record, runId, sessionId, uuid } from './kit.ts'

const ID = sessionId('s')

/** A session of `count` records between those of another, so that its positions have gaps. */
async function interleaved(store: Store, count: number): Promise<LogRow[]> {
  const { claim } = await create(store, 's')
  const noise = (await create(store, 'noise')).claim
  for (let at = 2; at <= count; at += 16) {
    await Promise.all([commitMany(store, claim, at, Math.min(16, count - at + 1)), commitMany(store, noise, at, 3)])
  }
  const all = await store.read({ after: 0, limit: 10_000 })
  return all.filter(row => row.sessionId === ID)
}

/** Record i holds i % 3 messages; answers the index range of each. */
async function withMessages(store: Store, claim: Claim, base: number, count: number): Promise<number[]> {
  const ends: number[] = []
  let messages = base
  for (let i = 0; i < count; i += 1) {
    const list = Array.from({ length: i % 3 }, (_, j) => ({ role: 'user' as const, content: `${messages + j}` }))
    const joined: Partial<CommitRecord> = list.length === 0 ? {} : { messages: list, messagesFrom: messages }
    messages += list.length
    ends.push(messages)
    await store.commit(commit(claim, i + 2, { record: record(i + 2, joined), head: head({ messages }) }))
  }
  return ends
}

const places = (rows: readonly LogRow[]): Position[] => rows.map(row => row.position)

export const readCases: Cases = {
  'a session is read forward from anywhere': async ({ store, expect }) => {
    const rows = await interleaved(store, 300)
    expect(rows.map(row => row.record.at)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
    for (const from of [0, 1, 2, 62, 63, 64, 65, 127, 128, 129, 191, 192, 255, 256, 298, 299, 300]) {
      const after = from === 0 ? 0 : (places(rows)[from - 1] ?? 0)
      for (const limit of [0, 1, 2, 63, 64, 65, 128, 129, 1000]) {
        const got = await store.read({ sessionId: ID, after, limit })
        expect(places(got)).toEqual(places(rows.slice(from, from + limit)))
      }
    }
    expect(await store.read({ sessionId: ID, after: 1e9, limit: 5 })).toEqual([])
  },

  'a session is read back from anywhere': async ({ store, expect }) => {
    const rows = await interleaved(store, 200)
    const newest = rows.toReversed()
    expect(await store.readBack({ sessionId: ID, limit: 1000 })).toEqual(newest)
    expect(await store.readBack({ sessionId: ID, limit: 0 })).toEqual([])
    for (const skip of [0, 1, 7, 8, 9, 71, 72, 73, 135, 136, 137, 198, 199]) {
      const before = newest[skip]?.position
      for (const limit of [1, 2, 63, 64, 65, 1000]) {
        const got = await store.readBack({ sessionId: ID, limit, ...(before === undefined ? {} : { before }) })
        expect(places(got)).toEqual(places(newest.slice(skip + 1, skip + 1 + limit)))
      }
    }
    expect(places(await store.readBack({ sessionId: ID, before: 1e9, limit: 3 }))).toEqual(places(newest.slice(0, 3)))
    expect(await store.readBack({ sessionId: ID, before: 1, limit: 3 })).toEqual([])
  },

  'a position between two rows of a session is a place too': async ({ store, expect }) => {
    const rows = await interleaved(store, 150)
    for (let position = 0; position <= (await store.tail()) + 1; position += 5) {
      const [next] = await store.read({ sessionId: ID, after: position, limit: 1 })
      expect(next).toEqual(rows.find(row => row.position > position))
      const [previous] = await store.readBack({ sessionId: ID, before: position, limit: 1 })
      expect(previous).toEqual(rows.findLast(row => row.position < position))
    }
  },

  'all sessions are read in the order of commits': async ({ store, expect }) => {
    await interleaved(store, 40)
    const all = await store.read({ after: 0, limit: 1000 })
    expect(places(all)).toEqual(places(all).toSorted((a, b) => a - b))
    const paged: LogRow[] = []
    for (;;) {
      const page = await store.read({ after: paged.at(-1)?.position ?? 0, limit: 7 })
      paged.push(...page)
      if (page.length < 7) break
    }
    expect(paged).toEqual(all)
    expect(await store.read({ after: 0, limit: 0 })).toEqual([])
  },

  'a page ends where its texts get too long, and never before its first record': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    for (let i = 0; i < 80; i += 1) {
      // Text that is no shorter for being packed, and 5,000 bytes long; the last one as long as twenty.
      const text = Array.from({ length: i === 79 ? 100_000 : 5_000 }, (_, at) => (at * at * (i + 7)) % 10).join('')
      const said = record(i + 2, { messages: [{ role: 'assistant', content: text }], messagesFrom: i })
      await store.commit({ claim, record: said, head: head({ messages: i + 1 }) })
    }
    const all = await store.read({ sessionId: ID, after: 0, limit: 1_000 })
    const pages: LogRow[][] = []
    for (let after = 0; ; after = pages.at(-1)?.at(-1)?.position ?? 0) {
      const page = await store.read({ sessionId: ID, after, limit: 1_000, maxBytes: 20_000 })
      if (page.length === 0) break
      pages.push([...page])
    }
    expect(pages.flat()).toEqual(all)
    expect(pages.filter(({ length }) => length > 4)).toEqual([])
    expect(pages.length).toBeGreaterThan(20)
    expect(pages.at(-1)?.length).toBe(1)
    const bounded = { limit: 1_000, maxBytes: 20_000 }
    expect(places(await store.read({ after: 0, ...bounded }))).toEqual(places(pages[0] ?? []))
    expect(places(await store.read({ sessionId: ID, after: 0, limit: 2, maxBytes: 20_000 }))).toEqual(
      places(all.slice(0, 2)),
    )
    expect(places(await store.readBack({ sessionId: ID, ...bounded }))).toEqual(places(all.slice(-1)))
    const before = all.at(-1)?.position ?? 0
    expect(places(await store.readBack({ sessionId: ID, before, ...bounded }))).toEqual(
      places(all.slice(-4, -1).toReversed()),
    )
    expect(places(await store.readMessages({ sessionId: ID, index: 10, ...bounded }))).toEqual(
      places(all.slice(11, 14)),
    )
    expect(await store.read({ sessionId: ID, after: before, ...bounded })).toEqual([])
  },

  'a session of many records is loaded and indexed in turns, whole': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const writes: Promise<Position>[] = []
    for (let at = 2; at <= 700; at++) {
      const input = { id: inputId(uuid(at)), at, mode: 'queue', kind: 'prompt', content: 'y'.repeat(500) } as const
      const one = { opened: [input.id], record: { ...record(at), inputs: [input] } }
      writes.push(store.commit(commit(claim, at, one)))
    }
    await Promise.all(writes)
    const loaded = await besides(() => store.load(ID))
    expect(loaded.value.rows.map(row => row.record.at)).toEqual(Array.from({ length: 700 }, (_, i) => i + 1))
    expect(loaded.turns).toBeGreaterThan(2)
    const indexed = await besides(() => store.index(ID))
    expect(indexed.value.refs.map(({ id }) => id)).toEqual(Array.from({ length: 699 }, (_, i) => uuid(i + 2)))
  },

  'the record that holds a message is found': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const ends = await withMessages(store, claim, 0, 200)
    const rows = (await store.load(ID)).rows.slice(1)
    for (let index = 0; index < (ends.at(-1) ?? 0); index += 1) {
      const from = ends.findIndex(end => end > index)
      for (const limit of [1, 3]) {
        const got = await store.readMessages({ sessionId: ID, index, limit })
        expect(places(got)).toEqual(places(rows.slice(from, from + limit)))
      }
    }
    expect(places(await store.readMessages({ sessionId: ID, index: 0, limit: 1000 }))).toEqual(places(rows.slice(1)))
    expect(await store.readMessages({ sessionId: ID, index: ends.at(-1) ?? 0, limit: 3 })).toEqual([])
  },

  'a fork reads its own messages, from its first record on': async ({ store, expect }) => {
    const { claim, position } = await create(store, 's', { head: head({ messages: 10 }) })
    await withMessages(store, claim, 10, 3)
    const own = places((await store.load(ID)).rows)
    expect(places(await store.readMessages({ sessionId: ID, index: 3, limit: 9 }))).toEqual([position, ...own.slice(1)])
    expect(places(await store.readMessages({ sessionId: ID, index: 10, limit: 9 }))).toEqual(own.slice(2))
  },

  'a row is found by its position': async ({ store, expect }) => {
    const { position } = await create(store, 's')
    expect(await store.row(position)).toEqual({ position, sessionId: 's', record: record(1) })
    expect(await store.row(position + 1)).toBe(undefined)
    expect(await store.row(0)).toBe(undefined)
  },

  'an id is found from its first record to its last': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const [input, run] = [inputId(uuid(1)), runId(uuid(2))]
    expect(await store.locate(input)).toBe(undefined)
    const first = await store.commit(commit(claim, 2, { opened: [input, run] }))
    expect(await store.locate(input)).toEqual({ sessionId: 's', first })
    expect(await store.locate(run)).toEqual({ sessionId: 's', first })
    const last = await store.commit(commit(claim, 3, { closed: [run] }))
    expect(await store.locate(input)).toEqual({ sessionId: 's', first })
    expect(await store.locate(run)).toEqual({ sessionId: 's', first, last })
  },

  'ids of any form stay apart': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const lower = uuid(0xabc)
    const ids = [
      lower,
      lower.toUpperCase(),
      lower.replace('-', '_'),
      lower.replace('abc', 'xyz'),
      'short',
      `${lower} `,
    ].map(inputId)
    const positions: Position[] = []
    for (const [i, id] of ids.entries()) positions.push(await store.commit(commit(claim, i + 2, { opened: [id] })))
    for (const [i, id] of ids.entries()) expect(await store.locate(id)).toEqual({ sessionId: 's', first: positions[i] })
  },

  'an id that opens and closes at once has both places': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const ids = [inputId(uuid(1))]
    const both = await store.commit(commit(claim, 2, { opened: ids, closed: ids }))
    expect(await store.locate(inputId(uuid(1)))).toEqual({ sessionId: 's', first: both, last: both })
    const only = await store.commit(commit(claim, 3, { closed: [inputId(uuid(2))] }))
    expect(await store.locate(inputId(uuid(2)))).toEqual({ sessionId: 's', first: only, last: only })
  },

  'a key leads to its input, within its session': async ({ store, expect }) => {
    const claim = (await create(store, 's')).claim
    const other = (await create(store, 't')).claim
    await store.commit(commit(claim, 2, { keys: [{ key: 'ü "k"', inputId: inputId(uuid(1)), digest: 'd1' }] }))
    await store.commit(commit(other, 2, { keys: [{ key: 'ü "k"', inputId: inputId(uuid(2)), digest: 'd2' }] }))
    expect(await store.key(ID, 'ü "k"')).toEqual({ inputId: uuid(1), digest: 'd1' })
    expect(await store.key(sessionId('t'), 'ü "k"')).toEqual({ inputId: uuid(2), digest: 'd2' })
    expect(await store.key(ID, 'other')).toBe(undefined)
    expect(await store.key(sessionId('nobody'), 'ü "k"')).toBe(undefined)
  },
}

/** The result of the work, and how many turns the event loop made meanwhile. */
async function besides<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly turns: number }> {
  let turns = 0
  let timer = setImmediate(function turn() {
    turns++
    timer = setImmediate(turn)
  })
  const value = await work()
  clearImmediate(timer)
  return { value, turns }
}
