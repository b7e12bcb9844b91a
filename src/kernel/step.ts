/**
 * Turns declared regions into one pure step function.
 *
 * 1. A step is a function of (state, input): no clock, no randomness, no I/O.
 * 2. A rejection changes nothing and says why by kind.
 * 3. The owner's row decides; followers only see the state before the step, so their order can't matter.
 * 4. A step costs the rows of its input and the slices it changes.
 */
import {
  type AnyRegion,
  type Edge,
  edgesOf,
  lifetimesOf,
  type Move,
  movesOf,
  type Plan,
  type PlannedRow,
  planOf,
  type SliceLifetime,
  withLifetimeFollowers,
} from './plan.ts'
import type { Emit, Guard, Invariant, Tagged } from './region.ts'

/** Why an input was refused. Callers decide by this, never by the text. */
export type RejectionKind =
  /** The input has no row in this phase. */
  | 'no-matching-transition'
  /** A row matched the phase, its guard did not hold. */
  | 'guard-rejected'
  /** A loaded state breaks an invariant. */
  | 'recovered-state-invariant'

/** A refusal: the state is unchanged. */
export interface Rejection {
  readonly ok: false
  readonly kind: RejectionKind
  /** Machine, region and input, e.g. `meerkat/run/Commit`. */
  readonly context: string
  /** Phase of the machine's spine. */
  readonly phase: string
  /** The guard that was false, or what is missing, for people. */
  readonly reason: string
  /** The guard that was false: the first one of the row that came closest, which is the one with the fewest false ones. */
  readonly guard?: string
  /** Phase of the owning region, where that one is in the way and not what the session as a whole does. */
  readonly own?: string
}

/** An accepted input. */
export interface Transition<State, Effect> {
  readonly ok: true
  readonly state: State
  readonly effects: readonly Effect[]
  /** Phase of the owning region before and after. */
  readonly from: string
  readonly to: string
  /** `region/Input/row`, the edge's name in tables and coverage. */
  readonly edge: string
}

export type StepResult<State, Effect> = Transition<State, Effect> | Rejection

/** A broken statement, found by `check` or `recover`. */
export interface Violation {
  readonly invariant: string
  readonly text: string
}

export interface Machine<State, Input extends Tagged, Effect extends Tagged> {
  readonly name: string
  readonly initial: State
  /** The phase that says what the whole machine is doing. */
  readonly spine: (state: State) => string
  readonly step: (state: State, input: Input) => StepResult<State, Effect>
  /** Every invariant the state breaks; empty when it is sound. */
  readonly check: (state: State) => readonly Violation[]
  /** Accepts a state from outside (a snapshot) or says which invariant it breaks. */
  readonly recover: (state: State) => StepResult<State, Effect>
  readonly edges: readonly Edge[]
  /** How inputs of other regions move a region's own phase. */
  readonly moves: readonly Move[]
  /** What lasts for how long. Its followers stand among the others of its region. */
  readonly lives: readonly SliceLifetime[]
  readonly invariants: readonly Invariant<State>[]
  readonly regions: readonly AnyRegion<State, Input, Effect>[]
  /** Whether an input changes conditions only: it is no part of any log. */
  readonly isOfConditions: (input: Input) => boolean
  /** Whether no condition would be missed if the state were put away and loaded again. */
  readonly atRest: (state: State) => boolean
}

interface Declaration<State, Input extends Tagged, Effect extends Tagged> {
  readonly name: string
  /** The phase that says what the whole machine is doing; rows may be limited to some of its values. */
  readonly spine: (state: State) => string
  readonly regions: readonly AnyRegion<State, Input, Effect>[]
  /** Those that no single region enforces. */
  readonly invariants: readonly Invariant<State>[]
  /**
   * The machine's lifetimes: the inputs, or rows of them, with which each is over. Of two that one input ends the later
   * named says what is left.
   */
  readonly lifetimes?: { readonly [lifetime: string]: readonly string[] }
  /** The same slices in a new record. A literal that names them all is more than twice as fast as a spread of many. */
  readonly copy?: (state: State) => State
}

