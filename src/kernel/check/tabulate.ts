/**
 * Turns a configuration into tables over its slices: for each way in which an input is decided, the slices that were read
 * and the slices that were written, by number. A rule holds for all values of the slices that it did not read. That makes
 * tables more than a list of the explorer's edges: another tool can compose the steps from them itself (promela.ts).
 *
 * 1. Two slices have the same number exactly if the explorer treats them as equal.
 * 2. What a step reads is observed, not declared: the production machine gets a state that records reads.
 * 3. Each decision is made twice: on the state as it was found, and on one whose slices came from other paths. If the
 *    results differ, the machine reads something outside the slices, or a key leaves out something that matters; then there
 *    is no table.
 */
import type { MeerkatEffect } from '../effects.ts'
import type { MeerkatInput } from '../inputs.ts'
import type { MeerkatState } from '../state.ts'
import { machine as assemble, type Machine } from '../step.ts'
import type { Configuration } from './configuration.ts'
import { type Exploration, inWords as inputInWords } from './explore.ts'
import type { StateKeys } from './state-key.ts'

export type SessionMachine = Machine<MeerkatState, MeerkatInput, MeerkatEffect>

type SliceName = keyof MeerkatState

/** One decision: if each slice that was read has one of these values, the written slices get these values. */
export interface Rule {
  /** Types of the inputs that are decided in this way. */
  readonly inputs: readonly string[]
  /** For each slice the values it may have; absent where it was not read. */
  readonly reads: readonly (Values | undefined)[]
  /** For each slice its value after the step; absent where it stays. */
  readonly writes: readonly (number | undefined)[]
}

/** Some values of one slice, in ascending order. */
export type Values = readonly number[]

/** A statement about a state: a constant, or dependent on a slice, with a statement for each of its values. */
export type Statement = boolean | { readonly slice: number; readonly branches: readonly Statement[] }

/** Tells which states the explorer treats as equal. */
export type Keys = Pick<StateKeys, 'keyOf' | 'remember'>

/** The result of an input, as a tree over the slices in the order in which they are read. */
type Known = End | Fork
interface End {
  readonly type: 'end'
  readonly writes: Rule['writes']
  readonly reads: readonly number[]
  /** The slices that gave this result last; the same objects give the same result without asking the machine. */
  of: readonly unknown[]
}
interface Fork {
  readonly type: 'fork'
  readonly slice: number
  readonly branches: Map<number, Known>
}

/** By the text of an input, because a configuration may make new input objects at each call. */
type Table = Map<string, Known>

/** The slices of one world, and how they depend on each other. */
export class Tables {
  readonly names: readonly SliceName[]
  readonly #slices: ReadonlyMap<string, number>
  readonly #machine: SessionMachine
  readonly #configuration: Configuration
  readonly #keys: Keys
  /** For each slice: the numbers of its values, by their keys and by the slice objects. */
  readonly #values: readonly Map<string, number>[]
  readonly #met: readonly WeakMap<object, number>[]
  /** For each slice and value: the first and the last object with that value. */
  readonly #first: readonly unknown[][]
  readonly #last: readonly unknown[][]
  readonly #rules: Table = new Map()
  readonly #words = new WeakMap<MeerkatInput, string>()

  constructor(machine: SessionMachine, configuration: Configuration, keys: Keys) {
    this.names = machine.regions.map(region => region.name)
    this.#slices = new Map(this.names.map((name, slice) => [name, slice]))
    // The same machine without its `copy`: a spread of the state can be told apart from reads of every slice.
    this.#machine = assemble({ name: machine.name, spine: machine.spine, regions: machine.regions, invariants: [] })
    this.#configuration = configuration
    this.#keys = keys
    this.#values = this.names.map(() => new Map<string, number>())
    this.#met = this.names.map(() => new WeakMap<object, number>())
    this.#first = this.names.map(() => [])
    this.#last = this.names.map(() => [])
  }

