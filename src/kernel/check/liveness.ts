/**
 * What must stay possible, asked of the whole graph of a configuration.
 *
 * 1. From every state, each unfinished input can reach its end by service alone: processes serve, turns end, people
 *    decide on calls. Nobody has to withdraw it, drop it or destroy the session. A passive input may wait for one that
 *    may start a turn.
 * 2. From every state but a destroyed one, the session's phase can change without destroying it.
 * 3. Where `runnable` holds a run can be started, and `blockers` names nothing; elsewhere it names something.
 */
import type { MeerkatEffect } from '../effects.ts'
import type { RunId } from '../ids.ts'
import type { MeerkatInput, MeerkatState } from '../machine.ts'
import { mapGet, mapValues } from '../persistent-map.ts'
import { blockers, runnable } from '../runnable.ts'
import type { Machine } from '../step.ts'
import type { Exploration } from './explore.ts'
import { canReach, incomingOf } from './graph.ts'

export interface LivenessFailure {
  readonly property: 'inputs-reach-their-end' | 'phases-have-a-way-out' | 'runnable-runs' | 'blockers-explain'
  readonly text: string
  readonly configuration: string
  /** The shortest way to a state in which it is so. */
  readonly path: readonly string[]
}

export interface LivenessReport {
  /** Questions asked: one for each property, state and, where it is about one, input. */
  readonly checked: number
  readonly failures: readonly LivenessFailure[]
}

type SessionMachine = Machine<MeerkatState, MeerkatInput, MeerkatEffect>
type SessionGraph = Exploration<MeerkatState, MeerkatInput>

/** Inputs by which somebody gives work or a session up. Liveness must not hang on them. */
const GIVING_UP: ReadonlySet<MeerkatInput['type']> = new Set([
  'Destroy',
  'Reset',
  'WithdrawInput',
  'DropQueued',
  'StopRuntimeExecutor',
  'CancelAfterBoundary',
  'InterruptCurrentRun',
  'CancelNow',
  'BeginUnregisterSession',
  'BeginUnregisterUnservedAttachment',
])

/** Whether an edge is service: the world going on without anybody giving anything up. */
function isService(graph: SessionGraph, edge: number): boolean {
  const input = graph.inputs[graph.via.at(edge)]
  if (input === undefined || GIVING_UP.has(input.type)) return false
  // Asked again of a retired session, it ends what no work is left to take along.
  if (input.type === 'Retire') return graph.states[graph.from.at(edge)]?.lifecycle.phase === 'retired'
  // What replaces another input ends it, but nobody is bound to send it.
  return input.type !== 'AcceptInput' || input.supersessionKey === undefined
}

/** Service without anybody offering anything new. */
function isServiceAlone(graph: SessionGraph, edge: number): boolean {
  return graph.inputs[graph.via.at(edge)]?.type !== 'AcceptInput' && isService(graph, edge)
}

/** Numbers inputs by name, a bit for each, so that an edge can say which inputs it ends. */
export class InputBits {
  readonly #bits = new Map<string, number>()

  /** The bits of the inputs that these effects end. */
  endedBy(effects: readonly MeerkatEffect[]): number {
    let bits = 0
    for (const effect of effects) if (effect.type === 'InputTerminated') bits |= this.bitOf(effect.inputId)
    return bits
  }

  bitOf(id: string): number {
    const known = this.#bits.get(id)
    if (known !== undefined) return known
    const bit = 1 << this.#bits.size
    this.#bits.set(id, bit)
    return bit
  }

  entries(): Iterable<readonly [string, number]> {
    return this.#bits.entries()
  }
}

/** Answers all three for one configuration. */
export function checkLiveness(
  configuration: string,
  machine: SessionMachine,
  graph: SessionGraph,
  bits: InputBits,
): LivenessReport {
  const failures: LivenessFailure[] = []
  const fail = (property: LivenessFailure['property'], text: string, state: number): void => {
    const known = failures.some(one => one.property === property && one.text === text)
    if (!known) failures.push({ property, text, configuration, path: graph.pathTo(state) })
  }
  const checked = checkEnds(graph, bits, fail) + checkWaysOut(graph, fail) + checkScheduling(machine, graph, fail)
  return { checked, failures }
}

type Fail = (property: LivenessFailure['property'], text: string, state: number) => void

function checkEnds(graph: SessionGraph, bits: InputBits, fail: Fail): number {
  const incoming = incomingOf(graph)
  let checked = 0
  for (const [id, bit] of bits.entries()) {
    const isGoal = (edge: number): boolean => (graph.labels.at(edge) & bit) !== 0 && isService(graph, edge)
    const alone = canReach(graph, incoming, isGoal, edge => isServiceAlone(graph, edge))
    const withOthers = canReach(graph, incoming, isGoal, edge => isService(graph, edge))
    for (let state = 0; state < graph.size; state++) {
      const entries = graph.states[state]?.ledger.entries
      const entry = entries === undefined ? undefined : mapGet(entries, id as never)
      if (entry === undefined) continue
      checked++
      const reached = entry.wake ? alone[state] : withOthers[state]
      if (reached === 0) fail('inputs-reach-their-end', `input ${id} (${entry.status}) can't end any more`, state)
    }
  }
  return checked
}

function checkWaysOut(graph: SessionGraph, fail: Fail): number {
  const phaseAt = (state: number): string => graph.states[state]?.lifecycle.phase ?? ''
  const reached = canReach(
    graph,
    incomingOf(graph),
    edge => phaseAt(graph.from.at(edge)) !== phaseAt(graph.to.at(edge)) && phaseAt(graph.to.at(edge)) !== 'destroyed',
    edge => phaseAt(graph.from.at(edge)) === phaseAt(graph.to.at(edge)),
  )
  for (let state = 0; state < graph.size; state++) {
    if (phaseAt(state) === 'destroyed' || reached[state] === 1) continue
    fail('phases-have-a-way-out', `${phaseAt(state)} has no way out but destruction`, state)
  }
  return graph.size
}

const probe = 'probe' as RunId
const starts: readonly MeerkatInput[] = [
  { type: 'Prepare', runId: probe, at: 0 },
  { type: 'DrainQueuedRun', runId: probe, at: 0 },
]

function checkScheduling(machine: SessionMachine, graph: SessionGraph, fail: Fail): number {
  for (const [number, state] of graph.states.entries()) {
    const runs = runnable(state)
    const found = blockers(state)
    if (runs && !starts.some(input => startsWork(machine, state, input))) {
      fail('runnable-runs', 'a session is runnable, but no run starts', number)
    }
    if (runs !== (found.length === 0)) {
      const names = found.map(one => one.guard).join(', ')
      fail(
        'blockers-explain',
        runs ? `it is runnable, but blocked by ${names}` : 'it is not runnable for no reason',
        number,
      )
    }
  }
  return 2 * graph.size
}

/** The run that starts answers at least one input that may start a turn. */
function startsWork(machine: SessionMachine, state: MeerkatState, input: MeerkatInput): boolean {
  const result = machine.step(state, input)
  if (!result.ok) return false
  return [...mapValues(result.state.ledger.entries)].some(entry => entry.status === 'staged' && entry.wake)
}
