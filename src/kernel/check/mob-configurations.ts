/**
 * The bounded worlds in which the mob machine is explored. Together with those of its flows (mob-flow-configurations.ts)
 * they take every edge of it.
 *
 * Sessions are not simulated here: they may answer anything at any time. What real sessions answer is explored in
 * mob-seam.ts. Few ids are enough because guards only compare them, and two incarnations because a late report is one of
 * the incarnation before. The topology epoch is no part of a state's key: no guard reads it.
 */
import type { AgentRuntimeId, PeerId, SessionId } from '../ids.ts'
import type { AgentIdentity, FlowRunId, WorkId } from '../mob/ids.ts'
import type { MobInput } from '../mob/inputs.ts'
import { SESSION_NOT_REGISTERED } from '../mob/roster/state.ts'
import type { MobState } from '../mob/state.ts'
import { mapGet } from '../persistent-map.ts'
import type { PeerEndpoint } from '../regions/trust/state.ts'

export interface MobConfiguration {
  readonly name: string
  /** What is explored, why it is bounded so, and why that is enough. */
  readonly about: string
  /** The inputs before the walk. */
  readonly prefix: readonly MobInput[]
  readonly inputs: (state: MobState) => readonly MobInput[]
}

/** A member with a session. */
export const a = 'a' as AgentIdentity
/** A peer without one. */
export const b = 'b' as AgentIdentity
export const sessionId = 's' as SessionId
export const runId = 'f' as FlowRunId
const workId = 'w' as WorkId
export const profile = 'worker'
export const digest = 'd'
export const reason = 'asked'

export interface Incarnation {
  readonly identity: AgentIdentity
  readonly runtimeId: AgentRuntimeId
  readonly fence: number
}
/** The member with a session, by generation. */
const incarnation = (generation: 1 | 2): Incarnation => ({
  identity: a,
  runtimeId: `a${generation}` as AgentRuntimeId,
  fence: generation,
})
export const first = incarnation(1)
const second = incarnation(2)
export const peer = { identity: b, runtimeId: 'b1' as AgentRuntimeId, fence: 1 }
export const peerWithProfile = { profile, digest, addressable: false }

export const lifecycle: readonly MobInput[] = [
  { type: 'Stop' },
  { type: 'Resume' },
  { type: 'Complete' },
  { type: 'Reset' },
  { type: 'Destroy' },
]
export const coordinator: readonly MobInput[] = [{ type: 'BindCoordinator' }, { type: 'UnbindCoordinator' }]

export const authorized: MobInput = { type: 'AuthorizeSpawnProfile', identity: a, profile, digest, addressable: true }

export const spawning: readonly MobInput[] = [
  {
    type: 'BeginSpawnExec',
    ...first,
    generation: 1,
    digest,
    addressable: true,
    mode: 'autonomousHost',
    sessionId,
  },
  { type: 'CommitSpawnMembership', ...first, generation: 1, sessionId },
  { type: 'CommitSpawnActivation', identity: a },
]
const respawn: MobInput = {
  type: 'Respawn',
  identity: a,
  runtimeId: second.runtimeId,
  mode: 'turnDriven',
  sessionId,
}
const recommit: MobInput = { type: 'CommitSpawnMembership', ...second, generation: 2, sessionId }

export const retire = (generation: 1 | 2): MobInput => ({
  type: 'Retire',
  identity: a,
  runtimeId: incarnation(generation).runtimeId,
  generation,
  sessionId,
})
export const release: MobInput = {
  type: 'Retire',
  identity: a,
  runtimeId: first.runtimeId,
  generation: 1,
  sessionId,
  releasing: true,
}
export const detached: MobInput = { type: 'ObserveSessionIngressDetached', sessionId, runtimeId: first.runtimeId }
export const restore: MobInput = { type: 'RestoreBinding', ...first }
export const submitted: MobInput = { type: 'SubmitWork', ...first, workId, origin: 'external' }

