/**
 * Compiles declarations: into the rows of each phase with their followers, for the step function, and into edges, moves and
 * lifetimes, for tables, diagrams and the explorer.
 */
import type { Change, Emit, Follow, Guard, Life, Region, Row, Tagged } from './region.ts'

export type AnyRegion<State, Input extends Tagged, Effect extends Tagged> = {
  [Name in keyof State & string]: Region<State, Input, Effect, Name, string, string, never>
}[keyof State & string]

/** An edge as declared, for tables, diagrams and coverage. */
export interface Edge {
  readonly region: string
  readonly input: string
  readonly row: string
  readonly from: readonly string[]
  readonly during: readonly string[] | undefined
  readonly to: readonly string[] | undefined
  readonly guards: readonly string[]
  readonly followers: readonly string[]
}

/** A follower's claim about its phase, for diagrams and the explorer. */
export interface Move {
  readonly region: string
  readonly input: string
  /** Present where it follows one row of the input. */
  readonly row: string | undefined
  readonly from: string
  readonly to: readonly string[]
}

/** How long a slice, or a part of it, lasts. */
export interface SliceLifetime {
  readonly region: string
  readonly lifetime: string
  /** What of the slice it is; absent: all of it. */
  readonly of: string | undefined
  /** What ends it. */
  readonly endings: readonly string[]
}

/** Rows and followers without the types of input and verdict, which the step function does not know. */
type AnyRow<State, Input, Effect> = Row<State, unknown, Input, Effect, string, unknown>

/** A row as the step function reads it: one object shape for all rows, for speed. */
export interface PlannedRow<State, Input, Effect> {
  readonly name: string
  readonly during: readonly string[] | undefined
  readonly when: readonly Guard<State, Input, unknown>[] | undefined
  readonly then: Change<State, unknown, Input, unknown> | undefined
  readonly edge: string
  /** What its followers change, in the order of the regions. */
  readonly changes: readonly { readonly slice: keyof State; readonly then: Change<State, unknown, Input, unknown> }[]
  /** The emits of the row, and then those of its followers. */
  readonly emits: readonly Emit<State, Input, Effect, unknown>[]
}

export interface Plan<State, Input, Effect> {
  readonly region: string
  readonly slice: keyof State
  readonly phaseOf: (state: State) => string
  readonly decide: Decide<State, Input> | undefined
  readonly rowsByPhase: ReadonlyMap<string, readonly PlannedRow<State, Input, Effect>[]>
}

type Decide<State, Input> = (state: State, input: Input) => unknown

type Lifetimes = { readonly [lifetime: string]: readonly string[] }
type AnyFollow<State, Input, Effect> = Follow<State, unknown, Input, Effect, string, unknown>
type AnyLives<State, Effect> = Readonly<Record<string, Life<State, unknown, Effect>>>

/** Adds a follower to each region for every input that ends one of its lifetimes, unless it follows that input itself. */
export function withLifetimeFollowers<State, Input extends Tagged, Effect extends Tagged>(
  machineName: string,
  regions: readonly AnyRegion<State, Input, Effect>[],
  lifetimes: Lifetimes,
): readonly AnyRegion<State, Input, Effect>[] {
  return regions.map(region => {
    if (region.lives === undefined) return region
    const lives = region.lives as AnyLives<State, Effect>
    const unknown = Object.keys(lives).find(lifetime => lifetimes[lifetime] === undefined)
    if (unknown !== undefined)
      throw new Error(`${machineName}: ${region.name} lasts for ${unknown}, which nothing ends`)
    const ends = Object.entries(lifetimes).flatMap(([lifetime, endings]) => {
      const life = lives[lifetime]
      return life === undefined ? [] : endings.map(ending => [ending, life] as const)
    })
    // `lives` is emptied, so that a machine built from these regions does not add the followers twice.
    return Object.assign({}, region, { lives: {}, follow: { ...Object.fromEntries(ends), ...region.follow } })
  })
}

/** The lifetimes of all slices, for the docs. */
export function lifetimesOf<State, Input extends Tagged, Effect extends Tagged>(
  regions: readonly AnyRegion<State, Input, Effect>[],
  lifetimes: Lifetimes,
): readonly SliceLifetime[] {
  return regions.flatMap(({ name: region, follow, lives = {} }) =>
    Object.entries(lifetimes).flatMap(([lifetime, endings], at) => {
      const life = (lives as AnyLives<State, Effect>)[lifetime]
      if (life === undefined) return []
      const longer = Object.entries(lifetimes)
        .slice(at + 1)
        .flatMap(([other, others]) => (other in lives ? others : []))
      const left = endings.filter(ending => !(ending in follow) && !longer.includes(ending))
      return [{ region, lifetime, of: life.of, endings: left }]
    }),
  )
}

