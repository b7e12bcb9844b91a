/** Explores `AuthMachine`: what holds in every state, and what stays possible from each. */

import type { AuthEffect } from '../auth/effects.ts'
import { decodeAuthState, encodeAuthState } from '../auth/encode.ts'
import type { OAuthFlow, OAuthFlowId } from '../auth/flows/state.ts'
import type { AuthInput } from '../auth/inputs.ts'
import type { Lease } from '../auth/lease/state.ts'
import { credentialOf, isDraining } from '../auth/lease/table.ts'
import { type AuthMachine, auth } from '../auth/machine.ts'
import type { AuthState } from '../auth/state.ts'
import { mapEntries, mapGet } from '../persistent-map.ts'
import type { Transition } from '../step.ts'
import { type AuthConfiguration, authConfigurations, FLOW_IDS } from './alphabet-auth.ts'
import { type Exploration, explore, type Fault } from './explore.ts'
import { canReach, incomingOf } from './graph.ts'
import type { LivenessFailure } from './liveness.ts'
import { type Report, type ReportOptions, reportOf } from './report.ts'

export type AuthLivenessProperty =
  | 'leases-become-valid-again'
  | 'credentials-are-refreshed-without-a-login'
  | 'releases-finish'
  | 'logins-can-be-completed'
  | 'logins-can-be-called-off'

type Failure = Omit<LivenessFailure, 'property'> & { readonly property: AuthLivenessProperty }
export type AuthVerifyReport = Report<Failure>
type AuthGraph = Exploration<AuthState, AuthInput>

/** Verifies `AuthMachine`, or a mutant of it, to see whether its faults are found. */
export function checkAuth(
  options: ReportOptions & { readonly quick?: boolean; readonly machine?: AuthMachine } = {},
): AuthVerifyReport {
  const { quick = false, machine = auth } = options
  const worlds = authConfigurations(quick).map(one => ({
    ...one,
    walk: () => {
      const graph = walk(machine, one)
      return { graph, liveness: checkAuthLiveness(one.name, graph) }
    },
  }))
  return reportOf(machine, worlds, options)
}

function walk(machine: AuthMachine, { name, inputs }: AuthConfiguration): AuthGraph {
  return explore({
    name,
    machine,
    start: machine.initial,
    inputs: () => inputs,
    key: keyOf,
    stepFault: (before, input, transition) =>
      generationFault(before, input, transition) ??
      refreshFault(before, input) ??
      consumptionFault(before, input, transition) ??
      flowsFault(before, input, transition),
    stateFault: snapshotFault,
    label: (_, { effects }) => labelOf(effects),
  })
}

/** The key leaves out what no guard reads: the count of generations beyond the first, failures, and past times. */
function keyOf({ lease, flows, polls }: AuthState): string {
  const credential = credentialOf(lease)
  const entries = [...mapEntries(flows.entries)].map(([id, flow]) => `${id}/${JSON.stringify(flow)}`).toSorted()
  const asked = [...mapEntries(polls.asked)].map(([id]) => id).toSorted()
  return [
    lease.phase,
    lease.generation > 0,
    isDraining(lease),
    credential === undefined ? 'none' : (credential.expiresAt ?? 'never'),
    entries.join(' '),
    asked.join(' '),
  ].join('|')
}

const PUBLISHING: ReadonlySet<AuthInput['type']> = new Set(['Acquire', 'CompleteRefresh'])

/** Each published credential has a generation of its own. */
function generationFault(
  { lease: { generation } }: AuthState,
  { type }: AuthInput,
  { state }: Transition<AuthState, AuthEffect>,
): Fault | undefined {
  const after = state.lease.generation
  const isSound =
    type === 'RestoreCredentialLifecycle' ? after >= generation : after === generation + (PUBLISHING.has(type) ? 1 : 0)
  if (isSound) return undefined
  return {
    invariant: 'generations-count-credentials',
    text: `${type} took the generation from ${generation} to ${after}`,
  }
}

function refreshFault({ lease }: AuthState, { type }: AuthInput): Fault | undefined {
  if (type !== 'BeginRefresh' || lease.phase !== 'refreshing') return undefined
  return { invariant: 'one-refresh-at-a-time', text: 'a refresh began while another was under way' }
}

/** A flow is consumed once, in time, and only by the provider and redirect that it was started for. */
function consumptionFault(
  before: AuthState,
  input: AuthInput,
  { state }: Transition<AuthState, AuthEffect>,
): Fault | undefined {
  if (input.type !== 'ConsumeOAuthBrowserFlow' && input.type !== 'ConsumeOAuthDeviceFlow') return undefined
  const flow: OAuthFlow | undefined = mapGet(before.flows.entries, input.flowId)
  const isMeant =
    flow?.provider === input.provider &&
    input.now < flow.expiresAt &&
    (input.type === 'ConsumeOAuthDeviceFlow'
      ? flow.kind === 'device'
      : flow.kind === 'browser' && flow.redirectUri === input.redirectUri)
  if (isMeant && mapGet(state.flows.entries, input.flowId) === undefined) return undefined
  return {
    invariant: 'flows-are-consumed-as-started',
    text: `${input.type} took a flow that was not meant, or left it`,
  }
}

