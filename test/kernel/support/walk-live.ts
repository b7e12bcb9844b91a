/** What random walks say about tool servers, realtime transports and live channels. */
import type {
  LiveInput as KernelLiveInput,
  LiveChannelId,
  LiveStatus,
  LiveToken,
  McpServerId,
  MeerkatInput,
  ProductTurnInput,
  RealtimeInput,
  SessionId,
  SurfaceId,
} from 'meerkat-ts/kernel'
import { mapGet } from '../../../src/kernel/persistent-map.ts'
import { boundEpoch } from '../../../src/kernel/regions/realtime/state.ts'
import { SESSION } from './play.ts'
import type { Chance, Maker } from './walk.ts'

const none = (): Record<never, never> => ({})
const server = ({ pick }: Chance): { readonly serverId: McpServerId } => ({
  serverId: pick('m0', 'm1') as McpServerId,
})

const surface = ({ pick }: Chance): { readonly surfaceId: SurfaceId } => ({ surfaceId: pick('x0', 'x1') as SurfaceId })
const held = (chance: Chance) => {
  const { surfaceId } = surface(chance)
  return { surfaceId, ...mapGet(chance.state.toolSurfaces.surfaces, surfaceId) }
}
const pending = (chance: Chance) => {
  const { surfaceId, pending: { sequence = 0, lineage = 0 } = {} } = held(chance)
  return { surfaceId, pendingTaskSequence: sequence, stagedIntentSequence: lineage + chance.pick(0, 0, 1) }
}
const connection = (chance: Chance) => {
  const { surfaceId, retiring = [] } = held(chance)
  const [generation] = retiring.map(one => one.generation)
  return { surfaceId, ...chance.pick({}, generation === undefined ? {} : { generation }) }
}

const authority = ({ state: { realtime }, pick }: Chance): { readonly authorityEpoch: number } => ({
  authorityEpoch: (boundEpoch(realtime.attachment) ?? 0) - pick(0, 0, 1),
})

const channel = ({ pick }: Chance): { readonly channelId: LiveChannelId } => ({
  channelId: pick('c0', 'c0', 'c1') as LiveChannelId,
})
const pair = (chance: Chance) => ({
  sessionId: chance.pick(SESSION, SESSION, 'other' as SessionId),
  ...channel(chance),
})
const token = ({ pick }: Chance): { readonly token: LiveToken } => ({ token: pick('k0', 'k1', 'k2') as LiveToken })
const issued = (chance: Chance) => ({
  ...pair(chance),
  ...token(chance),
  issuedAtMs: chance.n + 1,
  ttlMs: chance.pick(1, 9),
})
const presented = (chance: Chance) => ({ ...pair(chance), ...token(chance), observedAtMs: chance.n })

type LiveInput =
  | KernelLiveInput
  | RealtimeInput
  | ProductTurnInput
  | Extract<MeerkatInput, { readonly type: `McpServer${string}` | `Surface${string}` }>

