/**
 * Finds out what the explorer would find wrong with a mutant.
 *
 * A mutant behaves differently on one input only. So the graph of the real machine, explored once, answers most questions:
 * in each of its states the mutant gets that input, and where its result differs the explorer's checks of steps and states
 * are applied. A mutant whose result never differs reaches the same states, by induction, and is equivalent as far as the
 * configuration goes. For any other mutant the whole configuration is explored.
 */
import type { MeerkatEffect } from '../effects.ts'
import type { MeerkatInput } from '../inputs.ts'
import { meerkat } from '../machine.ts'
import type { MeerkatState } from '../state.ts'
import type { Rejection, StepResult } from '../step.ts'
import type { Configuration } from './configuration.ts'
import { claimFaultOf, type Exploration, explore, type Fault, type StepFault, type Walk } from './explore.ts'
import { checkLiveness, DebtBits } from './liveness.ts'
import type { Mutant, SessionMachine } from './mutate.ts'
import { schedulingFaults } from './scheduling.ts'
import { StateKeys } from './state-key.ts'
import { sessionWalk } from './verify.ts'

/** The result of one configuration for a mutant. */
export interface Finding {
  /** Whether it behaves differently in a state that the real machine reaches. */
  readonly differs: boolean
  /** All faults of the first faulty step or state: invariants, properties, `throws`. */
  readonly faults: readonly string[]
  /** Edges that were taken, as the explorer names them; of a scan only those of the mutant's input. */
  readonly covered: readonly string[]
  /** Whether the walk was cut short: then the absence of faults proves nothing. */
  readonly cut: boolean
}

/** The results of one configuration for all mutants. */
export interface Scan {
  readonly configuration: string
  readonly states: number
  /** Edges that the real machine takes. */
  readonly covered: readonly string[]
  /** By the mutant's id. A mutant whose input does not occur is left out. */
  readonly findings: Readonly<Record<string, Finding>>
}

type Result = StepResult<MeerkatState, MeerkatEffect>
type SessionGraph = Exploration<MeerkatState, MeerkatInput>
type SessionWalk = Walk<MeerkatState, MeerkatInput, MeerkatEffect>

const DECIDING: ReadonlySet<Mutant['mutation']> = new Set([
  'guard dropped',
  'guard negated',
  'phases widened',
  'rows swapped',
  'row deleted',
])
/** After this many differing steps a scan leaves the mutant to the exploration. */
const MAX_DIFFERENCES = 400
/** Most refusals for which the scheduling properties of the state are checked. */
const MAX_REFUSALS = 20

/** Tries every mutant in every state of a configuration. */
export function scan(configuration: Configuration, mutants: readonly Mutant[]): Scan {
  const keys = new StateKeys()
  const walk = sessionWalk(meerkat, configuration, undefined, keys)
  const graph = explore(walk)
  const world: World = { walk, graph, parents: parentsOf(graph), sound: new Map() }
  const byInput = Map.groupBy(mutants, ({ input }) => input)
  const findings: Record<string, Finding> = {}
  for (const [type, some] of byInput) {
    const offers = graph.states.map(state => walk.inputs(state).filter(input => input.type === type))
    if (offers.every(offer => offer.length === 0)) continue
    Object.assign(findings, scanInput(world, offers, some))
  }
  return { configuration: configuration.name, states: graph.size, covered: [...graph.covered], findings }
}

/** A configuration of the real machine. */
interface World {
  readonly walk: SessionWalk
  readonly graph: SessionGraph
  readonly parents: readonly Parent[]
  /** States off the graph by their keys, and what is wrong with them. */
  readonly sound: Map<string, readonly string[]>
}

/** The state and input by which a state was first reached. */
interface Parent {
  readonly state: number
  readonly input: MeerkatInput | undefined
}

const NOWHERE: Parent = { state: -1, input: undefined }

