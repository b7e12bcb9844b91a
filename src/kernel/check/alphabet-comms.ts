/** Inputs of peers and their traffic, for configurations. */
import type { CommsRuntimeId, MobId, PeerCorrelationId, PeerId } from '../ids.ts'
import type { MeerkatInput } from '../inputs.ts'
import type { PeerEnvelope } from '../regions/comms/input.ts'
import type { SupervisorIdentity } from '../regions/supervisor/state.ts'
import type { PeerEndpoint } from '../regions/trust/state.ts'

type Inputs = readonly MeerkatInput[]

/** Everything that can happen to a comms drain. */
export const drains: Inputs = [
  { type: 'EnsureDrainRunning' },
  { type: 'SpawnDrain', mode: 'Timed' },
  { type: 'SpawnDrain', mode: 'PersistentHost' },
  { type: 'StopDrain' },
  { type: 'NotifyDrainExited', reason: 'IdleTimeout' },
  { type: 'NotifyDrainExited', reason: 'Failed' },
  { type: 'SetPeerIngressContext', keepAlive: true },
]

const runtime = (name: string): CommsRuntimeId => name as CommsRuntimeId
const mob = (name: string): MobId => name as MobId

export const ingresses: Inputs = [
  { type: 'AttachSessionIngress', commsRuntimeId: runtime('c') },
  { type: 'AttachSessionIngress', commsRuntimeId: runtime('d') },
  { type: 'AttachMobIngress', commsRuntimeId: runtime('c'), mobId: mob('m') },
  { type: 'AttachMobIngress', commsRuntimeId: runtime('c'), mobId: mob('n') },
  { type: 'DetachIngress' },
]

const peer = (name: string): PeerId => name as PeerId
const endpoint = (name: string, address = 'a'): PeerEndpoint => ({
  name,
  peerId: peer(name),
  address,
  signingKey: name,
})

/** Two peers, one of them also at another address, and overlays in two epochs. */
export const peers: Inputs = [
  { type: 'PublishLocalEndpoint', endpoint: endpoint('me') },
  { type: 'ClearLocalEndpoint' },
  ...(['AddDirectPeerEndpoint', 'RemoveDirectPeerEndpoint'] as const).flatMap(
    (type): Inputs => [
      { type, endpoint: endpoint('p') },
      { type, endpoint: endpoint('p', 'b') },
    ],
  ),
  ...[1, 2].flatMap(
    (overlayEpoch): Inputs => [
      { type: 'ApplyMobPeerOverlay', overlayEpoch, endpoints: [] },
      { type: 'ApplyMobPeerOverlay', overlayEpoch, endpoints: [endpoint('p'), endpoint('q')] },
    ],
  ),
]

export const reconciliations: Inputs = [1, 2, 3].map(epoch => ({ type: 'PeerProjectionReconciled', epoch }))

const correlation = (name: string): PeerCorrelationId => name as PeerCorrelationId

/** Everything that can happen to one request of the session and one of a peer. */
export const exchanges: Inputs = [
  ...(
    [
      'PeerRequestSent',
      'PeerResponseProgressArrived',
      'PeerResponseRejected',
      'PeerRequestTimedOut',
      'PeerRequestSendFailed',
      'PeerResponseReplied',
    ] as const
  ).map((type): MeerkatInput => ({ type, correlationId: correlation('x') })),
  { type: 'PeerResponseTerminalArrived', correlationId: correlation('x'), disposition: 'Completed' },
  { type: 'PeerResponseTerminalArrived', correlationId: correlation('x'), disposition: 'Failed' },
  { type: 'PeerRequestReceived', correlationId: correlation('x'), lane: 'queue' },
  { type: 'PeerRequestReceived', correlationId: correlation('x'), lane: 'steer' },
]

export const streamsOf = (name: string): Inputs => {
  const correlationId = correlation(name)
  return [
    { type: 'InteractionStreamReserved', correlationId },
    { type: 'InteractionStreamAttached', correlationId },
    { type: 'InteractionStreamCompleted', correlationId },
    { type: 'InteractionStreamExpired', correlationId },
    { type: 'InteractionStreamClosedEarly', correlationId },
    { type: 'InteractionStreamAbandoned', correlationId, reason: 'SendFailed' },
  ]
}