export const liveMakers: { readonly [Type in LiveInput['type']]: Maker<Type> } = {
  McpServerConnectPending: server,
  McpServerConnected: server,
  McpServerFailed: chance => ({ ...server(chance), error: 'walk' }),
  McpServerDisconnected: server,
  McpServerReload: server,
  SurfaceRegister: surface,
  SurfaceSetRemovalTimeout: ({ pick }) => ({ timeoutMs: pick(0, 100) }),
  SurfaceStageAdd: surface,
  SurfaceStageRemove: surface,
  SurfaceStageReload: surface,
  SurfaceApplyBoundary: chance => {
    const { surfaceId, staged } = held(chance)
    return { surfaceId, nowMs: chance.n, stagedIntentSequence: staged?.sequence ?? 1, appliedAtTurn: chance.n }
  },
  SurfaceMarkPendingSucceeded: chance => ({ ...pending(chance), nowMs: chance.n, tools: ['t'] }),
  SurfaceMarkPendingFailed: chance => ({ ...pending(chance), cause: 'pending_failed' }),
  SurfaceCallStarted: connection,
  SurfaceCallFinished: connection,
  SurfaceFinalizeRemovalClean: surface,
  SurfaceFinalizeRemovalForced: connection,
  SurfaceSnapshotAligned: ({ state: { toolSurfaces }, pick }) => ({
    epoch: toolSurfaces.snapshotEpoch - pick(0, 0, 1),
  }),
  SurfaceShutdown: none,
  ProjectRealtimeIntent: ({ pick }) => ({ present: pick(true, false) }),
  BeginRealtimeBinding: none,
  ReplaceRealtimeBinding: none,
  DetachRealtimeBinding: none,
  RequireRealtimeReattach: none,
  RequireRealtimeReattachForAuthority: authority,
  PublishRealtimeSignal: chance => ({
    ...authority(chance),
    nextBindingState: chance.pick('BindingNotReady', 'BindingReady', 'ReplacementPending'),
  }),
  BeginRealtimeReconnectCycle: ({ n, pick }) => pick({}, { nextRetryAtMs: n, deadlineAtMs: n + 1 }),
  ScheduleRealtimeReconnectRetry: ({ n, pick }) => pick({}, { nextRetryAtMs: n }),
  ExhaustRealtimeReconnectCycle: none,
  ClearRealtimeReconnectProgress: none,
  BeginLiveTopologyReconfigure: authority,
  MarkLiveTopologyDetached: none,
  ApplyLiveTopologyIdentity: none,
  ApplyLiveTopologyVisibility: none,
  CompleteLiveTopology: none,
  AbortLiveTopologyBeforeDetach: none,
  FailLiveTopologyAfterDetach: none,
  ProductTurnInFlight: none,
  ProductTurnCommitted: none,
  ProductOutputStarted: none,
  ProductTurnInterrupted: none,
  ProductTurnTerminal: none,
  RealtimeProjectionAdvanceObserved: ({ n, pick }) => ({ advancedAtMs: n - pick(0, 1, 2) }),
  RealtimeProjectionRefreshed: ({ n, pick }) => ({ observedMs: n - pick(0, 1, 2) }),
  RealtimeProjectionReset: ({ n, pick }) => ({ baselineMs: n - pick(0, 1, 2) }),
  ClassifyRealtimeClientInputSubmitted: none,
  ClassifyRealtimeMidTurnActivity: none,
  ClassifyRealtimeTurnTerminated: none,
  ResolveLiveOpenAdmission: chance => ({ ...pair(chance), llmIdentity: { provider: 'p', model: 'm' } }),
  AbandonLiveOpenAdmission: pair,
  RecordLiveRefreshQueued: chance => ({ ...channel(chance), queueAcceptanceSequence: chance.n }),
  RecordLiveCloseClosed: chance => ({ ...pair(chance), closeObservationSequence: chance.n }),
  RecordLiveCommandAccepted: chance => ({
    ...channel(chance),
    command: chance.pick('SendInput', 'Interrupt'),
    commandAcceptanceSequence: chance.pick(chance.n, 1),
  }),
  RecordLiveCommandRejected: chance => ({
    ...channel(chance),
    command: 'CommitInput',
    rejection: chance.pick('ChannelNotFound', 'AdapterError'),
  }),
  RecordLiveChannelRequestRejected: chance => ({
    ...channel(chance),
    request: 'Status',
    rejection: chance.pick('InvalidPayload', 'InternalHostError'),
  }),
  RecordLiveChannelStatus: chance => ({
    ...channel(chance),
    statusObservationSequence: chance.n,
    ...chance.pick<LiveStatus>({ status: 'Ready' }, { status: 'Degraded', degradationReason: 'RateLimited' }),
  }),
  RecordLiveWebrtcTokenIssued: issued,
  RecordLiveWebsocketTokenIssued: issued,
  ResolveLiveWebrtcAnswerAdmission: presented,
  ResolveLiveWebsocketTokenAdmission: presented,
  RecordLiveWebrtcAnswerAccepted: chance => ({ ...pair(chance), answerObservationSequence: chance.n }),
}
