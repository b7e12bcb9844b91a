import { describe, expect, test } from 'vitest'
import { auth } from '../../src/kernel/auth/machine.ts'
import { meerkat } from '../../src/kernel/machine.ts'
import { mob } from '../../src/kernel/mob/machine.ts'
import type { AnyRegion } from '../../src/kernel/plan.ts'
import type { Region } from '../../src/kernel/region.ts'
import { rowsOf } from '../../src/kernel/region.ts'
import { LIFETIMES } from '../../src/kernel/regions/lifetimes.ts'
import { machine } from '../../src/kernel/step.ts'

type Door = { readonly phase: 'open'; readonly guests: number } | { readonly phase: 'shut' }
interface House {
  readonly door: Door
  readonly bell: { readonly rings: readonly string[] }
}
type Input =
  | { readonly type: 'Enter'; readonly names: readonly string[] }
  | { readonly type: 'Close' }
  | { readonly type: 'Fire' }
interface Effect {
  readonly type: 'Rang'
  readonly names: readonly string[]
}
interface Verdicts {
  readonly Enter: readonly string[]
}

let decisions = 0
const narrowed = rowsOf<House, Door, Effect>()
const door: Region<House, Input, Effect, 'door', Door['phase'], string, Verdicts> = {
  name: 'door',
  about: 'Who is let in.',
  initial: { phase: 'open', guests: 0 },
  phaseOf: state => state.door.phase,
  phases: ['open', 'shut'],
  decides: {
    Enter: (_, { names }) => {
      decisions++
      return names.filter(name => name !== 'stranger')
    },
  },
  on: {
    Enter: [
      narrowed({
        name: 'let-in',
        from: ['open'],
        when: [(_, __, welcome) => welcome.length > 0],
        then: ({ phase, guests }, _, __, welcome) => ({ phase, guests: guests + welcome.length }),
        emit: [(_, __, ___, names) => ({ type: 'Rang', names })],
      }),
      { name: 'turned-away', from: ['open'] },
    ],
    Close: [{ name: 'closed', from: ['open'], to: ['shut'], then: () => ({ phase: 'shut' }) }],
    Fire: [{ name: 'alarm', from: ['open', 'shut'] }],
  },
  follow: {},
  lives: { evening: { moves: { shut: ['open'] }, then: () => ({ phase: 'open', guests: 0 }) } },
  invariants: [],
}
const bell: Region<House, Input, Effect, 'bell', string, string, Verdicts> = {
  name: 'bell',
  about: 'For whom it rang.',
  initial: { rings: [] },
  phaseOf: () => '',
  phases: [''],
  on: {},
  follow: {
    Enter: { then: () => ({ rings: ['for nobody'] }) },
    'Enter/let-in': { then: ({ rings }, _, __, welcome) => ({ rings: [...rings, ...welcome] }) },
  },
  lives: { evening: { of: 'its memory', then: () => ({ rings: [] }) } },
  invariants: [],
}
const lifetimes = { evening: ['Fire'] }
const regions: readonly AnyRegion<House, Input, Effect>[] = [door, bell]
const declare = (more: { readonly lifetimes?: typeof lifetimes }) =>
  machine<House, Input, Effect>({ name: 'house', spine: state => state.door.phase, regions, invariants: [], ...more })

function after(...inputs: readonly Input[]) {
  const house = declare({ lifetimes })
  let last = house.step(house.initial, { type: 'Fire' })
  for (const input of inputs) {
    if (!last.ok) throw new Error(last.reason)
    last = house.step(last.state, input)
  }
  if (!last.ok) throw new Error(last.reason)
  return last
}

describe('what an owner decides', () => {
  test('is decided once, for guards, changes, effects and all who follow', () => {
    decisions = 0
    const { state, effects, edge } = after({ type: 'Enter', names: ['ann', 'stranger', 'bob'] })
    expect(edge).toBe('door/Enter/let-in')
    expect(state).toEqual({ door: { phase: 'open', guests: 2 }, bell: { rings: ['ann', 'bob'] } })
    expect(effects).toEqual([{ type: 'Rang', names: ['ann', 'bob'] }])
    expect(decisions).toBe(1)
  })

  test('is not asked for where the input has no row', () => {
    decisions = 0
    expect(() => after({ type: 'Close' }, { type: 'Enter', names: ['ann'] })).toThrow('not possible while shut')
    expect(decisions).toBe(0)
  })
})

describe('who follows one row', () => {
  test('does so in the place of what it does for the input', () => {
    expect(after({ type: 'Enter', names: ['ann'] }).state.bell.rings).toEqual(['ann'])
    expect(after({ type: 'Enter', names: ['stranger'] }).state.bell.rings).toEqual(['for nobody'])
  })

  test.each([meerkat, auth, mob] as const)('names a row that there is: $name', ({ regions: all, edges }) => {
    const known = new Set<string>(edges.flatMap(({ input, row }) => [input, `${input}/${row}`]))
    const followed = all.flatMap(({ name, follow }) => Object.keys(follow).map(one => [name, one] as const))
    expect(followed.filter(([, one]) => !known.has(one))).toEqual([])
  })
})

describe('what lasts for something', () => {
  test('begins anew when that ends', () => {
    expect(after({ type: 'Enter', names: ['ann'] }, { type: 'Close' }, { type: 'Fire' }).state).toEqual({
      door: { phase: 'open', guests: 0 },
      bell: { rings: [] },
    })
    expect(declare({ lifetimes }).lives).toContainEqual({
      region: 'bell',
      lifetime: 'evening',
      of: 'its memory',
      endings: ['Fire'],
    })
  })

  test('has to last for something that ends', () => {
    expect(() => declare({})).toThrow('house: door lasts for evening, which nothing ends')
  })

  test('ends with inputs that there are', () => {
    const known = new Set<string>(meerkat.edges.flatMap(({ input, row }) => [input, `${input}/${row}`]))
    expect(
      Object.values(LIFETIMES)
        .flat()
        .filter(ending => !known.has(ending)),
    ).toEqual([])
  })
})