function parentsOf(graph: SessionGraph): readonly Parent[] {
  const parents: Parent[] = Array.from({ length: graph.size }, () => NOWHERE)
  for (let edge = graph.to.length - 1; edge >= 0; edge--) {
    const [from, to] = [graph.from.at(edge), graph.to.at(edge)]
    if (from < to) parents[to] = { state: from, input: graph.inputs[graph.via.at(edge)] }
  }
  return parents
}

function scanInput(
  world: World,
  offers: readonly (readonly MeerkatInput[])[],
  mutants: readonly Mutant[],
): Readonly<Record<string, Finding>> {
  const subjects = mutants.map(mutant => new Subject(mutant, world))
  for (const [number, state] of world.graph.states.entries()) {
    const expected = (offers[number] ?? []).map(input => ({ input, result: meerkat.step(state, input) }))
    for (const subject of subjects) if (!subject.isDone) subject.visit(number, state, expected)
  }
  return Object.fromEntries(subjects.map(subject => [subject.id, subject.finding()]))
}

/** One mutant, while it is tried in the states of the real machine. */
class Subject {
  readonly id: string
  readonly #machine: SessionMachine
  readonly #world: World
  /** Whether the mutation affects only which row decides: then the same row gives the same result. */
  readonly #decidesOnly: boolean
  readonly #hasMorePhases: boolean
  readonly #claimFault: StepFault<MeerkatState, MeerkatInput, MeerkatEffect>
  readonly #covered = new Set<string>()
  /** States on whose first path the mutant behaves differently, so that it may not reach them. */
  readonly #doubtful: Uint8Array
  readonly #turned = new Map<number, Set<MeerkatInput>>()
  #faults: readonly string[] = []
  #looks = 0
  #refusals = 0
  #differs = false

  constructor({ id, machine, mutation }: Mutant, world: World) {
    this.id = id
    this.#decidesOnly = DECIDING.has(mutation)
    this.#hasMorePhases = mutation === 'phases widened'
    this.#machine = machine()
    this.#world = world
    this.#claimFault = claimFaultOf(this.#machine)
    this.#doubtful = new Uint8Array(world.graph.size)
  }

  get isDone(): boolean {
    return this.#faults.length > 0 || this.#looks >= MAX_DIFFERENCES
  }

  finding(): Finding {
    return { differs: this.#differs, faults: this.#faults, covered: [...this.#covered], cut: this.isDone }
  }

  visit(
    number: number,
    state: MeerkatState,
    expected: readonly { readonly input: MeerkatInput; readonly result: Result }[],
  ): void {
    this.#inheritDoubt(number)
    for (const { input, result } of expected) {
      if (!result.ok && this.#agreesOn(result)) continue
      const own = this.#step(state, input)
      if (own === undefined) return
      if (this.#isAsExpected(own, result)) continue
      this.#differs = true
      this.#turned.set(number, (this.#turned.get(number) ?? new Set()).add(input))
      if (this.#doubtful[number] === 1) continue
      this.#faults = this.#sound(() => this.#faultsOf(state, input, own))
      if (this.isDone) return
    }
  }

  /** Marks a state as doubtful if its first path has a step that the mutant takes differently. */
  #inheritDoubt(number: number): void {
    const { state, input } = this.#world.parents[number] ?? NOWHERE
    const isTurned = input !== undefined && this.#turned.get(state)?.has(input) === true
    this.#doubtful[number] = isTurned ? 1 : (this.#doubtful[state] ?? 0)
  }

  #isAsExpected(own: Result, expected: Result): boolean {
    return this.#decidesOnly ? isSameDecision(own, expected) : isSameResult(own, expected)
  }

  /** Whether the mutant refuses for this reason too, in every state. */
  #agreesOn({ kind }: Rejection): boolean {
    return !this.#decidesOnly || (kind === 'no-matching-transition' && !this.#hasMorePhases)
  }

  #step(state: MeerkatState, input: MeerkatInput): Result | undefined {
    try {
      const result = this.#machine.step(state, input)
      if (result.ok) this.#covered.add(`${result.edge} ${result.from}`)
      return result
    } catch {
      this.#differs = true
      this.#faults = ['throws']
      return undefined
    }
  }

