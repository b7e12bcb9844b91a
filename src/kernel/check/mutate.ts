/**
 * Session machines that differ from the real one in one declaration each, to see whether the checks notice.
 *
 * Each part of a region's declaration is removed, negated or widened, one at a time. Regions are data, so a mutant is
 * built from the same declarations with one replaced; the real machine is not touched.
 */
import type { MeerkatEffect } from '../effects.ts'
import type { MeerkatInput } from '../inputs.ts'
import { meerkat } from '../machine.ts'
import type { Emit, Follow, Guard, Row } from '../region.ts'
import type { MeerkatState } from '../state.ts'
import { type Machine, machine } from '../step.ts'

export type SessionMachine = Machine<MeerkatState, MeerkatInput, MeerkatEffect>

/** The change of the declaration. */
export type Mutation =
  | 'guard dropped'
  | 'guard negated'
  | 'phases widened'
  | 'rows swapped'
  | 'row deleted'
  | 'change dropped'
  | 'effect dropped'
  | 'follower deleted'
  | 'follower change dropped'

/** One mutant. */
export interface Mutant {
  /** Names it in reports and lists of known mutants: `run/Commit/done: guard dropped: isNamedRun`. */
  readonly id: string
  readonly region: string
  /** The only input on which it behaves differently. */
  readonly input: MeerkatInput['type']
  readonly mutation: Mutation
  /** Builds a new machine at each call. */
  readonly machine: () => SessionMachine
}

type LooseRow = Row<MeerkatState, unknown, MeerkatInput, MeerkatEffect, string, unknown>
type LooseFollow = Follow<MeerkatState, unknown, MeerkatInput, MeerkatEffect, string, unknown>
type LooseEmit = Emit<MeerkatState, MeerkatInput, MeerkatEffect, unknown>

/** A region without the types of its inputs and slice, which a mutation does not need. */
interface LooseRegion {
  readonly name: string
  readonly phases: readonly string[]
  readonly on: Readonly<Record<string, readonly LooseRow[]>>
  readonly follow: Readonly<Record<string, LooseFollow>>
}

const REGIONS = meerkat.regions as unknown as readonly LooseRegion[]

/** Every mutant of the session machine, or of one region of it, in the order of the declarations. */
export function mutantsOf(region?: string): readonly Mutant[] {
  return REGIONS.filter(({ name }) => region === undefined || name === region).flatMap(one => [
    ...Object.entries(one.on).flatMap(([input, rows]) => rowMutants(one, input as MeerkatInput['type'], rows)),
    ...Object.entries(one.follow).flatMap(([followed, follow]) => followMutants(one, followed, follow)),
  ])
}

function rowMutants(region: LooseRegion, input: MeerkatInput['type'], rows: readonly LooseRow[]): readonly Mutant[] {
  const having = (changed: readonly LooseRow[]): LooseRegion => ({ ...region, on: { ...region.on, [input]: changed } })
  const single = rows.flatMap(row =>
    changesOf(region, row).map(({ mutation, detail, rows: instead }) =>
      mutantOf(region, input, `${input}/${row.name}`, mutation, detail, () =>
        having(rows.flatMap(one => (one === row ? instead : one))),
      ),
    ),
  )
  const swapped = rows.slice(1).flatMap((row, at) => {
    const above = rows[at]
    if (above === undefined || !mayBothApply(above, row)) return []
    const order = rows.map(one => (one === above ? row : one === row ? above : one))
    return [mutantOf(region, input, `${input}/${row.name}`, 'rows swapped', above.name, () => having(order))]
  })
  return [...single, ...swapped]
}

interface Change {
  readonly mutation: Mutation
  /** Tells mutants of one kind apart; empty where there is only one. */
  readonly detail: string
  /** The rows that replace the row. */
  readonly rows: readonly LooseRow[]
}

