/** The registry: entries that change by compare-and-set, with their holders. */
import type { Store } from '../../store/store.ts'
import { type Cases, codeOf } from './kit.ts'

/** The version that a write was given; throws where it was refused. */
async function put(store: Store, key: string, version: number, body: string, owner?: string): Promise<number> {
  const given = await store.registry.swap(key, version, owner === undefined ? { body } : { body, owner })
  if (given === undefined) throw new Error(`${key} is not of version ${version}`)
  return given
}

export const registryCases: Cases = {
  'an entry is what was written last, in whichever store of the same data': async ({ store, open, expect }) => {
    expect(await store.registry.entry('k')).toBe(undefined)
    const body = JSON.stringify({ text: `ü 🚀 '\\" \0 \ud83d` })
    const first = await put(store, 'k', 0, body)
    expect(await store.registry.entry('k')).toEqual({ key: 'k', version: first, body })
    const other = await open()
    const second = await put(other, 'k', first, '2', 'a')
    expect(second).toBeGreaterThan(first)
    for (const each of [store, other]) {
      const holder = { owner: 'a', alive: true }
      expect(await each.registry.entry('k')).toEqual({ key: 'k', version: second, body: '2', holder })
    }
    const third = await put(store, 'k', second, '3')
    expect(await other.registry.entry('k')).toEqual({ key: 'k', version: third, body: '3' })
  },

  'who names another version changes nothing': async ({ store, expect }) => {
    expect(await store.registry.swap('k', 7, { body: '1' })).toBe(undefined)
    const first = await put(store, 'k', 0, '1', 'a')
    const second = await put(store, 'k', first, '2', 'b')
    for (const version of [0, first, second + 1]) {
      expect(await store.registry.swap('k', version, { body: '3', owner: 'a' })).toBe(undefined)
      expect(await store.registry.swap('k', version)).toBe(undefined)
    }
    expect(await store.registry.entry('k')).toMatchObject({ version: second, body: '2', holder: { owner: 'b' } })
  },

  'one of many who take an entry at once has it': async ({ store, open, expect }) => {
    const stores = [store, await open(), await open()]
    let version = 0
    for (let round = 0; round < 5; round += 1) {
      const from = version
      const given = await Promise.all(
        stores.flatMap((each, i) => [0, 1].map(j => each.registry.swap('k', from, { body: '{}', owner: `o${i}${j}` }))),
      )
      const won = given.filter(answer => answer !== undefined)
      expect(won.length).toBe(1)
      expect(won[0]).toBeGreaterThan(version)
      version = won[0] ?? 0
    }
  },

  'an entry that was removed and written anew has no version it had before': async ({ store, open, expect }) => {
    const first = await put(store, 'k', 0, '1', 'a')
    expect(await (await open()).registry.swap('k', first)).toBe(0)
    expect(await store.registry.entry('k')).toBe(undefined)
    expect(await store.registry.swap('k', 0)).toBe(0)
    const second = await put(store, 'k', 0, '2')
    expect(second).toBeGreaterThan(first)
    expect(await store.registry.swap('k', first, { body: '3' })).toBe(undefined)
    expect(await store.registry.swap('k', first)).toBe(undefined)
    expect(await store.registry.entry('k')).toMatchObject({ body: '2' })
  },

  'a holder dies with its store, and its entry stays': async ({ store, open, expect }) => {
    const other = await open()
    const mine = await put(store, 'mine', 0, '1', 'a')
    const theirs = await put(other, 'theirs', 0, '2', 'b')
    await other.close()
    expect(await store.registry.entry('theirs')).toEqual({
      key: 'theirs',
      version: theirs,
      body: '2',
      holder: { owner: 'b', alive: false },
    })
    const holder = { owner: 'a', alive: true }
    expect(await store.registry.entry('mine')).toEqual({ key: 'mine', version: mine, body: '1', holder })
    const taken = await put(store, 'theirs', theirs, '3', 'a')
    expect(await (await open()).registry.entry('theirs')).toEqual({ key: 'theirs', version: taken, body: '3', holder })
  },

  'entries are found by how their keys begin, in order': async ({ store, expect }) => {
    for (const key of ['b:2', 'a', 'b:%', 'b:10', 'B:1', 'b', 'b:ü', 'c']) await put(store, key, 0, '{}')
    const keysOf = async (prefix: string): Promise<string[]> =>
      (await store.registry.entries(prefix)).map(({ key }) => key)
    expect(await keysOf('b:')).toEqual(['b:%', 'b:10', 'b:2', 'b:ü'])
    expect(await keysOf('')).toEqual(['B:1', 'a', 'b', 'b:%', 'b:10', 'b:2', 'b:ü', 'c'])
    expect(await keysOf('d')).toEqual([])
  },

  'what is no name is no key': async ({ store, expect }) => {
    for (const key of ['', 'a\0b', '\ud83d', 'x'.repeat(501)]) {
      expect(await codeOf(store.registry.swap(key, 0, { body: '1' }))).toBe('invalid-params')
    }
    for (const key of ['a\0b', '\ud83d']) {
      expect(await codeOf(store.registry.entry(key))).toBe('invalid-params')
      expect(await codeOf(store.registry.entries(key))).toBe('invalid-params')
    }
  },

  'a hint tells others of a change': async ({ store, open, expect }) => {
    const other = await open()
    for (const [number, from] of [store, other].entries()) {
      const heard = Promise.withResolvers<void>()
      const stop = store.onCommit(({ about }) => {
        // A store may not know what another process changed; then the hint may mean anything.
        if (about !== 'registry' && about !== undefined) return
        store.registry.entry(`k${number}`).then(entry => entry && heard.resolve(), heard.reject)
      })
      await put(from, `k${number}`, 0, '1')
      await heard.promise
      stop()
    }
    expect((await store.registry.entries('k')).length).toBe(2)
  },

  'a closed store has no registry': async ({ store, expect }) => {
    await store.close()
    expect(await codeOf(store.registry.entry('k'))).toBe('store-unavailable')
    expect(await codeOf(store.registry.entries('k'))).toBe('store-unavailable')
    expect(await codeOf(store.registry.swap('k', 0, { body: '1' }))).toBe('store-unavailable')
  },
}
