/**
 * Checks what must stay possible, on the whole graph of a configuration.
 *
 * 1. From every state, each unfinished input can reach its end by service alone: processes serve, turns end, people
 *    decide on calls. No caller has to withdraw it, drop it or destroy the session. A passive input may wait for one that
 *    may start a turn. The same holds for each unfinished operation; and each schedule that is not paused can fire or
 *    skip its due time.
 * 2. From every state but a destroyed one, the session's phase can change without destroying it.
 * 3. A completion that should wake the session can become due by service alone.
 * 4. What the kernel answers the runtime about a single state is true (scheduling.ts).
 */
import type { MeerkatEffect } from '../effects.ts'
import type { InputId, OperationId, ScheduleId } from '../ids.ts'
import type { MeerkatInput } from '../inputs.ts'
import { mapGet } from '../persistent-map.ts'
import { endingOf } from '../regions/endings/table.ts'
import { notDraining } from '../regions/guards.ts'
import { notRetiring } from '../regions/ledger/admission.ts'
import { entryOf } from '../regions/ledger/state.ts'
import { completionsAfter, isUnfinishedOperation, wakes } from '../regions/operations/state.ts'
import { completionBatchDue } from '../runnable.ts'
import type { MeerkatState } from '../state.ts'
import type { Machine } from '../step.ts'
import type { Exploration } from './explore.ts'
import { canReach, incomingOf } from './graph.ts'
import { type SchedulingProperty, schedulingFaults } from './scheduling.ts'

export interface LivenessFailure {
  readonly property: 'work-reaches-its-end' | 'phases-have-a-way-out' | 'completions-are-told' | SchedulingProperty
  readonly text: string
  readonly configuration: string
  /** The shortest path to a state in which the property fails. */
  readonly path: readonly string[]
}

export interface LivenessReport {
  /** How many questions were asked: one for each property, state and, where the property is about one, input. */
  readonly checked: number
  readonly failures: readonly LivenessFailure[]
}

type SessionMachine = Machine<MeerkatState, MeerkatInput, MeerkatEffect>
type SessionGraph = Exploration<MeerkatState, MeerkatInput>

/** Inputs by which a caller abandons work or a session, or begins to. Liveness must not depend on them. */
const GIVING_UP: ReadonlySet<MeerkatInput['type']> = new Set([
  'Destroy',
  'Reset',
  'WithdrawInput',
  'DropQueued',
  'GiveUpQueued',
  'DropEphemeral',
  'WakeQueued',
  'StopRuntimeExecutor',
  'CancelAfterBoundary',
  'InterruptCurrentRun',
  'CancelNow',
  'BeginUnregisterSession',
  'CancelOperation',
  'AbortOperation',
  'TerminateOwnerOperations',
  'RollbackUnreturnedOperation',
  'CancelSchedule',
])

/** Whether an edge is service: it needs no caller that abandons something. */
function isService(graph: SessionGraph, edge: number): boolean {
  const input = graph.inputs[graph.via.at(edge)]
  if (input === undefined || GIVING_UP.has(input.type)) return false
  // A repeated `Retire` of a retired session is the runtime's: it ends passive inputs that no work is left to take along.
  if (input.type === 'Retire') return graph.states[graph.from.at(edge)]?.lifecycle.phase === 'retired'
  // An input that supersedes another one ends it, but no caller has to send it.
  return input.type !== 'AcceptInput' || input.supersessionKey === undefined
}

/** Service without a new input from a caller. */
function isServiceAlone(graph: SessionGraph, edge: number): boolean {
  return graph.inputs[graph.via.at(edge)]?.type !== 'AcceptInput' && isService(graph, edge)
}

/** Names what an effect ends: an input, an operation, or a schedule's due time. By kind and id. */
function debtOf(effect: MeerkatEffect): string | undefined {
  switch (effect.type) {
    case 'InputTerminated':
      return `input ${effect.inputId}`
    case 'OperationEnded':
      return `operation ${effect.operationId}`
    case 'ScheduleFired':
    case 'ScheduleSkipped':
    case 'ScheduleEnded':
      return `schedule ${effect.scheduleId}`
    default:
      return undefined
  }
}

/** Gives a bit to each input, operation and schedule, so that an edge's label can say which of them it ends. */
export class DebtBits {
  readonly #bits = new Map<string, number>()