/** Flows are added one at a time, never during a release, and each is removed by its own id. */
function flowsFault(
  { lease, flows }: AuthState,
  input: AuthInput,
  { state }: Transition<AuthState, AuthEffect>,
): Fault | undefined {
  const grown = state.flows.entries.size - flows.entries.size
  if (grown > 0 && isDraining(lease))
    return {
      invariant: 'no-login-begins-in-a-release',
      text: `${input.type} admitted a flow to a lease being released`,
    }
  const named = 'flowId' in input ? input.flowId : undefined
  const lost = [...mapEntries(flows.entries)].some(
    ([id]) => id !== named && mapGet(state.flows.entries, id) === undefined,
  )
  return lost ? { invariant: 'flows-go-by-name', text: `${input.type} lost a flow that it does not name` } : undefined
}

function snapshotFault(state: AuthState): Fault | undefined {
  const text = encodeAuthState(state)
  const loaded = decoded(text)
  const isSame =
    loaded !== undefined &&
    encodeAuthState(loaded) === text &&
    keyOf({ ...state, polls: loaded.polls }) === keyOf(loaded) &&
    loaded.lease.generation === state.lease.generation
  return isSame
    ? undefined
    : { invariant: 'snapshots-are-faithful', text: 'a state differs after it was written and read' }
}

function decoded(text: string): AuthState | undefined {
  try {
    return decodeAuthState(text)
  } catch {
    return undefined
  }
}

/** Two bits for each flow: whether it was consumed, and whether it was cancelled. */
function labelOf(effects: readonly AuthEffect[]): number {
  let label = 0
  for (const effect of effects) {
    if (effect.type === 'OAuthFlowConsumed') label |= consumedBit(effect.flowId)
    if (effect.type === 'OAuthFlowExpired') label |= expiredBit(effect.flowId)
  }
  return label
}
const consumedBit = (id: OAuthFlowId): number => 1 << (2 * FLOW_IDS.indexOf(id))
const expiredBit = (id: OAuthFlowId): number => 2 << (2 * FLOW_IDS.indexOf(id))

/** Inputs by which a refresh goes on without a person who logs in. */
const REFRESHING: ReadonlySet<AuthInput['type']> = new Set([
  'ObserveCredentialFreshness',
  'BeginRefresh',
  'CompleteRefresh',
  'RefreshFailed',
])
/** Inputs by which a release goes on. */
const RELEASING: ReadonlySet<AuthInput['type']> = new Set([
  'ExpireOAuthBrowserFlow',
  'ExpireOAuthDeviceFlow',
  'Release',
])

/** A property that must stay possible, and the states that it concerns. */
interface Question {
  readonly property: AuthLivenessProperty
  readonly text: string
  /** Whether it is asked of this state. */
  readonly concerns: (state: AuthState) => boolean
  readonly isGoal: (graph: AuthGraph, edge: number) => boolean
  /** The inputs by which the goal has to be reachable; absent: all. */
  readonly by?: ReadonlySet<AuthInput['type']>
}

const leadsTo =
  (phase: Lease['phase']) =>
  (graph: AuthGraph, edge: number): boolean =>
    graph.states[graph.to.at(edge)]?.lease.phase === phase
const labelled =
  (bit: number) =>
  (graph: AuthGraph, edge: number): boolean =>
    (graph.labels.at(edge) & bit) !== 0

const QUESTIONS: readonly Question[] = [
  {
    property: 'leases-become-valid-again',
    text: 'the lease can never be valid again',
    concerns: () => true,
    isGoal: leadsTo('valid'),
  },
  {
    property: 'credentials-are-refreshed-without-a-login',
    text: 'a credential that may be refreshed can only be replaced by a login',
    concerns: ({ lease }) => ['expiring', 'expired', 'refreshing'].includes(lease.phase),
    isGoal: leadsTo('valid'),
    by: REFRESHING,
  },
  {
    property: 'releases-finish',
    text: 'a release that drains can never be done',
    concerns: ({ lease }) => isDraining(lease),
    isGoal: leadsTo('released'),
    by: RELEASING,
  },
  ...FLOW_IDS.flatMap((id): readonly Question[] => [
    {
      property: 'logins-can-be-completed',
      text: `${id} can't be completed`,
      concerns: ({ flows }) => mapGet(flows.entries, id) !== undefined,
      isGoal: labelled(consumedBit(id)),
      by: new Set(['ConsumeOAuthBrowserFlow', 'ConsumeOAuthDeviceFlow']),
    },
    {
      property: 'logins-can-be-called-off',
      text: `${id} can't be called off`,
      concerns: ({ flows }) => mapGet(flows.entries, id) !== undefined,
      isGoal: labelled(expiredBit(id)),
      by: new Set(['ExpireOAuthBrowserFlow', 'ExpireOAuthDeviceFlow']),
    },
  ]),
]

function checkAuthLiveness(configuration: string, graph: AuthGraph): AuthVerifyReport['liveness'] {
  const incoming = incomingOf(graph)
  const failures: Failure[] = []
  let checked = 0
  for (const { property, text, concerns, isGoal, by } of QUESTIONS) {
    const isAllowed = (edge: number): boolean => {
      const input = graph.inputs[graph.via.at(edge)]
      return by === undefined || (input !== undefined && by.has(input.type))
    }
    const reached = canReach(graph, incoming, edge => isAllowed(edge) && isGoal(graph, edge), isAllowed)
    const asked = graph.states.flatMap((state, number) => (concerns(state) ? [number] : []))
    checked += asked.length
    const trapped = asked.find(number => reached[number] === 0)
    if (trapped !== undefined) failures.push({ property, text, configuration, path: graph.pathTo(trapped) })
  }
  return { checked, failures }
}
