import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { auth } from '../../../src/kernel/auth/machine.ts'
import { meerkat } from '../../../src/kernel/machine.ts'
import { mob } from '../../../src/kernel/mob/machine.ts'
import { tables } from './index.ts'

interface Regions {
  readonly regions: readonly { readonly name: string; readonly on: object }[]
}
const machines: Readonly<Record<keyof typeof tables, Regions>> = { meerkat, auth, mob }

describe.each(['meerkat', 'auth', 'mob'] as const)('%s', name => {
  const places: Readonly<Record<string, string>> = tables[name]
  const { regions } = machines[name]

  test('has a truth table for each of its regions, and for no other', () => {
    expect(Object.keys(places).toSorted()).toEqual(regions.map(region => region.name).toSorted())
  })

  test.each(regions.map(region => region.name))(
    '%s: the table is where it is said to be, for each of its inputs',
    of => {
      const text = readFileSync(new URL(`../${places[of]}`, import.meta.url), 'utf8')
      const types = regions.filter(region => region.name === of).flatMap(region => Object.keys(region.on))
      expect(types.filter(type => !new RegExp(`\\b${type}\\b`).test(text))).toEqual([])
      expect(text).toMatch(/Table<|outcomes(After)?<|Record<\w*Phase/)
    },
  )
})