function changesOf({ phases }: LooseRegion, row: LooseRow): readonly Change[] {
  const { when = [], then: _, emit = [], ...bare } = row
  const { during, ...anytime } = row
  const isEverywhere = during === undefined && phases.every(phase => row.from.includes(phase))
  return [
    ...when.flatMap((guard, at): readonly Change[] => [
      { mutation: 'guard dropped', detail: guard.name, rows: [{ ...row, when: when.toSpliced(at, 1) }] },
      { mutation: 'guard negated', detail: guard.name, rows: [{ ...row, when: when.with(at, negated(guard)) }] },
    ]),
    ...(isEverywhere
      ? []
      : [{ mutation: 'phases widened', detail: '', rows: [{ ...anytime, from: phases }] } as const]),
    { mutation: 'row deleted', detail: '', rows: [] },
    ...(row.then === undefined
      ? []
      : [{ mutation: 'change dropped', detail: '', rows: [{ ...bare, when, emit }] } as const]),
    ...withoutEach(emit).map(
      ([detail, left]): Change => ({ mutation: 'effect dropped', detail, rows: [{ ...row, emit: left }] }),
    ),
  ]
}

function followMutants(region: LooseRegion, followed: string, follow: LooseFollow): readonly Mutant[] {
  const { [followed]: _, ...others } = region.follow
  const having = (changed: LooseFollow): LooseRegion => ({ ...region, follow: { ...others, [followed]: changed } })
  const { then, emit = [], ...bare } = follow
  const place = `follows ${followed}`
  // A reaction to one row (`RegisterSession/new`) has the input of that row.
  const input = followed.replace(/\/.*/, '') as MeerkatInput['type']
  return [
    mutantOf(region, input, place, 'follower deleted', '', () => ({ ...region, follow: others })),
    // Without both a change and effects, deleting one part is the same as deleting the follower.
    ...(then === undefined || emit.length === 0
      ? []
      : [mutantOf(region, input, place, 'follower change dropped', '', () => having({ ...bare, emit }))]),
    ...withoutEach(emit).flatMap(([detail, left]) =>
      then === undefined && left.length === 0
        ? []
        : [mutantOf(region, input, place, 'effect dropped', detail, () => having({ ...follow, emit: left }))],
    ),
  ]
}

function mutantOf(
  region: LooseRegion,
  input: MeerkatInput['type'],
  place: string,
  mutation: Mutation,
  detail: string,
  change: () => LooseRegion,
): Mutant {
  const id = `${region.name}/${place}: ${mutation}${detail === '' ? '' : `: ${detail}`}`
  return { id, region: region.name, input, mutation, machine: () => withRegion(region, change()) }
}

/** The session machine with one region in the place of another. */
function withRegion(old: LooseRegion, changed: LooseRegion): SessionMachine {
  const regions = REGIONS.map(one => (one === old ? changed : one)) as unknown as typeof meerkat.regions
  const own = new Set(meerkat.regions.flatMap(region => region.invariants))
  return machine<MeerkatState, MeerkatInput, MeerkatEffect>({
    name: meerkat.name,
    spine: state => state.lifecycle.phase,
    regions,
    invariants: meerkat.invariants.filter(one => !own.has(one)),
  })
}

type LooseGuard = Guard<MeerkatState, MeerkatInput, unknown>

function negated(guard: LooseGuard): LooseGuard {
  const not: LooseGuard = (state, input, verdict) => !guard(state, input, verdict)
  Object.defineProperty(not, 'name', { value: `not ${guard.name}` })
  return not
}

/** For each emit: its name, and the list without it. */
function withoutEach(emit: readonly LooseEmit[]): readonly (readonly [name: string, left: readonly LooseEmit[]])[] {
  return emit.map((maker, at) => [`${at + 1}${maker.name === '' ? '' : ` ${maker.name}`}`, emit.toSpliced(at, 1)])
}

/** Whether the order of two rows can matter. */
function mayBothApply(one: LooseRow, other: LooseRow): boolean {
  const { during } = other
  const shares = one.from.some(phase => other.from.includes(phase))
  return shares && (one.during === undefined || during === undefined || one.during.some(it => during.includes(it)))
}
