/**
 * Writes a configuration of the session machine as a Promela model, which Spin walks independently.
 *
 * Each slice is a variable over its values, by number; each rule of the tables (tabulate.ts) is one option of one loop. So
 * Spin composes the steps itself, from the first state on, without knowing the states that our explorer found.
 *
 * What Spin counts: there is one process with one location, the head of its loop, and every option is a `d_step` without
 * intermediate states. So a stored state is a vector of slices and nothing else, and Spin's number of stored states equals
 * the explorer's without any correction.
 *
 * The options that are not rules add no state either. Each invariant has an option that is enabled only where the invariant
 * is broken, and asserts. States that may rest have an option that changes nothing, so that to Spin all other states
 * without a rule are invalid end states.
 */
import { meerkat } from '../machine.ts'
import type { MeerkatState } from '../state.ts'
import type { Configuration } from './configuration.ts'
import { explore } from './explore.ts'
import { StateKeys } from './state-key.ts'
import { type Keys, type Rule, type SessionMachine, type Statement, Tables, type Values } from './tabulate.ts'

export interface PromelaModel {
  readonly name: string
  readonly text: string
  /** What the explorer found, and Spin has to find. */
  readonly states: number
  readonly rules: number
  /** Invariants that depend on a slice which changes in this world. */
  readonly invariants: number
  /** Names of the regions whose slices change in this world. */
  readonly regions: readonly string[]
}

export interface PromelaOptions {
  /** Another machine of the same regions, to see whether its faults are found. */
  readonly machine?: SessionMachine
  /** Another notion of which states are equal, in the explorer and in the model. */
  readonly keys?: Keys
}

/** States from which nothing has to be possible: the same as in liveness.ts. */
const mayRest = ({ lifecycle }: MeerkatState): boolean => lifecycle.phase === 'destroyed'

/**
 * The model of a configuration. It throws an error where there is none: if the same input has two outcomes in states
 * that agree in all that it reads.
 */
export function promelaOf(configuration: Configuration, options: PromelaOptions = {}): PromelaModel {
  const { machine = meerkat, keys = new StateKeys() } = options
  keys.remember(machine.initial)
  const walk = explore({
    name: configuration.name,
    machine,
    start: startOf(machine, configuration),
    inputs: configuration.inputs,
    key: state => keys.keyOf(state),
    stateFault: state => {
      keys.remember(state)
      return undefined
    },
  })
  const tables = new Tables(machine, configuration, keys)
  tables.learn(walk)
  const rules = tables.rules()
  const invariants = machine.invariants.flatMap(({ id, holds }) => {
    const statement = tables.statementOf(holds)
    return statement === true ? [] : [{ id, statement }]
  })
  const text = new PromelaText(tables)
  const body = [
    ...rules.map(rule => text.rule(rule)),
    ...invariants.map(({ id, statement }) => text.invariant(id, statement)),
    text.rest(tables.statementOf(mayRest)),
  ]
  return {
    name: configuration.name,
    text: [...header(configuration), ...text.variables(), '', LOOP, ...body, END].join('\n'),
    states: walk.size,
    rules: rules.length,
    invariants: invariants.length,
    regions: tables.names.filter((_, slice) => tables.valuesOf(slice).length > 1),
  }
}

const LOOP = 'active proctype session() {\n  do'
const END = '  od\n}\n'

function header({ name, about }: Configuration): readonly string[] {
  return [
    `/* The session machine in the bounded world "${name}". Written by scripts/spin.ts; don't edit it. */`,
    `/* ${about.replaceAll('*/', '* /')} */`,
    '',
  ]
}

function startOf(machine: SessionMachine, { name, prefix }: Configuration): MeerkatState {
  return prefix.reduce((state, input) => {
    const result = machine.step(state, input)
    if (!result.ok) throw new Error(`${name} can't begin: ${input.type} is refused: ${result.reason}`)
    return result.state
  }, machine.initial)
}

/** Writes tables as Promela. Variables of regions begin with a capital, because `run` is a keyword. */
class PromelaText {
  readonly #tables: Tables
  readonly #names: readonly string[]

  constructor(tables: Tables) {
    this.#tables = tables
    this.#names = tables.names.map(name => `${name.charAt(0).toUpperCase()}${name.slice(1)}`)
  }

  /** Every slice begins as 0. */
  variables(): readonly string[] {
    return this.#names.flatMap((name, slice) => {
      const values = this.#tables.valuesOf(slice)
      const type = values.length <= 256 ? 'byte' : 'short'
      return values.length === 1 ? [] : [`${type} ${name} = 0 /* ${meaning(values)} */`]
    })
  }

  rule({ inputs, reads, writes }: Rule): string {
    const guard = reads.flatMap((values, slice) => (values === undefined ? [] : this.#isIn(slice, values)))
    const changes = writes.flatMap((value, slice) => (value === undefined ? [] : `${this.#names[slice]} = ${value}`))
    return option(inputs.join(', '), conjunction(guard), changes.join('; '))
  }

  invariant(id: string, statement: Statement): string {
    return option(id, `!(${this.#inWords(statement)})`, `printf("broken: ${id}\\n"); assert(false)`)
  }

  rest(statement: Statement): string {
    return option('may rest', this.#inWords(statement), 'skip')
  }

  /** A condition on the slice's value; none if all values are allowed. */
  #isIn(slice: number, values: Values): readonly string[] {
    if (values.length === this.#tables.valuesOf(slice).length) return []
    const name = this.#names[slice] ?? ''
    const spans = spansOf(values).map(([first, last]) =>
      first === last ? `${name} == ${first}` : `(${name} >= ${first} && ${name} <= ${last})`,
    )
    return [spans.length === 1 ? (spans[0] ?? '') : `(${spans.join(' || ')})`]
  }

  #inWords(statement: Statement): string {
    if (typeof statement === 'boolean') return String(statement)
    const { slice, branches } = statement
    const words = Map.groupBy(branches.keys(), value => this.#inWords(branches[value] ?? false))
    words.delete('false')
    const cases = [...words].map(([rest, values]) =>
      conjunction([...this.#isIn(slice, values), ...(rest === 'true' ? [] : [rest])]),
    )
    return cases.length === 0 ? 'false' : cases.length === 1 ? (cases[0] ?? '') : `(${cases.join(' || ')})`
  }
}

function option(about: string, guard: string, effect: string): string {
  return `  :: d_step { ${guard} -> ${effect} } /* ${about} */`
}

function conjunction(conditions: readonly string[]): string {
  if (conditions.length === 0) return 'true'
  return conditions.length === 1 ? (conditions[0] ?? '') : `(${conditions.join(' && ')})`
}

/** Ascending numbers as spans of neighbours. */
function spansOf(values: Values): readonly (readonly [number, number])[] {
  const spans: [number, number][] = []
  for (const value of values) {
    const span = spans.at(-1)
    if (span?.[1] === value - 1) span[1] = value
    else spans.push([value, value])
  }
  return spans
}

/** How many values there are and, where they have phases, which of them are in which. */
function meaning(values: readonly unknown[]): string {
  const phases = Map.groupBy(values.keys(), value => phaseOf(values[value]))
  const named = [...phases].map(([phase, numbers]) => `${phase} ${spansOf(numbers).map(spanInWords).join(' ')}`)
  return phases.size === 1 ? `${values.length} values` : `${values.length} values: ${named.join(', ')}`
}

function spanInWords([first, last]: readonly [number, number]): string {
  return first === last ? String(first) : `${first}-${last}`
}

function phaseOf(slice: unknown): string {
  return typeof slice === 'object' && slice !== null && 'phase' in slice ? String(slice.phase) : ''
}
