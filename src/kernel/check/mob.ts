/** Explores the mob machine, alone and together with a session, and reports as `verify` does for the session machine. */

import { unfinishedRun } from '../mob/flows/ends.ts'
import type { AgentIdentity } from '../mob/ids.ts'
import type { MobInput } from '../mob/inputs.ts'
import { mob } from '../mob/machine.ts'
import { type Member, memberOf } from '../mob/roster/state.ts'
import type { MobState } from '../mob/state.ts'
import type { Tagged } from '../region.ts'
import type { Machine } from '../step.ts'
import { type Exploration, explore, inWords } from './explore.ts'
import { canReach, incomingOf } from './graph.ts'
import type { LivenessFailure } from './liveness.ts'
import { a, b, type MobConfiguration, mobConfigurations, runId } from './mob-configurations.ts'
import { mobFlowConfigurations } from './mob-flow-configurations.ts'
import {
  type MobMachine,
  type PairConfiguration,
  type PairInput,
  type PairMachine,
  type PairState,
  pairConfigurations,
  pairKeys,
  pairOf,
} from './mob-seam.ts'
import { mobStepFault } from './mob-steps.ts'
import { type Liveness, type Report, reportOf } from './report.ts'
import type { VerifyOptions } from './verify.ts'

export interface MobLivenessFailure extends Omit<LivenessFailure, 'property'> {
  readonly property:
    | 'phases-have-a-way-out'
    | 'members-can-start'
    | 'members-can-leave'
    | 'runs-can-end'
    | 'nobody-waits-for-nothing'
}

export type MobVerifyReport = Report<MobLivenessFailure>

export interface MobVerifyOptions extends Omit<VerifyOptions, 'machine'> {
  /** Another machine of the same regions, to see whether its faults are found. */
  readonly machine?: MobMachine
}

/** Verifies the mob machine and its seam to sessions. */
export function verifyMob(options: MobVerifyOptions = {}): MobVerifyReport {
  const { quick = false, machine = mob } = options
  const worlds = [
    ...[...mobConfigurations, ...mobFlowConfigurations].map(one => ({ ...one, walk: () => walkMob(machine, one) })),
    ...pairConfigurations(quick).map(one => ({ ...one, walk: () => walkPair(pairOf(machine), one) })),
  ]
  return reportOf(machine, worlds, options)
}

/** One question to a graph: from every state of which `asks` holds, a `goal` edge can be reached over `allowed` edges. */
interface Question<State, Input> {
  readonly property: MobLivenessFailure['property']
  readonly asks: (state: State) => boolean
  readonly goal: (from: State, to: State) => boolean
  readonly allowed: (input: Input, from: State, to: State) => boolean
  readonly text: (state: State) => string
}

function answered<State, Input extends Tagged>(
  configuration: string,
  graph: Exploration<State, Input>,
  questions: readonly Question<State, Input>[],
): Liveness<MobLivenessFailure> {
  const incoming = incomingOf(graph)
  const failures: MobLivenessFailure[] = []
  let checked = 0
  for (const { property, asks, goal, allowed, text } of questions) {
    const asked = graph.states.flatMap((state, number) => (asks(state) ? [number] : []))
    checked += asked.length
    const from = (edge: number): State => graph.states[graph.from.at(edge)] as State
    const to = (edge: number): State => graph.states[graph.to.at(edge)] as State
    const isAllowed = (edge: number): boolean =>
      allowed(graph.inputs[graph.via.at(edge)] as Input, from(edge), to(edge))
    const reached = canReach(graph, incoming, edge => isAllowed(edge) && goal(from(edge), to(edge)), isAllowed)
    for (const number of asked) {
      const said = text(graph.states[number] as State)
      if (reached[number] === 1 || failures.some(one => one.property === property && one.text === said)) continue
      failures.push({ property, text: said, configuration, path: graph.pathTo(number) })
    }
  }
  return { checked, failures }
}

/** Inputs that end the subject of a question by force, and so don't count as a way. */
const FORCE: ReadonlySet<MobInput['type']> = new Set([
  'Reset',
  'Destroy',
  'Complete',
  'CancelFlow',
  'CancelAllWork',
  'ObserveRuntimeDestroyed',
])