/** Builds a machine of regions and of the invariants that span them. */
export function machine<State, Input extends Tagged, Effect extends Tagged>(
  declaration: Declaration<State, Input, Effect>,
): Machine<State, Input, Effect> {
  const { name, spine, lifetimes = {} } = declaration
  const regions = withLifetimeFollowers(name, declaration.regions, lifetimes)
  const plans = planOf<State, Input, Effect>(name, regions)
  const invariants = [...regions.flatMap(region => region.invariants), ...declaration.invariants]
  const copy = declaration.copy ?? ((state: State): State => ({ ...state }))
  const initial = copy(Object.fromEntries(regions.map(region => [region.name, region.initial])) as State)
  const check = (state: State): Violation[] =>
    invariants.filter(one => !one.holds(state)).map(one => ({ invariant: one.id, text: one.text }))

  const step = (state: State, input: Input): StepResult<State, Effect> => {
    const plan = plans.get(input.type)
    if (plan === undefined) return refuse(`${name}/${input.type}`, '', 'no region owns this input')
    const from = plan.phaseOf(state)
    const rows = plan.rowsByPhase.get(from) ?? []
    const spinePhase = spine(state)
    const verdict = rows.length === 0 ? undefined : plan.decide?.(state, input)
    let reached = false
    for (const row of rows) {
      if (row.during !== undefined && !row.during.includes(spinePhase)) continue
      reached = true
      if (row.when === undefined || holdsAll(row.when, state, input, verdict))
        return take(copy, plan, row, state, input, verdict, from)
    }
    const context = `${name}/${plan.region}/${input.type}`
    if (!reached) return outOfPhase(context, spinePhase, from, rows.length > 0)
    const matched = rows.filter(row => row.during === undefined || row.during.includes(spinePhase))
    return guardRejected(context, spinePhase, matched, state, input, verdict)
  }

  const recover = (state: State): StepResult<State, Effect> => {
    const broken = check(state)[0]
    if (broken === undefined) return { ok: true, state, effects: [], from: '', to: '', edge: 'recover' }
    const reason = `${broken.invariant}: ${broken.text}`
    return { ok: false, kind: 'recovered-state-invariant', context: `${name}/recover`, phase: '', reason }
  }

  const conditions = regions.filter(region => region.condition !== undefined)
  const ofConditions = new Set(conditions.flatMap(region => Object.keys(region.on)))
  refuseFactsOfConditions(name, regions, ofConditions)
  return {
    name,
    initial,
    spine,
    step,
    check,
    recover,
    edges: edgesOf(regions),
    moves: movesOf(regions),
    lives: lifetimesOf(declaration.regions, lifetimes),
    invariants,
    regions,
    isOfConditions: input => ofConditions.has(input.type),
    atRest: state => conditions.every(region => restsIn(region, state)),
  }
}

function restsIn<State, Input extends Tagged, Effect extends Tagged>(
  { name, initial, condition }: AnyRegion<State, Input, Effect>,
  state: State,
): boolean {
  return state[name] === initial || condition === undefined || condition.atRest(state[name])
}

/** A fact that followed what no log holds would be lost with the process. */
function refuseFactsOfConditions<State, Input extends Tagged, Effect extends Tagged>(
  machineName: string,
  regions: readonly AnyRegion<State, Input, Effect>[],
  ofConditions: ReadonlySet<string>,
): void {
  for (const { name, follow, condition } of regions) {
    if (condition !== undefined) continue
    const lost = Object.keys(follow).find(type => ofConditions.has(type))
    if (lost !== undefined) throw new Error(`${machineName}: ${name} holds facts and follows ${lost}, a condition`)
  }
}