/** Reports about a runtime, of an old incarnation as well as of the current one. */
const heard = (of: Incarnation): readonly MobInput[] => {
  const { identity, runtimeId, fence } = of
  const refusal = { identity, runtimeId, sessionId, code: 'guard-rejected', reason }
  return [
    { type: 'ObserveRuntimeReady', runtimeId, fence },
    { type: 'ObserveRuntimeRetired', runtimeId, fence },
    { type: 'ObserveRuntimeDestroyed', runtimeId, fence },
    { type: 'ResolveRuntimeBindingRefusal', ...refusal },
    { type: 'ResolveRuntimeRetireRefusal', ...refusal },
    { type: 'ResolveRuntimeRetireRefusal', ...refusal, code: SESSION_NOT_REGISTERED },
    { type: 'RestoreBinding', ...of },
  ]
}

/** With a second incarnation, and no third. */
export function withRespawn(inputs: readonly MobInput[]): MobConfiguration['inputs'] {
  const all = [...inputs, respawn, recommit, retire(2)]
  return ({ roster }) => ((mapGet(roster.last, a)?.generation ?? 0) < 2 ? all : all.filter(one => one !== respawn))
}

const members: MobConfiguration = {
  name: 'mob-members',
  about:
    'One identity through two incarnations: every way to come, to be refused, to leave and to come back, in every phase of the mob, with words of the older incarnation heard during the newer. Identities do not see each other but for wiring, so one is enough.',
  prefix: [],
  inputs: withRespawn([
    ...lifecycle,
    ...coordinator,
    authorized,
    ...spawning,
    { type: 'AbortSpawnExec', identity: a },
    { type: 'CancelPendingSpawn', identity: a },
    retire(1),
    release,
    detached,
    ...heard(first),
    ...heard(second),
  ]),
}

/** A mob with a member of each sort. */
export const both: readonly MobInput[] = [
  { type: 'BindCoordinator' },
  authorized,
  ...spawning,
  { type: 'ObserveRuntimeReady', runtimeId: first.runtimeId, fence: 1 },
  { type: 'AuthorizeSpawnProfile', identity: b, ...peerWithProfile },
  { type: 'BeginSpawnExec', ...peer, generation: 1, digest, addressable: false, mode: 'turnDriven' },
  { type: 'CommitSpawnMembership', ...peer, generation: 1 },
  { type: 'CommitSpawnActivation', identity: b },
]

const workOf = (of: Incarnation): readonly MobInput[] => {
  const { runtimeId, fence } = of
  const refused = { runtimeId, fence, sessionId, workId, origin: 'internal', code: 'guard-rejected', reason } as const
  return [
    { type: 'SubmitWork', ...of, workId, origin: 'internal' },
    { type: 'SubmitWork', ...of, workId, origin: 'external' },
    { type: 'ResolveRuntimeIngressRefusal', ...refused },
    { type: 'ObserveWorkSettled', runtimeId, fence, workId },
    { type: 'CancelAllWork', ...of },
  ]
}

const pairs: MobConfiguration = {
  name: 'mob-pairs',
  about:
    'A member with a session and a peer without one: their edge, their work, and what becomes of both when either leaves, breaks, or the mob ends. Two members are what an edge has.',
  prefix: both,
  inputs: () => pairInputs,
}
const pairInputs: readonly MobInput[] = [
  ...lifecycle,
  { type: 'WireMembers', a, b },
  { type: 'WireMembers', a: b, b: a, withTrust: true },
  { type: 'UnwireMembers', a, b },
  ...workOf(first),
  ...workOf(peer),
  retire(1),
  { type: 'Retire', identity: b, runtimeId: peer.runtimeId, generation: 1 },
  ...heard(first),
  // A member whose session was given back, in a mob that ends with the other member.
  release,
  detached,
  { type: 'ObserveRuntimeDestroyed', runtimeId: peer.runtimeId, fence: 1 },
  { type: 'ObserveRuntimeRetired', runtimeId: peer.runtimeId, fence: 1 },
]

/** A peer outside the mob. */
const x = 'x' as AgentIdentity
const endpointOf = (name: string, address = `inproc://${name}`): PeerEndpoint => ({
  name,
  peerId: name as PeerId,
  address,
  signingKey: 'k',
})
const outside = { external: x, endpoint: endpointOf('x') }
const peerAgain = { identity: b, runtimeId: 'b2' as AgentRuntimeId }