export const contexts: Inputs = [1, 2].map(updatedAt => ({ type: 'AdvanceSessionContext', updatedAt }))

const sent: readonly PeerEnvelope[] = [
  { kind: 'Message' },
  { kind: 'Ack', inReplyTo: correlation('x') },
  ...(['MobPeerAdded', 'MobPeerRetired', 'MobPeerUnwired'] as const).flatMap((intentClass): readonly PeerEnvelope[] => [
    { kind: 'Request', intent: 'i', intentClass, subject: 'p' },
    { kind: 'Request', intent: 'i', intentClass },
  ]),
  ...(['SupervisorBridge', 'Other'] as const).flatMap((intentClass): readonly PeerEnvelope[] => [
    { kind: 'Request', intent: 'hush', intentClass },
    { kind: 'Request', intent: 'i', intentClass },
  ]),
  ...(['PeerAdded', 'PeerRetired', 'PeerUnwired'] as const).map(
    (lifecycle): PeerEnvelope => ({ kind: 'Lifecycle', lifecycle, subject: 'p' }),
  ),
  ...(['Accepted', 'Completed', 'Failed'] as const).map(
    (status): PeerEnvelope => ({ kind: 'Response', status, inReplyTo: correlation('x') }),
  ),
]

/** Every envelope, and every question about what comes in and what is taken out. */
export const traffic: Inputs = [
  ...sent.map(
    (envelope): MeerkatInput => ({
      type: 'ClassifyExternalEnvelope',
      itemId: correlation('i'),
      fromPeer: 'p',
      fromPeerId: peer('p'),
      envelope,
    }),
  ),
  { type: 'ClassifyPlainEvent', sourceName: 'e' },
  { type: 'ClassifyPeerResponseReply', status: 'Accepted' },
  ...(['PlainEvent', 'External'] as const).flatMap(kind =>
    (['Required', 'SupervisorBridgeExempt'] as const).flatMap(auth =>
      [true, false].flatMap(
        (queuedWork): Inputs => [
          { type: 'ResolvePeerIngressDequeue', kind, auth, queuedWork },
          ...(['open', 'full', 'closed'] as const).flatMap(queue =>
            [true, false].map(
              (trusted): MeerkatInput => ({
                type: 'ResolvePeerIngressReceive',
                kind,
                auth,
                trusted,
                queuedWork,
                queue,
              }),
            ),
          ),
        ],
      ),
    ),
  ),
]

const supervisor = (name: string, epoch: number, address = 'a'): SupervisorIdentity => ({
  ...endpoint(name, address),
  epoch,
})
const first = supervisor('s', 1)
const newer = supervisor('s', 2)
const other = supervisor('u', 2)
const sender = (name: string) => ({ senderPeerId: peer(name), senderSigningKey: name })
const edges = [first, newer, other].map(({ peerId, epoch }) => ({ peerId, epoch }))

const claims = [
  { supervisorPeerId: peer('s'), supervisorEpoch: 1, senderPeerId: peer('s') },
  { supervisorPeerId: peer('s'), supervisorEpoch: 1, senderPeerId: peer('p') },
  { supervisorPeerId: peer('s'), supervisorEpoch: 9, senderPeerId: peer('s') },
]

