/** Session machines with one deliberate fault each, to see that the verification finds it. */

import type { MeerkatEffect } from '../../../src/kernel/effects.ts'
import type { MeerkatInput } from '../../../src/kernel/inputs.ts'
import { meerkat } from '../../../src/kernel/machine.ts'
import type { Follow, Guard, Row } from '../../../src/kernel/region.ts'
import type { Ledger } from '../../../src/kernel/regions/ledger/state.ts'
import type { MeerkatState } from '../../../src/kernel/state.ts'
import { type Machine, machine } from '../../../src/kernel/step.ts'

export type SessionMachine = Machine<MeerkatState, MeerkatInput, MeerkatEffect>

type LooseRow = Row<MeerkatState, unknown, MeerkatInput, MeerkatEffect, string, unknown>
export type LooseFollow = Follow<MeerkatState, unknown, MeerkatInput, MeerkatEffect, string, unknown>

interface LooseRegion {
  readonly name: string
  readonly on: Readonly<Record<string, readonly LooseRow[]>>
  readonly follow: Readonly<Record<string, LooseFollow>>
}

type RegionName = keyof MeerkatState
type InputType = MeerkatInput['type']

/** A copy of the machine in which one region is another. */
function withRegion(name: RegionName, change: (region: LooseRegion) => LooseRegion): SessionMachine {
  const regions = meerkat.regions as unknown as readonly LooseRegion[]
  const own = meerkat.regions.flatMap(region => region.invariants)
  const changed = regions.map(region => (region.name === name ? change(region) : region))
  return machine<MeerkatState, MeerkatInput, MeerkatEffect>({
    name: 'mutant',
    spine: state => state.lifecycle.phase,
    regions: changed as unknown as typeof meerkat.regions,
    invariants: meerkat.invariants.filter(one => !own.includes(one)),
  })
}

/** One row of a region, changed. */
export function withRow(
  region: RegionName,
  input: InputType,
  row: string,
  change: (row: LooseRow) => LooseRow,
): SessionMachine {
  return withRegion(region, old => {
    const rows = old.on[input] ?? []
    if (!rows.some(one => one.name === row)) throw new Error(`${region} has no row ${input}/${row}`)
    return { ...old, on: { ...old.on, [input]: rows.map(one => (one.name === row ? change(one) : one)) } }
  })
}

/** A region that knows no row for some inputs. */
export function withoutRows(region: RegionName, ...inputs: readonly InputType[]): SessionMachine {
  return withRegion(region, old => {
    const on = Object.entries(old.on).filter(([input]) => !inputs.includes(input as InputType))
    return { ...old, on: Object.fromEntries(on) }
  })
}

/** A region's reaction to an input of another, or to one row of it, changed; undefined forgets it. */
export function withFollow(
  region: RegionName,
  input: InputType | `${InputType}/${string}`,
  change: (follow: LooseFollow) => LooseFollow | undefined,
): SessionMachine {
  return withRegion(region, old => {
    const { [input]: known, ...rest } = old.follow
    if (known === undefined) throw new Error(`${region} does not follow ${input}`)
    const next = change(known)
    return { ...old, follow: next === undefined ? rest : { ...rest, [input]: next } }
  })
}

/** Forgets one guard of a row. */
export function withoutGuard(region: RegionName, input: InputType, row: string, guard: string): SessionMachine {
  return withRow(region, input, row, old => {
    const when = (old.when ?? []).filter(one => one.name !== guard)
    if (when.length === old.when?.length) throw new Error(`${input}/${row} has no guard ${guard}`)
    return { ...old, when }
  })
}

/** A guard that never holds. */
export const never: Guard<MeerkatState, MeerkatInput, unknown> = () => false

/** Lets the ledger follow as it does, and then changes what came of it. */
export function changedLedger(change: (ledger: Ledger) => Ledger): (follow: LooseFollow) => LooseFollow {
  return follow => {
    const { then, ...rest } = follow
    const key = 'then' as const
    const changed: LooseFollow['then'] = (...known) => change(then?.(...known) as Ledger)
    return { ...rest, [key]: changed }
  }
}

/** A fault, and what finds it. */
export interface Mutant {
  readonly fault: string
  readonly machine: () => SessionMachine
  /** Configurations in which it shows. */
  readonly only: readonly string[]
  /** The quick ones have too few inputs for it. */
  readonly full?: true
  /** What must speak up. */
  readonly caughtBy: string
}