export function planOf<State, Input extends Tagged, Effect extends Tagged>(
  machineName: string,
  regions: readonly AnyRegion<State, Input, Effect>[],
): ReadonlyMap<string, Plan<State, Input, Effect>> {
  const plans = new Map<string, Plan<State, Input, Effect>>()
  for (const region of regions) {
    for (const [type, rows] of Object.entries(region.on) as [string, readonly AnyRow<State, Input, Effect>[]][]) {
      if (plans.has(type)) throw new Error(`${machineName}: ${type} is owned by two regions`)
      plans.set(type, {
        region: region.name,
        slice: region.name,
        phaseOf: region.phaseOf,
        decide: (region.decides as Readonly<Record<string, Decide<State, Input>>> | undefined)?.[type],
        rowsByPhase: rowsByPhaseOf(regions, region, type, rows),
      })
    }
  }
  return plans
}

function rowsByPhaseOf<State, Input extends Tagged, Effect extends Tagged>(
  regions: readonly AnyRegion<State, Input, Effect>[],
  region: AnyRegion<State, Input, Effect>,
  type: string,
  rows: readonly AnyRow<State, Input, Effect>[],
): Plan<State, Input, Effect>['rowsByPhase'] {
  const planned = rows.map(({ name, from, during, when, then, emit }) => {
    const edge = `${region.name}/${type}/${name}`
    const { changes, emits } = followersOf(regions, type, name)
    const row = { name, during, when, then, edge, changes, emits: [...(emit ?? []), ...emits] }
    return { from, row }
  })
  const phases = new Set(rows.flatMap(row => row.from))
  const of = (phase: string) => planned.flatMap(({ from, row }) => (from.includes(phase) ? row : []))
  return new Map([...phases].map(phase => [phase, of(phase)]))
}

/** A region's reaction to a row: the one to this very row, or else the one to its input. */
function reactionOf<State, Input extends Tagged, Effect extends Tagged>(
  { follow }: AnyRegion<State, Input, Effect>,
  type: string,
  row: string,
): AnyFollow<State, Input, Effect> | undefined {
  const reactions = follow as Readonly<Record<string, AnyFollow<State, Input, Effect> | undefined>>
  return reactions[`${type}/${row}`] ?? reactions[type]
}

function followersOf<State, Input extends Tagged, Effect extends Tagged>(
  regions: readonly AnyRegion<State, Input, Effect>[],
  type: string,
  row: string,
): Pick<PlannedRow<State, Input, Effect>, 'changes' | 'emits'> {
  const followers = regions.flatMap(region => {
    const reaction = reactionOf(region, type, row)
    return reaction === undefined ? [] : [{ slice: region.name, ...reaction }]
  })
  return {
    changes: followers.flatMap(({ slice, then }) => (then === undefined ? [] : [{ slice, then }])),
    emits: followers.flatMap(({ emit }) => emit ?? []),
  }
}

export function edgesOf<State, Input extends Tagged, Effect extends Tagged>(
  regions: readonly AnyRegion<State, Input, Effect>[],
): readonly Edge[] {
  return regions.flatMap(region =>
    (Object.entries(region.on) as [string, readonly AnyRow<State, Input, Effect>[]][]).flatMap(([input, rows]) =>
      rows.map(row => ({
        region: region.name,
        input,
        row: row.name,
        from: row.from,
        during: row.during,
        to: row.to,
        guards: (row.when ?? []).map(guard => guard.name),
        followers: regions.filter(other => reactionOf(other, input, row.name) !== undefined).map(other => other.name),
      })),
    ),
  )
}

export function movesOf<State, Input extends Tagged, Effect extends Tagged>(
  regions: readonly AnyRegion<State, Input, Effect>[],
): readonly Move[] {
  return regions.flatMap(region =>
    (Object.entries(region.follow) as [string, AnyFollow<State, Input, Effect>][]).flatMap(([followed, { moves }]) => {
      const [input = followed, row] = followed.split('/')
      return Object.entries(moves ?? {}).map(([from, to]) => ({ region: region.name, input, row, from, to: to ?? [] }))
    }),
  )
}