const rotations: Inputs = [
  { type: 'SubmitSupervisorRotation', operationId: 'o', next: other, ...sender('s') },
  { type: 'SubmitSupervisorRotation', operationId: 'o', next: newer, ...sender('s') },
  { type: 'SubmitSupervisorRotation', operationId: 'o', next: first, ...sender('s') },
  { type: 'SubmitSupervisorRotation', operationId: 'o', next: supervisor('u', 1), ...sender('s') },
  { type: 'SubmitSupervisorRotation', operationId: 'o', next: other, ...sender('p') },
  { type: 'SubmitSupervisorRotation', operationId: 'o', next: other, preflight: 'InvalidTarget', ...sender('s') },
  { type: 'SubmitSupervisorRotation', operationId: 'p', next: supervisor('s', 3), ...sender('u') },
  { type: 'SupervisorRotationPreviousRevoked', operationId: 'p', peerId: peer('u'), epoch: 2 },
  ...edges.flatMap(
    (edge): Inputs => [
      { type: 'SupervisorRotationPreviousRevoked', operationId: 'o', ...edge },
      { type: 'SupervisorRotationNextPublished', operationId: 'o', ...edge },
    ],
  ),
  { type: 'ResumeSupervisorRotation', operationId: 'o' },
  { type: 'ObserveSupervisorRotation', operationId: 'o', ...sender('s') },
  { type: 'ObserveSupervisorRotation', operationId: 'o', ...sender('p') },
]

/** A supervisor in two epochs, another one, and everything that can be asked about them. */
export const supervision: Inputs = [
  ...claims.flatMap(
    (claim): Inputs => [
      { type: 'ResolveSupervisorBindAdmission', ...claim },
      { type: 'ResolveSupervisorBridgeCommandAdmission', ...claim },
      ...(['Retire', 'Revoke'] as const).map(
        (command): MeerkatInput => ({ type: 'ResolveSupervisorCleanupCommandAdmission', command, ...claim }),
      ),
    ],
  ),
  ...[0, 1, 2, 3, 4].map(
    (wrong): MeerkatInput => ({
      type: 'ResolveSupervisorBindMaterialAdmission',
      addressMatches: wrong !== 0,
      senderMatchesSupervisor: wrong !== 1,
      expectedPeerIdMatches: wrong !== 2,
      bootstrapTokenMatches: wrong !== 3,
    }),
  ),
  { type: 'BindSupervisor', supervisor: first },
  ...[first, newer, other, supervisor('s', 0)].flatMap(
    (one): Inputs => [
      { type: 'ResolveSupervisorAuthorizeAdmission', supervisor: one, ...sender('s') },
      { type: 'ResolveSupervisorAuthorizeAdmission', supervisor: one, ...sender('p') },
      { type: 'AuthorizeSupervisor', supervisor: one },
      { type: 'RequestSupervisorTrustPublish', supervisor: one },
    ],
  ),
  { type: 'RefreshSupervisorBindingRoute', supervisor: supervisor('s', 1, 'b'), ...sender('s') },
  ...edges.flatMap(
    (edge): Inputs => [
      { type: 'SupervisorTrustEdgePublished', ...edge },
      { type: 'SupervisorTrustEdgePublishFailed', ...edge, reason: 'no' },
      { type: 'RevokeSupervisor', ...edge },
      { type: 'SupervisorTrustEdgeRevoked', ...edge },
      { type: 'SupervisorTrustEdgeRevokeFailed', ...edge, reason: 'no' },
    ],
  ),
  ...rotations,
]

/** A supervisor's overlay for a mob's wiring: right, of a former epoch, for another peer, and contradicting its command. */
export const supervisedOverlays: Inputs = [1, 2].flatMap(overlayEpoch =>
  [
    { command: { kind: 'Wire', endpoint: endpoint('p') } as const, supervisorEpoch: 1, recipientPeerId: peer('me') },
    { command: { kind: 'Wire', endpoint: endpoint('q') } as const, supervisorEpoch: 1, recipientPeerId: peer('me') },
    { command: { kind: 'Unwire', endpoint: endpoint('q') } as const, supervisorEpoch: 1, recipientPeerId: peer('me') },
    { command: { kind: 'Wire', endpoint: endpoint('p') } as const, supervisorEpoch: 9, recipientPeerId: peer('me') },
    { command: { kind: 'Wire', endpoint: endpoint('p') } as const, supervisorEpoch: 1, recipientPeerId: peer('p') },
  ].map(
    (more): MeerkatInput => ({
      type: 'AuthorizeSupervisorMobPeerOverlay',
      supervisorPeerId: peer('s'),
      overlayEpoch,
      endpoints: [endpoint('p')],
      ...more,
    }),
  ),
)