function standsIn(state: MobState, identity: AgentIdentity, marker: Member['standing']['marker']): boolean {
  return memberOf(state, { identity })?.standing.marker === marker
}
function waitsForPlacement(state: MobState, identity: AgentIdentity): boolean {
  const standing = memberOf(state, { identity })?.standing
  return standing?.marker === 'active' && standing.startup === 'bindingRequested'
}
const phaseOf = ({ lifecycle }: MobState): string => lifecycle.phase
const isLiving = (state: MobState): boolean => phaseOf(state) !== 'destroyed'

const mobQuestions: readonly Question<MobState, MobInput>[] = [
  {
    property: 'phases-have-a-way-out',
    asks: isLiving,
    goal: (from, to) => phaseOf(from) !== phaseOf(to),
    allowed: (_, __, to) => isLiving(to),
    text: state => `${phaseOf(state)} has no way out but destruction`,
  },
  {
    property: 'runs-can-end',
    asks: state => unfinishedRun(state, { runId }) !== undefined,
    goal: (_, to) => unfinishedRun(to, { runId }) === undefined,
    allowed: ({ type }) => !FORCE.has(type),
    text: () => 'a run can only be ended by force',
  },
  ...[a, b].flatMap((identity): Question<MobState, MobInput>[] => [
    {
      property: 'members-can-start',
      asks: state => waitsForPlacement(state, identity),
      goal: (_, to) => !waitsForPlacement(to, identity) && !standsIn(to, identity, 'broken'),
      allowed: ({ type }) => !FORCE.has(type),
      text: () => `${identity} can never be placed`,
    },
    {
      property: 'members-can-leave',
      asks: state => memberOf(state, { identity }) !== undefined,
      goal: (_, to) => memberOf(to, { identity }) === undefined,
      allowed: ({ type }) => !FORCE.has(type),
      text: () => `${identity} can't leave`,
    },
  ]),
]

function begun<State, Input extends Tagged, Effect extends Tagged>(
  machine: Machine<State, Input, Effect>,
  prefix: readonly Input[],
): State {
  return prefix.reduce((state, input) => {
    const result = machine.step(state, input)
    if (!result.ok) throw new Error(`a configuration can't begin: ${inWords(input)} is refused: ${result.reason}`)
    return result.state
  }, machine.initial)
}

function walkMob(
  machine: MobMachine,
  { name, prefix, inputs }: MobConfiguration,
): { readonly graph: Exploration<MobState, MobInput>; readonly liveness: Liveness<MobLivenessFailure> } {
  const start = begun(machine, prefix)
  const key = ({ wiring: { epoch: _, ...graph }, ...rest }: MobState): string => JSON.stringify([rest, graph])
  const graph = explore({ name, machine, start, inputs, key, stepFault: mobStepFault })
  return { graph, liveness: answered(name, graph, mobQuestions) }
}

/** Whether the mob waits for an answer and no message is under way. */
function isStuck({ mob: state, bag }: PairState): boolean {
  return bag.size === 0 && (waitsForPlacement(state, a) || standsIn(state, a, 'retiring'))
}

/** Deliveries of the seam, and a mob that repeats a request. */
function isPersistence(input: PairInput): boolean {
  return input.type === 'Deliver' || (input.type === 'Mob' && input.input.type === 'Retire')
}

function walkPair(
  machine: PairMachine,
  { name, prefix, inputs, undisturbed }: PairConfiguration,
): { readonly graph: Exploration<PairState, PairInput>; readonly liveness: Liveness<MobLivenessFailure> } {
  const graph = explore({ name, machine, start: begun(machine, prefix), inputs, key: pairKeys() })
  const isMember = ({ mob: state }: PairState): boolean => memberOf(state, { identity: a }) !== undefined
  const liveness = answered(name, graph, [
    {
      property: 'members-can-leave',
      asks: isMember,
      goal: (_, to) => !isMember(to),
      allowed: isPersistence,
      text: () => "the member can't leave by being asked to and asked again",
    },
    {
      property: 'nobody-waits-for-nothing',
      asks: state => undisturbed && isStuck(state),
      goal: () => false,
      allowed: () => false,
      text: ({ mob: state }) =>
        `nothing is under way and the member is ${standsIn(state, a, 'retiring') ? 'retiring' : 'to be placed'}`,
    },
  ])
  return { graph, liveness }
}