function take<State, Input, Effect>(
  copy: (state: State) => State,
  plan: Plan<State, Input, Effect>,
  row: PlannedRow<State, Input, Effect>,
  before: State,
  input: Input,
  verdict: unknown,
  from: string,
): Transition<State, Effect> {
  let state = before
  if (row.then !== undefined) {
    const slice = before[plan.slice]
    const next = row.then(slice, input, before, verdict) as State[keyof State]
    if (next !== slice) {
      state = copy(before)
      put(state, plan.slice, next)
    }
  }
  for (const { slice: key, then } of row.changes) {
    const old = before[key]
    const next = then(old, input, before, verdict) as State[keyof State]
    if (next === old) continue
    if (state === before) state = copy(before)
    put(state, key, next)
  }
  const effects = said(row.emits, state, input, before, verdict)
  return { ok: true, state, effects, from, to: plan.phaseOf(state), edge: row.edge }
}

const NOTHING: readonly never[] = []

/** Writes a slice of a new state that no other code has a reference to yet. */
function put<State, Key extends keyof State>(fresh: State, key: Key, value: State[Key]): void {
  fresh[key] = value
}

/** What is said of a step. Most say one thing or two, so the lists are made to measure. */
function said<State, Input, Effect>(
  emits: readonly Emit<State, Input, Effect, unknown>[],
  after: State,
  input: Input,
  before: State,
  verdict: unknown,
): readonly Effect[] {
  let all: readonly Effect[] = NOTHING
  for (const emit of emits) {
    const made = emit(after, input, before, verdict)
    if (!Array.isArray(made)) all = withOne(all, made as Effect)
    else if (made.length === 1) all = all.length === 0 ? made : withOne(all, made[0] as Effect)
    else if (made.length > 0) all = all.length === 0 ? made : [...all, ...(made as readonly Effect[])]
  }
  return all
}

/** A list that is spread into another grows by more than it needs. */
function withOne<Effect>(all: readonly Effect[], one: Effect): readonly Effect[] {
  if (all.length === 0) return [one]
  return all.length === 1 ? [all[0] as Effect, one] : [...all, one]
}

function holdsAll<State, Input>(
  guards: readonly Guard<State, Input, unknown>[],
  state: State,
  input: Input,
  verdict: unknown,
): boolean {
  for (const guard of guards) if (!guard(state, input, verdict)) return false
  return true
}

function refuse(context: string, phase: string, reason: string): Rejection {
  return { ok: false, kind: 'no-matching-transition', context, phase, reason }
}

/** `hasRows`: the phase of the region would do, and what the session does as a whole is in the way. */
function outOfPhase(context: string, spine: string, own: string, hasRows: boolean): Rejection {
  const refusal = refuse(context, spine, `not possible while ${own === spine ? own : `${spine}, ${own}`}`)
  return hasRows || own === spine ? refusal : { ...refusal, own }
}

/** A guard's name as it is declared: a bundler numbers those of several modules that are called alike. */
function nameOf(guard: { readonly name: string } | undefined): string | undefined {
  return guard?.name.replace(/\$\d+$/, '')
}

function guardRejected<State, Input, Effect>(
  context: string,
  phase: string,
  rows: readonly PlannedRow<State, Input, Effect>[],
  state: State,
  input: Input,
  verdict: unknown,
): Rejection {
  let closest = { unmet: Number.POSITIVE_INFINITY, met: 0, looksAtInput: true, first: 0, guard: '' }
  for (const { name, when = [] } of rows) {
    const failing = when.filter(guard => !guard(state, input, verdict))
    const [unmet, met] = [failing.length, when.length - failing.length]
    const first = when.findIndex(guard => guard === failing[0])
    const looksAtInput = (failing[0]?.length ?? 0) > 1
    // Of two that came as close: what the state alone forbids is in the way whatever was asked; else the row that was led on
    // further is the one that was meant.
    const order =
      unmet - closest.unmet ||
      closest.met - met ||
      Number(looksAtInput) - Number(closest.looksAtInput) ||
      closest.first - first
    if (order < 0) closest = { unmet, met, looksAtInput, first, guard: nameOf(failing[0]) ?? name }
  }
  const { guard } = closest
  return { ok: false, kind: 'guard-rejected', context, phase, reason: `unmet: ${guard}`, guard }
}