const replaced: MobConfiguration = {
  name: 'mob-replaced',
  about:
    'Two members that leave and are spawned again, in place of their last incarnation or afresh, wired to each other and to a peer outside the mob, whose name nobody may take meanwhile. Two incarnations each.',
  prefix: [...both, { type: 'AuthorizeSpawnProfile', identity: x, ...peerWithProfile }],
  inputs: ({ roster }) =>
    replacedInputs.filter(
      input => input.type !== 'Respawn' || (mapGet(roster.last, input.identity)?.generation ?? 0) < 2,
    ),
}
const replacedInputs: readonly MobInput[] = [
  { type: 'Complete' },
  { type: 'Reset' },
  { type: 'Stop' },
  { type: 'Resume' },
  { type: 'WireMembers', a, b },
  { type: 'UnwireMembers', a, b },
  { type: 'PublishMemberEndpoint', ...second, endpoint: endpointOf('a') },
  ...[1, 2].flatMap(fenceA =>
    [1, 2].map((fenceB): MobInput => ({ type: 'ObserveMemberTrustWired', a, b, fenceA, fenceB })),
  ),
  { type: 'WireExternalPeer', identity: a, ...outside },
  { type: 'WireExternalPeer', identity: b, ...outside },
  { type: 'WireExternalPeer', identity: b, ...outside, endpoint: endpointOf('x', 'inproc://y') },
  { type: 'UnwireExternalPeer', identity: a, external: x },
  { type: 'UnwireExternalPeer', identity: b, external: x },
  retire(1),
  { type: 'ObserveRuntimeReady', runtimeId: second.runtimeId, fence: 2 },
  { type: 'ObserveRuntimeRetired', runtimeId: first.runtimeId, fence: 1 },
  { type: 'ObserveRuntimeRetired', runtimeId: peer.runtimeId, fence: 1 },
  { type: 'ObserveRuntimeRetired', runtimeId: second.runtimeId, fence: 2 },
  { type: 'ObserveRuntimeRetired', runtimeId: peerAgain.runtimeId, fence: 2 },
  respawn,
  recommit,
  { type: 'Respawn', ...peerAgain, mode: 'turnDriven' },
  { type: 'CommitSpawnMembership', ...peerAgain, fence: 2, generation: 2 },
  { type: 'CommitSpawnActivation', identity: a },
  { type: 'CommitSpawnActivation', identity: b },
  { type: 'BeginSpawnExec', ...second, generation: 2, digest, addressable: true, mode: 'turnDriven', sessionId },
  {
    type: 'BeginSpawnExec',
    identity: x,
    runtimeId: 'x1' as AgentRuntimeId,
    fence: 1,
    generation: 1,
    digest,
    addressable: false,
    mode: 'turnDriven',
  },
  { type: 'CancelPendingSpawn', identity: x },
]

const kickoffOf = (of: Incarnation): readonly MobInput[] => [
  { type: 'MarkKickoffPending', ...of },
  { type: 'MarkKickoffStarting', ...of },
  { type: 'MarkKickoffCallbackPending', ...of },
  { type: 'MarkKickoffStarted', ...of },
  { type: 'MarkKickoffFailed', ...of, error: reason },
  { type: 'CancelKickoff', ...of },
]

const kickoffs: MobConfiguration = {
  name: 'mob-kickoffs',
  about:
    'The kickoff of one member in every order of words about it, in every phase of the mob, until the member leaves, is replaced, or the mob ends. A member that is only given turns has none.',
  prefix: both,
  inputs: withRespawn([
    ...lifecycle,
    ...kickoffOf(first),
    ...kickoffOf(second),
    ...kickoffOf(peer),
    retire(1),
    ...[first, second, peer].map(
      ({ runtimeId, fence }): MobInput => ({ type: 'ObserveRuntimeRetired', runtimeId, fence }),
    ),
    { type: 'ObserveRuntimeReady', runtimeId: second.runtimeId, fence: 2 },
    { type: 'ObserveRuntimeDestroyed', runtimeId: first.runtimeId, fence: 1 },
  ]),
}

export const mobConfigurations: readonly MobConfiguration[] = [members, kickoffs, pairs, replaced]
