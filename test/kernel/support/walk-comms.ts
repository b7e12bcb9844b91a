/** What random walks say about peers, their traffic, and who supervises. */
import type {
  CommsInput,
  CommsRuntimeId,
  ContextInput,
  DrainInput,
  IngressInput,
  InteractionsInput,
  MobId,
  PeerCorrelationId,
  PeerEndpoint,
  PeerEnvelope,
  PeerId,
  StreamsInput,
  SupervisorIdentity,
  SupervisorInput,
  TrustInput,
} from 'meerkat-ts/kernel'
import type { Chance, Maker } from './walk.ts'

const correlated = ({ pick }: Chance): { readonly correlationId: PeerCorrelationId } => ({
  correlationId: pick('q0', 'q1', 'q2') as PeerCorrelationId,
})
const comms = ({ pick }: Chance): { readonly commsRuntimeId: CommsRuntimeId } => ({
  commsRuntimeId: pick('c0', 'c1') as CommsRuntimeId,
})
const endpoint = ({ pick }: Chance): { readonly endpoint: PeerEndpoint } => {
  const peerId = pick('p0', 'p1') as PeerId
  return { endpoint: { name: 'peer', peerId, address: pick('a', 'b'), signingKey: 'k' } }
}
const overlay = (chance: Chance) => ({
  overlayEpoch: chance.pick(1, 2, 3),
  endpoints: chance.pick<readonly PeerEndpoint[]>([], [endpoint(chance).endpoint]),
})
const dequeue = ({ pick }: Chance) => ({
  kind: pick('PlainEvent' as const, 'External' as const),
  auth: pick('Required' as const, 'SupervisorBridgeExempt' as const),
  queuedWork: pick(true, false),
})
const supervisor = ({ pick }: Chance): { readonly supervisor: SupervisorIdentity } => ({
  supervisor: { name: 's', peerId: 'p0' as PeerId, address: pick('a', 'b'), signingKey: 'k', epoch: pick(1, 2, 3) },
})
const claimed = ({ pick }: Chance) => ({
  supervisorPeerId: 'p0' as PeerId,
  supervisorEpoch: pick(1, 2),
  senderPeerId: pick('p0', 'p1') as PeerId,
})
const edge = ({ pick }: Chance): { readonly peerId: PeerId; readonly epoch: number } => ({
  peerId: 'p0' as PeerId,
  epoch: pick(1, 2, 3),
})
const rotation = ({ pick }: Chance): { readonly operationId: string } => ({ operationId: pick('x0', 'x1') })
const none = (): Record<never, never> => ({})

type Said =
  | CommsInput
  | ContextInput
  | DrainInput
  | IngressInput
  | InteractionsInput
  | StreamsInput
  | SupervisorInput
  | TrustInput