  /** Learns every decision in the states of a walk. Value 0 of each slice is that of the first state. */
  learn(walk: Exploration<MeerkatState, MeerkatInput>): void {
    const vectors = walk.states.map(state => this.#valuesOf(state))
    const first = this.#first.map(values => [...values])
    for (const vector of vectors) this.#ask(this.#rules, this.#stateOf(vector, first), vector)
    const last = this.#last.map(values => [...values])
    const others: Table = new Map()
    for (const vector of vectors) {
      const state = this.#stateOf(vector, last)
      this.#ask(others, state, vector)
      this.#compare(vector, this.#stateOf(vector, first), state, others)
    }
    for (let edge = 0; edge < walk.to.length; edge++) {
      const before = vectors[walk.from.at(edge)] ?? []
      const input = walk.inputs[walk.via.at(edge)] as MeerkatInput
      this.#recognise(input, this.#stateOf(before, first), before, vectors[walk.to.at(edge)] ?? [])
    }
  }

  /** Every value of a slice, as it was first found. */
  valuesOf(slice: number): readonly unknown[] {
    return this.#first[slice] ?? []
  }

  /** What was learnt, as few rules that cover exactly the observed decisions. */
  rules(): readonly Rule[] {
    const nothing: Rule = { inputs: [], reads: this.names.map(() => undefined), writes: [] }
    const shapes = new Map<string, number>()
    const rules = [...this.#rules].flatMap(([input, known]) =>
      rulesOf(known, { ...nothing, inputs: [input.split(' ')[0] ?? ''] }, shapes),
    )
    return merged(rules, this.names.length)
  }

  /** Turns a predicate into a statement over slices, for every combination of their values, reachable or not. */
  statementOf(holds: (state: MeerkatState) => boolean): Statement {
    return this.#statement(holds, new Map())
  }

  #valuesOf(state: MeerkatState): readonly number[] {
    return this.names.map((name, slice) => {
      const met = this.#met[slice] as WeakMap<object, number>
      const known = met.get(state[name])
      if (known !== undefined) return known
      const value = this.#valueOf(state, name, slice)
      met.set(state[name], value)
      const last = this.#last[slice] as unknown[]
      last[value] = state[name]
      return value
    })
  }