  /** The bits of those that these effects end. */
  settledBy(effects: readonly MeerkatEffect[]): number {
    let bits = 0
    for (const effect of effects) {
      const debt = debtOf(effect)
      if (debt !== undefined) bits |= this.bitOf(debt)
    }
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
  bits: DebtBits,
): LivenessReport {
  const failures: LivenessFailure[] = []
  const fail = (property: LivenessFailure['property'], text: string, state: number): void => {
    const known = failures.some(one => one.property === property && one.text === text)
    if (!known) failures.push({ property, text, configuration, path: graph.pathTo(state) })
  }
  const checked =
    checkEnds(graph, bits, fail) +
    checkWaysOut(graph, fail) +
    checkCompletions(graph, fail) +
    checkScheduling(machine, graph, fail)
  return { checked, failures }
}

type Fail = (property: LivenessFailure['property'], text: string, state: number) => void

function checkEnds(graph: SessionGraph, bits: DebtBits, fail: Fail): number {
  const incoming = incomingOf(graph)
  let checked = 0
  for (const [id, bit] of bits.entries()) {
    const isGoal = (edge: number): boolean => (graph.labels.at(edge) & bit) !== 0 && isService(graph, edge)
    const alone = canReach(graph, incoming, isGoal, edge => isServiceAlone(graph, edge))
    const withOthers = canReach(graph, incoming, isGoal, edge => isService(graph, edge))
    for (let number = 0; number < graph.size; number++) {
      const owed = owedTo(id, graph.states[number])
      if (owed === undefined) continue
      checked++
      const reached = owed.byService === 'alone' ? alone[number] : withOthers[number]
      if (reached === 0) fail('work-reaches-its-end', `${id} (${owed.status}) can't end any more`, number)
    }
  }
  return checked
}

/** Whether this has not ended in a state, and whether a caller's new input may be needed to end it. */
function owedTo(
  debt: string,
  state: MeerkatState | undefined,
): { readonly status: string; readonly byService: 'alone' | 'with-others' } | undefined {
  if (state === undefined) return undefined
  const [kind, id] = debt.split(' ')
  if (kind === 'input') {
    const entry = entryOf(state.ledger, id as InputId)
    if (endingOf(state.endings, id as InputId) !== undefined) return { status: 'given up', byService: 'alone' }
    return entry && { status: entry.status, byService: entry.wake ? 'alone' : 'with-others' }
  }
  if (kind === 'operation')
    return isUnfinishedOperation(state.operations, id as OperationId)
      ? { status: 'unfinished', byService: 'alone' }
      : undefined
  const entry = mapGet(state.schedules.entries, id as ScheduleId)
  return entry === undefined || entry.paused === true ? undefined : { status: 'scheduled', byService: 'alone' }
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

/** Every completion that happened while a session was stopped or busy can become due later. */
function checkCompletions(graph: SessionGraph, fail: Fail): number {
  const untold = graph.states.flatMap((state, number) => (hasUntold(state) ? [number] : []))
  if (untold.length === 0) return 0
  const due = graph.states.map(state => completionBatchDue(state) !== undefined)
  const isGoal = (edge: number): boolean => due[graph.from.at(edge)] === true
  const reached = canReach(graph, incomingOf(graph), isGoal, edge => isService(graph, edge))
  for (const state of untold)
    if (reached[state] === 0) fail('completions-are-told', 'a completion can never become due', state)
  return untold.length
}

function hasUntold(state: MeerkatState): boolean {
  const { operations, registration, lifecycle } = state
  const { cursors, newestWaking } = operations
  const reported = Math.max(cursors.agentApplied, cursors.runtimeInjected)
  if (newestWaking <= reported || registration.sessionId === undefined || !notDraining(state)) return false
  if (!notRetiring(state) || lifecycle.phase === 'retired' || lifecycle.phase === 'destroyed') return false
  return completionsAfter(operations, reported).some(({ kind, taken }) => wakes(kind) && taken !== true)
}

function checkScheduling(machine: SessionMachine, graph: SessionGraph, fail: Fail): number {
  for (const [number, state] of graph.states.entries())
    for (const { property, text } of schedulingFaults(machine, state)) fail(property, text, number)
  return 2 * graph.size
}
