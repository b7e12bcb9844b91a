/** Claims: one writer a session, and a token that proves it. */
import { type Cases, codeOf, commit, commitMany, create, failure, sessionId } from './kit.ts'

const ID = sessionId('s')

export const claimCases: Cases = {
  'who creates a session owns it': async ({ store, expect }) => {
    const { claim } = await create(store, 's', { owner: 'a' })
    expect(await codeOf(store.claim(ID, 'b'))).toBe('not-owner')
    expect(await store.commit(commit(claim, 2))).toBeGreaterThan(0)
  },

  'a session that a living owner holds is refused, and says who holds it': async ({ store, open, expect }) => {
    await create(store, 's', { owner: 'a' })
    const other = await open()
    expect(await failure(other.claim(ID, 'b'))).toMatchObject({
      code: 'not-owner',
      retryable: true,
      details: { sessionId: 's', owner: 'a' },
    })
  },

  'claiming again raises the token and ends the claim before': async ({ store, expect }) => {
    const first = (await create(store, 's', { owner: 'a' })).claim
    const second = await store.claim(ID, 'a')
    expect(second.token).toBeGreaterThan(first.token)
    expect(await codeOf(store.commit(commit(first, 2)))).toBe('not-owner')
    expect(await codeOf(store.commit(commit(second, 3)))).toBe(undefined)
  },

  'claiming again decides what was under way under the claim before': async ({ store, open, expect }) => {
    let claim = (await create(store, 's', { owner: 'a' })).claim
    const other = await open()
    const landed = [1]
    for (let at = 2; at < 42; at += 1) {
      // The owner may read over another connection, as it does after a lost answer.
      const [position, next] = await Promise.all([
        store.commit(commit(claim, at)).catch(() => undefined),
        (at % 2 === 0 ? other : store).claim(ID, 'a'),
      ])
      const after = (await other.load(ID)).rows.map(row => row.record.at)
      if (position !== undefined) landed.push(at)
      expect(after).toEqual(landed)
      expect(await codeOf(store.commit(commit(claim, 1000 + at)))).toBe('not-owner')
      expect(next.token).toBeGreaterThan(claim.token)
      claim = next
    }
    expect((await store.load(ID)).rows.map(row => row.record.at)).toEqual(landed)
  },

  'which claims are current is told of many at once': async ({ store, open, expect }) => {
    const [s, t, u] = await Promise.all(
      ['s', 't', 'u'].map(async id => (await create(store, id, { owner: 'a' })).claim),
    )
    if (s === undefined || t === undefined || u === undefined) throw new Error('three were made')
    const other = await open()
    const again = await store.claim(ID, 'a')
    await store.release(t)
    const nobody = { sessionId: sessionId('nobody'), owner: 'a', token: 1 }
    for (const each of [store, other]) {
      expect(await each.current([s, again, t, u, nobody])).toEqual([again, u])
      expect(await each.current([])).toEqual([])
    }
    const taken = await other.claim(sessionId('t'), 'b')
    expect(await store.current([t, taken, u])).toEqual([taken, u])
  },

  'a released session may be claimed by anyone': async ({ store, open, expect }) => {
    const first = (await create(store, 's', { owner: 'a' })).claim
    await store.release(first)
    expect(await codeOf(store.commit(commit(first, 2)))).toBe('not-owner')
    const other = await open()
    const second = await other.claim(ID, 'b')
    expect(second).toMatchObject({ sessionId: 's', owner: 'b' })
    expect(second.token).toBeGreaterThan(first.token)
    expect(await codeOf(other.commit(commit(second, 3)))).toBe(undefined)
    expect(await codeOf(store.claim(ID, 'a'))).toBe('not-owner')
  },

  'releasing a claim that is over changes nothing': async ({ store, expect }) => {
    const first = (await create(store, 's', { owner: 'a' })).claim
    const second = await store.claim(ID, 'a')
    await store.release(first)
    expect(await codeOf(store.commit(commit(second, 2)))).toBe(undefined)
    await store.release(second)
    await store.release(second)
    expect((await store.claim(ID, 'b')).owner).toBe('b')
  },

  'a commit that was given before the release is kept': async ({ store, expect }) => {
    const { claim } = await create(store, 's')
    const [position] = await Promise.all([store.commit(commit(claim, 2)), store.release(claim)])
    expect((await store.row(position))?.record.at).toBe(2)
  },

  'closing a store frees what it held': async ({ store, open, expect }) => {
    const first = (await create(store, 's', { owner: 'a' })).claim
    const other = await open()
    await store.close()
    const second = await other.claim(ID, 'b')
    expect(second.token).toBeGreaterThan(first.token)
    expect(await codeOf(other.commit(commit(first, 2)))).toBe('not-owner')
    expect(await codeOf(other.commit(commit(second, 3)))).toBe(undefined)
  },

  'the log stays whole while a session goes from owner to owner': async ({ store, open, expect }) => {
    const stores = [store, await open(), await open()]
    let claim = (await create(store, 's', { owner: 'o0' })).claim
    let holder = store
    for (let turn = 1; turn <= 12; turn += 1) {
      await holder.release(claim)
      holder = stores[turn % stores.length] ?? store
      claim = await holder.claim(ID, `o${turn % stores.length}`)
      await commitMany(holder, claim, turn * 100, 11)
    }
    const expected = Array.from({ length: 12 }, (_, t) =>
      Array.from({ length: 11 }, (_, i) => (t + 1) * 100 + i),
    ).flat()
    for (const each of stores) {
      const rows = await each.read({ sessionId: ID, after: 0, limit: 1000 })
      expect(rows.map(row => row.record.at)).toEqual([1, ...expected])
      expect((await each.load(ID)).rows).toEqual(rows)
    }
  },

  'a claim is good for any store of the same data': async ({ store, open, expect }) => {
    const { claim } = await create(store, 's')
    const other = await open()
    await store.commit(commit(claim, 2))
    await other.commit(commit(claim, 3))
    await store.commit(commit(claim, 4))
    const rows = await other.read({ sessionId: ID, after: 0, limit: 9 })
    expect(rows.map(row => row.record.at)).toEqual([1, 2, 3, 4])
    expect((await store.load(ID)).rows).toEqual(rows)
  },
}