  /** The number of a slice's value: equal for slices whose exchange does not change the state's key. */
  #valueOf(state: MeerkatState, name: SliceName, slice: number): number {
    const key = this.#keys.keyOf({ ...this.#machine.initial, [name]: state[name] })
    const values = this.#values[slice] as Map<string, number>
    const known = values.get(key)
    if (known !== undefined) return known
    values.set(key, values.size)
    this.#first[slice]?.push(state[name])
    return values.size - 1
  }

  #stateOf(vector: readonly number[], slices: readonly (readonly unknown[])[]): MeerkatState {
    return Object.fromEntries(this.names.map((name, slice) => [name, slices[slice]?.[vector[slice] ?? 0]])) as never
  }

  #ask(table: Table, state: MeerkatState, vector: readonly number[]): void {
    const offered = listening(state, new Set())
    for (const input of this.#configuration.inputs(offered.state)) {
      const known = this.#endOf(table, input, vector)
      const of = known?.of
      if (known?.reads.every((slice, index) => this.#sliceOf(state, slice) === of?.[index]) === true) continue
      this.#decide(table, state, vector, input, new Set(offered.reads))
    }
  }

  #endOf(table: Table, input: MeerkatInput, vector: readonly number[]): End | undefined {
    let known = table.get(this.#wordsOf(input))
    while (known?.type === 'fork') known = known.branches.get(vector[known.slice] ?? 0)
    return known
  }

  #sliceOf(state: MeerkatState, slice: number): unknown {
    const name = this.names[slice]
    return name === undefined ? undefined : state[name]
  }

  #wordsOf(input: MeerkatInput): string {
    const known = this.#words.get(input)
    if (known !== undefined) return known
    const words = inputInWords(input)
    this.#words.set(input, words)
    return words
  }

  /** Checks that states with equal values get equal results. Inputs that contain a value of the state are matched by table. */
  #compare(vector: readonly number[], state: MeerkatState, other: MeerkatState, others: Table): void {
    const offered = this.#configuration.inputs(other)
    for (const [index, input] of this.#configuration.inputs(state).entries()) {
      const end = this.#endOf(this.#rules, input, vector)
      const twin = offered[index]
      const answer = twin && this.#endOf(others, twin, vector)
      if (end === undefined || !end.writes.every((value, slice) => value === answer?.writes[slice]))
        this.#disagree(input, vector, end?.reads ?? [])
    }
  }

  /** Checks that the tables give the result that the explorer observed. */
  #recognise(input: MeerkatInput, state: MeerkatState, before: readonly number[], after: readonly number[]): void {
    const leads = (end: End | undefined): boolean =>
      end !== undefined && after.every((value, slice) => value === (end.writes[slice] ?? before[slice]))
    if (leads(this.#endOf(this.#rules, input, before))) return
    const alike = this.#configuration.inputs(state).filter(({ type }) => type === input.type)
    if (!alike.some(one => leads(this.#endOf(this.#rules, one, before)))) this.#disagree(input, before, [])
  }

  /** The machine's result for an input, with the slices that it read; those that decide whether the input may come are first. */
  #decide(
    table: Table,
    state: MeerkatState,
    vector: readonly number[],
    input: MeerkatInput,
    offered: Set<string>,
  ): void {
    const heard = listening(state, offered)
    const result = this.#machine.step(heard.state, input)
    const reads = [...heard.reads].map(name => this.#slices.get(name) ?? -1)
    // A refusal, or a step that returns the same state object.
    const stays = !result.ok || result.state === heard.state
    const after = stays ? vector : this.#valuesOf(result.state)
    const writes = after.map((value, slice) => (value === vector[slice] ? undefined : value))
    const end: End = { type: 'end', writes, reads, of: reads.map(slice => this.#sliceOf(state, slice)) }
    this.#agree(table, input, vector, end)
  }

  /** Adds a result to the table, and fails if equal reads gave another result before. */
  #agree(table: Table, input: MeerkatInput, vector: readonly number[], end: End): void {
    const words = this.#wordsOf(input)
    let known = table.get(words)
    let keep = (made: Known): void => void table.set(words, made)
    for (const [index, slice] of end.reads.entries()) {
      if (known === undefined) {
        known = { type: 'fork', slice, branches: new Map() }
        keep(known)
      }
      if (known.type === 'end' || known.slice !== slice) this.#disagree(input, vector, end.reads.slice(0, index))
      const { branches } = known
      const value = vector[slice] ?? 0
      keep = made => void branches.set(value, made)
      known = branches.get(value)
    }
    if (known?.type === 'fork' || known?.writes.some((value, slice) => value !== end.writes[slice]) === true)
      this.#disagree(input, vector, end.reads)
    if (known === undefined) keep(end)
    else known.of = end.of
  }

  #disagree({ type }: MeerkatInput, vector: readonly number[], reads: readonly number[]): never {
    const equal = reads.map(slice => `${this.names[slice]} ${vector[slice]}`).join(', ')
    throw new Error(
      `${this.#configuration.name}: ${type} has two outcomes where all that was read is equal (${equal}): it depends on something that no slice holds, or that the key of a slice leaves out`,
    )
  }

  #statement(holds: (state: MeerkatState) => boolean, given: ReadonlyMap<string, unknown>): Statement {
    const asked = askOf(given, holds)
    if (typeof asked === 'boolean') return asked
    const slice = this.#slices.get(asked.missing) ?? -1
    const branches = this.valuesOf(slice).map(value => this.#statement(holds, new Map(given).set(asked.missing, value)))
    const [only] = branches
    return typeof only === 'boolean' && branches.every(one => one === only) ? only : { slice, branches }
  }
}

/** A state that records which of its slices are read. A copy of the whole record does not count as a read. */
function listening(
  state: MeerkatState,
  reads: Set<string>,
): { readonly state: MeerkatState; readonly reads: ReadonlySet<string> } {
  let copied: string | symbol | undefined
  const heard = new Proxy(state, {
    get: (target, name) => {
      // A spread asks for each property's descriptor and immediately for its value.
      if (copied !== name) reads.add(String(name))
      copied = undefined
      return Reflect.get(target, name) as unknown
    },
    getOwnPropertyDescriptor: (target, name) => {
      copied = name
      return Reflect.getOwnPropertyDescriptor(target, name)
    },
  })
  return { state: heard, reads }
}

/** Whether the predicate holds for these slices, or the first further slice that it reads. */
function askOf(
  given: ReadonlyMap<string, unknown>,
  holds: (state: MeerkatState) => boolean,
): boolean | { readonly missing: string } {
  let missing: string | undefined
  const state = new Proxy({} as MeerkatState, {
    get: (_, name) => {
      if (!given.has(String(name))) {
        missing ??= String(name)
        throw new Error(`no ${missing} yet`)
      }
      return given.get(String(name))
    },
  })
  try {
    return holds(state)
  } catch {
    // The predicate may throw on slices that never occur together; nothing holds of such a combination.
    return missing === undefined ? false : { missing }
  }
}

function inWords(reads: Rule['reads']): string {
  return reads.map(values => values?.join('+') ?? '').join()
}

/**
 * The rules of a table under the values given so far. Branches of equal shape become one branch over several values; equal
 * shapes have the same number everywhere.
 */
function rulesOf(known: Known, given: Rule, shapes: Map<string, number>): readonly Rule[] {
  if (known.type === 'end')
    return known.writes.every(value => value === undefined) ? [] : [{ ...given, writes: known.writes }]
  const { slice, branches } = known
  const alike = Map.groupBy(branches, ([, branch]) => shapeOf(branch, shapes))
  return [...alike.values()].flatMap(group => {
    const values = group.map(([value]) => value).toSorted((a, b) => a - b)
    const [, branch] = group[0] as [number, Known]
    return rulesOf(branch, { ...given, reads: given.reads.with(slice, values) }, shapes)
  })
}

function shapeOf(known: Known, shapes: Map<string, number>): number {
  const text =
    known.type === 'end'
      ? known.writes.join()
      : `${known.slice}: ${[...known.branches]
          .map(([value, branch]) => `${value} ${shapeOf(branch, shapes)}`)
          .toSorted()
          .join()}`
  const number = shapes.get(text) ?? shapes.size
  shapes.set(text, number)
  return number
}

/** Joins rules that differ only in the values of one slice, until no two can be joined. */
function merged(rules: readonly Rule[], slices: number): readonly Rule[] {
  let now = rules
  let before = Number.POSITIVE_INFINITY
  while (now.length < before) {
    before = now.length
    for (let slice = slices - 1; slice >= 0; slice--) now = mergedOver(now, slice)
  }
  return now
}

function mergedOver(rules: readonly Rule[], slice: number): readonly Rule[] {
  const groups = Map.groupBy(rules, ({ reads, writes }) => {
    const others = reads.with(slice, reads[slice] && [])
    return `${inWords(others)} ${reads[slice] === undefined} ${writes.join()}`
  })
  return [...groups.values()].map(group => {
    const [one] = group as [Rule]
    if (group.length === 1) return one
    const inputs = [...new Set(group.flatMap(rule => rule.inputs))]
    if (one.reads[slice] === undefined) return { ...one, inputs }
    const values = [...new Set(group.flatMap(rule => rule.reads[slice] ?? []))].toSorted((a, b) => a - b)
    return { ...one, inputs, reads: one.reads.with(slice, values) }
  })
}
