/**
 * Walks every state that a machine can reach within a bounded configuration, breadth first, on the very function that
 * runs in production.
 *
 * It checks every invariant in each new state; on each step the phases that the row declares, and what else the
 * configuration demands of a step. It does not go on from a state that breaks an invariant, so each violation is reported
 * with a shortest path.
 */

import type { Edge } from '../plan.ts'
import type { Tagged } from '../region.ts'
import type { Machine, Transition } from '../step.ts'
import { type Graph, IntList } from './graph.ts'

export interface Walk<State, Input extends Tagged, Effect extends Tagged> {
  readonly name: string
  readonly machine: Machine<State, Input, Effect>
  readonly start: State
  /** The inputs that may come in this state: the same objects each time, so that they can be numbered. */
  readonly inputs: (state: State) => readonly Input[]
  /** Equal for states that behave alike from here on. */
  readonly key: (state: State) => string
  /** Checks a step, besides the invariants of its result. */
  readonly stepFault?: StepFault<State, Input, Effect>
  /** Checks the refusal of an input in a state. */
  readonly refusalFault?: (state: State, input: Input) => Fault | undefined
  /** Checks a state, besides the invariants. */
  readonly stateFault?: (state: State) => Fault | undefined
  /** A few bits that are stored with each edge, for questions about the graph. */
  readonly label?: (before: State, transition: Transition<State, Effect>) => number
  /** Violations after which the walk ends. */
  readonly maxViolations?: number
}

export interface Fault {
  readonly invariant: string
  readonly text: string
}

/** A fault and the shortest way to it. */
export interface FoundViolation extends Fault {
  readonly configuration: string
  readonly path: readonly string[]
}

export interface Exploration<State, Input> extends Graph {
  readonly states: readonly State[]
  readonly inputs: readonly Input[]
  /** For each edge: which of the inputs, and the walk's label. */
  readonly via: IntList
  readonly labels: IntList
  /** Steps that were accepted, whether or not they changed anything. */
  readonly transitions: number
  /** Edges as declared that were taken: `region/Input/row from-phase`. */
  readonly covered: ReadonlySet<string>
  readonly violations: readonly FoundViolation[]
  /** The inputs on the shortest way to a state, in words. */
  readonly pathTo: (state: number) => readonly string[]
}

/** The names of every declared edge with each phase it starts from, as `covered` has them. */
export function edgeNames(edges: readonly Edge[]): readonly string[] {
  return edges.flatMap(edge => edge.from.map(from => `${edge.region}/${edge.input}/${edge.row} ${from}`))
}

/** Walks all reachable states. */
export function explore<State, Input extends Tagged, Effect extends Tagged>(
  walk: Walk<State, Input, Effect>,
): Exploration<State, Input> {
  return new Explorer(walk).run()
}

/** The fault of a step, if it has one. */
export type StepFault<State, Input, Effect> = (
  before: State,
  input: Input,
  transition: Transition<State, Effect>,
) => Fault | undefined

/** Checks that a step leads to the phases that its row and its followers declare. */
export function claimFaultOf<State, Input extends Tagged, Effect extends Tagged>(
  machine: Machine<State, Input, Effect>,
): StepFault<State, Input, Effect> {
  const claims = new Map<string, readonly string[] | undefined>(
    machine.edges.map(edge => [`${edge.region}/${edge.input}/${edge.row}`, edge.to]),
  )
  // Regions whose phase is their own, not that of the region that governs them.
  const phased = machine.regions.filter(({ initial }) => hasPhase(initial))
  const moves = new Set(
    machine.moves.flatMap(({ region, input, row, from, to }) =>
      to.map(phase => `${region} ${row === undefined ? input : `${input}/${row}`} ${from} ${phase}`),
    ),
  )
  return (before, input, { state: after, edge, from: left, to: reached }) => {
    const claim = claims.get(edge) ?? [left]
    if (!claim.includes(reached))
      return {
        invariant: 'row-claims-its-phases',
        text: `${edge} leads from ${left} to ${reached}, but declares ${claim.join(', ')}`,
      }
    const row = edge.slice(edge.indexOf('/') + 1)
    for (const { name, phaseOf } of phased) {
      if (before[name] === after[name] || edge.startsWith(`${name}/`)) continue
      const from = phaseOf(before)
      const to = phaseOf(after)
      if (from === to || [input.type, row].some(one => moves.has(`${name} ${one} ${from} ${to}`))) continue
      const text = `${edge} takes ${name} from ${from} to ${to}, which ${name} does not declare`
      return { invariant: 'follower-claims-its-phases', text }
    }
    return undefined
  }
}

function hasPhase(slice: unknown): boolean {
  return typeof slice === 'object' && slice !== null && 'phase' in slice
}

/** The region that decides on an input, and the phases in which it has rows for it. */
interface Owner<State> {
  readonly phaseOf: (state: State) => string
  readonly from: ReadonlySet<string>
}