export const commsMakers: { readonly [Type in Said['type']]: Maker<Type> } = {
  AttachSessionIngress: chance => comms(chance),
  AttachMobIngress: chance => ({ ...comms(chance), mobId: chance.pick('m0', 'm1') as MobId }),
  DetachIngress: none,
  PublishLocalEndpoint: endpoint,
  ClearLocalEndpoint: none,
  AddDirectPeerEndpoint: endpoint,
  RemoveDirectPeerEndpoint: endpoint,
  ApplyMobPeerOverlay: overlay,
  AuthorizeSupervisorMobPeerOverlay: chance => ({
    ...overlay(chance),
    ...claimed(chance),
    recipientPeerId: 'p0' as PeerId,
    command: { kind: chance.pick('Wire', 'Unwire'), ...endpoint(chance) },
  }),
  PeerRequestSent: correlated,
  PeerResponseProgressArrived: correlated,
  PeerResponseTerminalArrived: chance => ({ ...correlated(chance), disposition: chance.pick('Completed', 'Failed') }),
  PeerResponseRejected: correlated,
  PeerRequestTimedOut: correlated,
  PeerRequestSendFailed: correlated,
  PeerRequestReceived: chance => ({ ...correlated(chance), lane: chance.pick('queue', 'steer') }),
  PeerResponseReplied: correlated,
  InteractionStreamReserved: correlated,
  InteractionStreamAttached: correlated,
  InteractionStreamCompleted: correlated,
  InteractionStreamExpired: correlated,
  InteractionStreamClosedEarly: correlated,
  InteractionStreamAbandoned: chance => ({ ...correlated(chance), reason: 'SendFailed' }),
  AdvanceSessionContext: ({ n, pick }) => ({ updatedAt: pick(n, 1) }),
  ClassifyExternalEnvelope: chance => ({
    itemId: correlated(chance).correlationId,
    fromPeer: 'peer',
    fromPeerId: 'p0' as PeerId,
    envelope: chance.pick<PeerEnvelope>(
      { kind: 'Message' },
      { kind: 'Request', intent: 'ping', intentClass: 'Other' },
      { kind: 'Request', intent: 'supervisor.bridge', intentClass: 'SupervisorBridge' },
      { kind: 'Lifecycle', lifecycle: 'PeerRetired', subject: 'x' },
      { kind: 'Response', status: 'Completed', inReplyTo: correlated(chance).correlationId },
    ),
  }),
  ClassifyPlainEvent: () => ({ sourceName: 'timer' }),
  ClassifyPeerResponseReply: ({ pick }) => ({ status: pick('Accepted', 'Completed', 'Failed') }),
  ResolvePeerIngressReceive: chance => ({
    ...dequeue(chance),
    trusted: chance.pick(true, false),
    queue: chance.pick('open', 'open', 'full', 'closed'),
  }),
  ResolvePeerIngressDequeue: dequeue,
  PeerProjectionReconciled: ({ state, pick }) => ({ epoch: pick(state.trust.epoch, 1) }),
  ResolveSupervisorBindAdmission: claimed,
  ResolveSupervisorBindMaterialAdmission: ({ pick }) => ({
    addressMatches: pick(true, false),
    senderMatchesSupervisor: pick(true, false),
    expectedPeerIdMatches: true,
    bootstrapTokenMatches: pick(true, false),
  }),
  BindSupervisor: supervisor,
  ResolveSupervisorAuthorizeAdmission: supervisor,
  AuthorizeSupervisor: supervisor,
  RefreshSupervisorBindingRoute: supervisor,
  RequestSupervisorTrustPublish: supervisor,
  SupervisorTrustEdgePublished: edge,
  SupervisorTrustEdgePublishFailed: chance => ({ ...edge(chance), reason: 'walk' }),
  RevokeSupervisor: edge,
  SupervisorTrustEdgeRevoked: edge,
  SupervisorTrustEdgeRevokeFailed: chance => ({ ...edge(chance), reason: 'walk' }),
  ResolveSupervisorBridgeCommandAdmission: claimed,
  ResolveSupervisorCleanupCommandAdmission: chance => ({
    ...claimed(chance),
    command: chance.pick('Retire', 'Observe', 'Destroy', 'Revoke'),
  }),
  SubmitSupervisorRotation: chance => ({
    ...rotation(chance),
    next: supervisor(chance).supervisor,
    senderPeerId: 'p0' as PeerId,
    senderSigningKey: 'k',
  }),
  SupervisorRotationPreviousRevoked: chance => ({ ...rotation(chance), ...edge(chance) }),
  SupervisorRotationNextPublished: chance => ({ ...rotation(chance), ...edge(chance) }),
  ResumeSupervisorRotation: rotation,
  ObserveSupervisorRotation: rotation,

  EnsureDrainRunning: none,
  SpawnDrain: ({ pick }) => ({ mode: pick('Timed', 'AttachedSession', 'PersistentHost') }),
  StopDrain: none,
  NotifyDrainExited: ({ pick }) => ({ reason: pick('IdleTimeout', 'Failed', 'SessionShutdown') }),
  SetPeerIngressContext: ({ pick }) => ({ keepAlive: pick(true, false) }),
}
