import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  emptyMap,
  mapDelete,
  mapEntries,
  mapGet,
  mapOf,
  mapSet,
  mapValues,
  type PersistentMap,
} from '../../src/kernel/persistent-map.ts'
import { deepFreeze } from './support/deep-freeze.ts'

type Change<K> = { readonly key: K; readonly value: number | undefined }

/** Few keys, so that they meet again; some of one hash, some of one hash's low bits. */
const numbers = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 40 }).map(n => n * 32),
  fc.integer({ min: 0, max: 8 }).map(n => n * 2 ** 30),
  // Numbers that differ by 2^32 have the same 32-bit hash.
  fc.integer({ min: 0, max: 4 }).map(n => 7 + n * 2 ** 32),
)
const strings = fc.oneof(fc.string({ maxLength: 2 }), fc.constantFrom('input-1', 'input-2', 'ä', '🐾', ''))
const changesOf = <K>(keys: fc.Arbitrary<K>): fc.Arbitrary<readonly Change<K>[]> =>
  fc.array(fc.record({ key: keys, value: fc.option(fc.integer(), { nil: undefined }) }), { maxLength: 200 })

function follow<K extends string | number>(changes: readonly Change<K>[]): void {
  const model = new Map<K, number>()
  let map = emptyMap<K, number>()
  for (const { key, value } of changes) {
    if (value === undefined) model.delete(key)
    else model.set(key, value)
    map = deepFreeze(value === undefined ? mapDelete(map, key) : mapSet(map, key, value))
    expect(map.size).toBe(model.size)
    expect(mapGet(map, key)).toBe(value)
  }
  expect(new Map(mapEntries(map))).toEqual(model)
  expect([...mapValues(map)]).toEqual([...mapEntries(map)].map(([, value]) => value))
  for (const [key, value] of model) expect(mapGet(map, key)).toBe(value)
}

describe('a persistent map', () => {
  test('holds what a Map holds, with keys that are numbers', () => {
    fc.assert(fc.property(changesOf(numbers), follow))
  })
  test('holds what a Map holds, with keys that are strings', () => {
    fc.assert(fc.property(changesOf(strings), follow))
  })

  test('leaves every older version as it was', () => {
    fc.assert(
      fc.property(changesOf(numbers), changes => {
        const versions: { map: PersistentMap<number, number>; model: Map<number, number> }[] = []
        let map = emptyMap<number, number>()
        const model = new Map<number, number>()
        for (const { key, value = 0 } of changes) {
          versions.push({ map, model: new Map(model) })
          map = mapSet(map, key, value)
          model.set(key, value)
        }
        for (const version of versions) expect(new Map(mapEntries(version.map))).toEqual(version.model)
      }),
    )
  })

  test('of distinct hashes has one shape for one content, whatever its history was', () => {
    const keys = fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 60 })
    fc.assert(
      fc.property(keys, fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 60 }), (kept, gone) => {
        const extra = gone.filter(key => !kept.includes(key))
        const detour = extra.reduce(
          mapDelete,
          mapOf([...extra, ...kept.toReversed()].map(key => [key, 'x'] as const)) as PersistentMap<number, string>,
        )
        expect(detour).toEqual(mapOf(kept.map(key => [key, 'x'] as const)))
      }),
    )
  })

  test('is the same map when nothing is there to be deleted', () => {
    const map = mapOf([['a', 1]])
    expect(mapDelete(map, 'b')).toBe(map)
    expect(mapDelete(emptyMap<string, number>(), 'b').size).toBe(0)
  })

  test('keeps many of one hash apart', () => {
    const keys = Array.from({ length: 10 }, (_, n) => 3 + n * 2 ** 32)
    let map = mapOf(keys.map(key => [key, key] as const))
    expect(map.size).toBe(10)
    for (const key of keys) {
      expect(mapGet(map, key)).toBe(key)
      map = mapDelete(map, key)
      expect(mapGet(map, key)).toBeUndefined()
    }
    expect(map).toEqual(emptyMap())
  })
})