function ownersOf<State, Input extends Tagged, Effect extends Tagged>(
  machine: Machine<State, Input, Effect>,
): ReadonlyMap<string, Owner<State>> {
  const owners = new Map<string, Owner<State>>()
  for (const edge of machine.edges) {
    const region = machine.regions.find(one => one.name === edge.region)
    if (region === undefined) continue
    const from = [...(owners.get(edge.input)?.from ?? []), ...edge.from]
    owners.set(edge.input, { phaseOf: region.phaseOf, from: new Set(from) })
  }
  return owners
}

class Explorer<State, Input extends Tagged, Effect extends Tagged> {
  readonly #walk: Walk<State, Input, Effect>
  readonly #states: State[] = []
  readonly #numbers = new Map<string, number>()
  readonly #parents = new IntList()
  readonly #parentVia = new IntList()
  readonly #inputs: Input[] = []
  readonly #inputNumbers = new Map<Input, number>()
  readonly #from = new IntList()
  readonly #to = new IntList()
  readonly #via = new IntList()
  readonly #labels = new IntList()
  readonly #covered = new Set<string>()
  readonly #claimFault: StepFault<State, Input, Effect>
  readonly #owners: ReadonlyMap<string, Owner<State>>
  readonly #violations: FoundViolation[] = []
  /** Numbers of states that break an invariant: the walk does not go on from them. */
  readonly #unsound = new Set<number>()
  #transitions = 0

  constructor(walk: Walk<State, Input, Effect>) {
    this.#walk = walk
    this.#claimFault = claimFaultOf(walk.machine)
    this.#owners = ownersOf(walk.machine)
  }

  run(): Exploration<State, Input> {
    const { start, maxViolations = 20 } = this.#walk
    this.#visit(start, -1, -1)
    for (let number = 0; number < this.#states.length; number++) {
      if (this.#violations.length >= maxViolations) break
      if (!this.#unsound.has(number)) this.#expand(number)
    }
    return {
      size: this.#states.length,
      from: this.#from,
      to: this.#to,
      states: this.#states,
      inputs: this.#inputs,
      via: this.#via,
      labels: this.#labels,
      transitions: this.#transitions,
      covered: this.#covered,
      violations: this.#violations,
      pathTo: state => this.#pathTo(state),
    }
  }

  #expand(number: number): void {
    const state = this.#states[number] as State
    for (const input of this.#walk.inputs(state)) {
      const result = this.#mayStep(state, input) ? this.#walk.machine.step(state, input) : undefined
      if (result?.ok !== true) {
        const fault = this.#walk.refusalFault?.(state, input)
        if (fault !== undefined) this.#report(fault, [...this.#pathTo(number), inWords(input)])
        continue
      }
      this.#transitions++
      this.#covered.add(`${result.edge} ${result.from}`)
      const via = this.#numberOf(input)
      this.#checkStep(number, input, result)
      const label = this.#walk.label?.(state, result) ?? 0
      // A step that changes nothing is no edge, unless its label says that its effects matter.
      if (result.state === state && label === 0) continue
      const next = this.#visit(result.state, number, via)
      if (next === number && label === 0) continue
      this.#from.push(number)
      this.#to.push(next)
      this.#via.push(via)
      this.#labels.push(label)
    }
  }

  /** Skips inputs without a row in this phase, to save the time in which the machine would refuse them. */
  #mayStep(state: State, input: Input): boolean {
    const owner = this.#owners.get(input.type)
    return owner === undefined || owner.from.has(owner.phaseOf(state))
  }

  #numberOf(input: Input): number {
    const known = this.#inputNumbers.get(input)
    if (known !== undefined) return known
    this.#inputNumbers.set(input, this.#inputs.length)
    return this.#inputs.push(input) - 1
  }

  #visit(state: State, parent: number, via: number): number {
    const key = this.#walk.key(state)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#states.length
    this.#numbers.set(key, number)
    this.#states.push(state)
    this.#parents.push(parent)
    this.#parentVia.push(via)
    const fault = this.#walk.stateFault?.(state)
    const faults = fault === undefined ? this.#walk.machine.check(state) : [fault, ...this.#walk.machine.check(state)]
    for (const one of faults) {
      this.#unsound.add(number)
      this.#report(one, this.#pathTo(number))
    }
    return number
  }

  #checkStep(number: number, input: Input, result: Transition<State, Effect>): void {
    const state = this.#states[number] as State
    const fault = this.#claimFault(state, input, result) ?? this.#walk.stepFault?.(state, input, result)
    if (fault !== undefined) this.#report(fault, [...this.#pathTo(number), inWords(input)])
  }

  /** Keeps one path for each kind of fault. */
  #report(fault: Fault, path: readonly string[]): void {
    const known = this.#violations.some(one => one.invariant === fault.invariant && one.text === fault.text)
    if (!known) this.#violations.push({ ...fault, configuration: this.#walk.name, path })
  }

  #pathTo(state: number): readonly string[] {
    const path: string[] = []
    for (let at = state; this.#parents.at(at) >= 0; at = this.#parents.at(at)) {
      const input = this.#inputs[this.#parentVia.at(at)]
      if (input !== undefined) path.push(inWords(input))
    }
    return path.toReversed()
  }
}

/** An input as a line of a path. */
export function inWords({ type, ...rest }: Tagged): string {
  return Object.keys(rest).length === 0 ? type : `${type} ${JSON.stringify(rest)}`
}