  /** Runs checks; a state that lacks the fields of its phase makes them throw, which is a fault too. */
  #sound(faults: () => readonly string[]): readonly string[] {
    try {
      return faults()
    } catch {
      return ['throws']
    }
  }

  #faultsOf(before: MeerkatState, input: MeerkatInput, result: Result): readonly string[] {
    this.#looks++
    if (!result.ok) {
      const fault = this.#world.walk.refusalFault?.(before, input)
      if (fault !== undefined) return [fault.invariant]
      if (this.#refusals++ >= MAX_REFUSALS) return []
      return schedulingFaults(this.#machine, before).map(({ property }) => property)
    }
    const { walk } = this.#world
    const stepFault = this.#claimFault(before, input, result) ?? walk.stepFault?.(before, input, result)
    const ofState = result.state === before ? [] : this.#stateFaults(result.state)
    return stepFault === undefined ? ofState : [stepFault.invariant, ...ofState]
  }

  #stateFaults(state: MeerkatState): readonly string[] {
    const { walk, sound } = this.#world
    const key = walk.key(state)
    const known = sound.get(key)
    if (known !== undefined) return known
    const broken = meerkat.check(state).map(({ invariant }) => invariant)
    // A state that breaks an invariant also fails to load; that is no further fault.
    const fault = broken.length > 0 ? undefined : walk.stateFault?.(state)
    const faults = fault === undefined ? broken : [fault.invariant]
    sound.set(key, faults)
    return faults
  }
}

/** Explores a mutant in a configuration, until a fault is found or it has reached `mostStates`. */
export function exploreMutant({ machine: build }: Mutant, configuration: Configuration, mostStates: number): Finding {
  const machine = build()
  const bits = new DebtBits()
  const keys = new StateKeys()
  const seen = new Set<string>()
  const wrong = (fault: string): Finding => ({ differs: true, faults: [fault], covered: [], cut: true })
  let graph: SessionGraph
  try {
    const walk = sessionWalk(machine, configuration, bits, keys)
    const key = (state: MeerkatState): string => {
      const made = walk.key(state)
      seen.add(made)
      return made
    }
    const inputs = (state: MeerkatState): readonly MeerkatInput[] => (seen.size > mostStates ? [] : walk.inputs(state))
    graph = explore({ ...walk, key, inputs, maxViolations: 1 })
  } catch (error) {
    return wrong(
      error instanceof Error && error.message.startsWith("a configuration can't begin") ? 'begins' : 'throws',
    )
  }
  const cut = seen.size > mostStates
  const covered = [...graph.covered]
  if (graph.violations.length > 0 || cut) return { differs: true, faults: namesOf(graph.violations), covered, cut }
  const { failures } = checkLiveness(configuration.name, machine, graph, bits)
  return { differs: true, faults: [...new Set(failures.map(({ property }) => property))], covered, cut }
}

/** Names of the faults. A state that breaks an invariant also fails to load; that is no further fault. */
function namesOf(faults: readonly Fault[]): readonly string[] {
  const names = faults.map(({ invariant }) => invariant)
  return names.length > 1 ? names.filter(name => name !== 'snapshots-are-faithful') : names
}

function isSameDecision(one: Result, other: Result): boolean {
  if (one.ok && other.ok && one.edge === other.edge) return true
  return isSameResult(one, other)
}

function isSameResult(one: Result, other: Result): boolean {
  if (one.ok !== other.ok) return false
  if (!one.ok || !other.ok) return true
  return isSame(one.state, other.state) && isSame(one.effects, other.effects)
}

/** Deep equality of plain data. An undefined property equals an absent one. */
function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  const [left, right] = [one as Record<string, unknown>, other as Record<string, unknown>]
  return (
    Object.keys(left).every(key => isSame(left[key], right[key])) &&
    Object.keys(right).every(key => left[key] !== undefined || right[key] === undefined)
  )
}
