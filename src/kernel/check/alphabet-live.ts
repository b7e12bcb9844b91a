/** Inputs of connections, tool servers and realtime channels, for configurations. */
import type { LiveChannelId, LiveToken, McpServerId, SessionId, SurfaceId } from '../ids.ts'
import type { MeerkatInput } from '../inputs.ts'
import { mapGet } from '../persistent-map.ts'
import { liveRecordOf } from '../regions/live/state.ts'
import { boundEpoch } from '../regions/realtime/state.ts'
import type { Surface } from '../regions/tool-surfaces/state.ts'
import type { MeerkatState } from '../state.ts'
import { sessionId } from './alphabet.ts'

type Inputs = readonly MeerkatInput[]

/** Everything that can happen to the connection to one MCP server. */
export function mcpServersOf(name: string): Inputs {
  const serverId = name as McpServerId
  return [
    { type: 'McpServerConnectPending', serverId },
    { type: 'McpServerConnected', serverId },
    { type: 'McpServerFailed', serverId, error: 'no' },
    { type: 'McpServerDisconnected', serverId },
    { type: 'McpServerReload', serverId },
  ]
}

/** Inputs that contain a number of the present state. Equal inputs are the same object, so that the explorer can number them. */
class Minted {
  readonly #known = new Map<string, MeerkatInput>()

  one(input: MeerkatInput): MeerkatInput {
    const words = JSON.stringify(input)
    const known = this.#known.get(words)
    if (known !== undefined) return known
    this.#known.set(words, input)
    return input
  }
}
const minted = new Minted()

const surfaceId = 'x' as SurfaceId
const changes: Inputs = [
  { type: 'SurfaceRegister', surfaceId },
  { type: 'SurfaceSetRemovalTimeout', timeoutMs: 1 },
  { type: 'SurfaceStageAdd', surfaceId },
  { type: 'SurfaceStageRemove', surfaceId },
  { type: 'SurfaceStageReload', surfaceId },
  { type: 'SurfaceFinalizeRemovalClean', surfaceId },
  { type: 'SurfaceFinalizeRemovalForced', surfaceId },
  { type: 'SurfaceShutdown' },
]
const call: MeerkatInput = { type: 'SurfaceCallStarted', surfaceId }

function callsUnderWay({ base, retiring }: Surface): number {
  const serving = 'serving' in base ? base.serving.inflight : 0
  return retiring.reduce((sum, { inflight }) => sum + inflight, serving)
}

/** Inputs with the surface's present numbers, and with earlier ones. */
function numbered({ staged, pending, retiring }: Surface): Inputs {
  const boundary = { nowMs: 1, appliedAtTurn: 1 }
  const generations = [undefined, ...retiring.map(({ generation }) => generation)]
  const { sequence = 0, lineage = 0 } = pending ?? {}
  return [
    { type: 'SurfaceApplyBoundary', surfaceId, stagedIntentSequence: staged?.sequence ?? 0, ...boundary },
    ...[sequence, 0].flatMap(
      (pendingTaskSequence): Inputs => [
        {
          type: 'SurfaceMarkPendingSucceeded',
          surfaceId,
          pendingTaskSequence,
          stagedIntentSequence: lineage,
          nowMs: 1,
          tools: ['t'],
        },
        {
          type: 'SurfaceMarkPendingFailed',
          surfaceId,
          pendingTaskSequence,
          stagedIntentSequence: lineage,
          cause: 'pending_failed',
        },
      ],
    ),
    ...generations.flatMap(
      (generation): Inputs => [
        { type: 'SurfaceCallFinished', surfaceId, ...(generation !== undefined && { generation }) },
        { type: 'SurfaceFinalizeRemovalForced', surfaceId, ...(generation !== undefined && { generation }) },
      ],
    ),
  ]
}

/** Everything that can happen to one surface, with this many calls under way at most. */
export function surfaceInputs({ toolSurfaces }: MeerkatState, maxCalls: number): Inputs {
  const surface = mapGet(toolSurfaces.surfaces, surfaceId)
  const { snapshotEpoch, alignedEpoch } = toolSurfaces
  const epochs = [...new Set([snapshotEpoch, alignedEpoch - 1, snapshotEpoch + 1])]
  const aligned = epochs.map((epoch): MeerkatInput => minted.one({ type: 'SurfaceSnapshotAligned', epoch }))
  if (surface === undefined) return [...changes, call, ...aligned]
  const pins = surface.retiring.map(({ generation }): MeerkatInput => ({ ...call, generation }) as MeerkatInput)
  const calls = callsUnderWay(surface) < maxCalls || surface.base.state !== 'Active' ? [call, ...pins] : []
  return [...changes, ...aligned, ...[...calls, ...numbered(surface)].map(one => minted.one(one))]
}

/** A change of model under a binding. */
const topologies: Inputs = [
  { type: 'MarkLiveTopologyDetached' },
  { type: 'ApplyLiveTopologyIdentity' },
  { type: 'ApplyLiveTopologyVisibility' },
  { type: 'CompleteLiveTopology' },
  { type: 'AbortLiveTopologyBeforeDetach' },
  { type: 'FailLiveTopologyAfterDetach' },
]
const attachments: Inputs = [
  ...topologies,
  { type: 'BeginRealtimeBinding' },
  { type: 'ReplaceRealtimeBinding' },
  { type: 'DetachRealtimeBinding' },
  { type: 'RequireRealtimeReattach' },
  { type: 'ProjectRealtimeIntent', present: true },
  { type: 'BeginRealtimeReconnectCycle', nextRetryAtMs: 1, deadlineAtMs: 2 },
  { type: 'ScheduleRealtimeReconnectRetry', nextRetryAtMs: 2 },
  { type: 'ExhaustRealtimeReconnectCycle' },
  { type: 'ClearRealtimeReconnectProgress' },
]
const bindingStates = ['BindingNotReady', 'BindingReady', 'ReplacementPending'] as const

/** Everything that can happen to a realtime attachment, with the current authority epoch and with an unknown one. */
export function realtimeInputs({ realtime: { attachment } }: MeerkatState): Inputs {
  const spoken = [boundEpoch(attachment) ?? 1, 0].flatMap(
    (authorityEpoch): Inputs => [
      { type: 'RequireRealtimeReattachForAuthority', authorityEpoch },
      { type: 'BeginLiveTopologyReconfigure', authorityEpoch },
      ...bindingStates.map(
        (nextBindingState): MeerkatInput => ({ type: 'PublishRealtimeSignal', authorityEpoch, nextBindingState }),
      ),
    ],
  )
  return [...attachments, ...spoken.map(one => minted.one(one))]
}

const productTurns: Inputs = [
  { type: 'ProductTurnInFlight' },
  { type: 'ProductTurnCommitted' },
  { type: 'ProductOutputStarted' },
  { type: 'ProductTurnInterrupted' },
  { type: 'ProductTurnTerminal' },
  { type: 'ClassifyRealtimeClientInputSubmitted' },
  { type: 'ClassifyRealtimeMidTurnActivity' },
  { type: 'ClassifyRealtimeTurnTerminated' },
]

/** Everything that can happen to a product turn, and times at the frontier and on both sides of it. */
export function productTurnInputs({ productTurn: { frontierMs } }: MeerkatState): Inputs {
  const times = [frontierMs - 1, frontierMs, frontierMs + 1].flatMap(
    (at): Inputs => [
      { type: 'RealtimeProjectionAdvanceObserved', advancedAtMs: at },
      { type: 'RealtimeProjectionRefreshed', observedMs: at },
      { type: 'RealtimeProjectionReset', baselineMs: at },
    ],
  )
  return [...productTurns, ...times.map(one => minted.one(one))]
}

const channelId = 'c' as LiveChannelId
const named = { sessionId, channelId }
const wrongPairs = [
  { sessionId, channelId: 'd' as LiveChannelId },
  { sessionId: 'z' as SessionId, channelId },
]
const token = (name: string): LiveToken => name as LiveToken

/** One token of either transport, and a later one: presented in time, too late, and on the wrong channel; and an unknown one. */
const tokens: Inputs = [
  { type: 'RecordLiveWebrtcTokenIssued', ...named, token: token('t'), issuedAtMs: 1, ttlMs: 1 },
  { type: 'RecordLiveWebsocketTokenIssued', ...named, token: token('t'), issuedAtMs: 1, ttlMs: 1 },
  { type: 'RecordLiveWebsocketTokenIssued', ...named, token: token('u'), issuedAtMs: 9, ttlMs: 1 },
  ...(['ResolveLiveWebrtcAnswerAdmission', 'ResolveLiveWebsocketTokenAdmission'] as const).flatMap(
    (type): Inputs => [
      ...[2, 3, 9].map((observedAtMs): MeerkatInput => ({ type, ...named, token: token('t'), observedAtMs })),
      ...wrongPairs.map((pair): MeerkatInput => ({ type, ...pair, token: token('t'), observedAtMs: 2 })),
      { type, ...named, token: token('v'), observedAtMs: 2 },
    ],
  ),
]

const llmIdentity = { provider: 'p', model: 'm' }
const channels: Inputs = [
  ...[named, ...wrongPairs].flatMap(
    (pair): Inputs => [
      { type: 'ResolveLiveOpenAdmission', ...pair, llmIdentity },
      { type: 'AbandonLiveOpenAdmission', ...pair },
    ],
  ),
  { type: 'RecordLiveCommandRejected', channelId, command: 'SendInput', rejection: 'NoAdapter' },
  { type: 'RecordLiveChannelRequestRejected', channelId, request: 'Status', rejection: 'InvalidToken' },
]

/** Everything that can happen to one live channel; each observation new and repeated. */
export function liveInputs({ live }: MeerkatState): Inputs {
  const { observed = {} } = liveRecordOf(live, channelId) ?? {}
  const { refresh = 0, close = 0, command = 0, status = 0, answer = 0 } = observed
  const observations = [0, 1].flatMap(
    (by): Inputs => [
      { type: 'RecordLiveRefreshQueued', channelId, queueAcceptanceSequence: refresh + by },
      { type: 'RecordLiveCloseClosed', ...named, closeObservationSequence: close + by },
      { type: 'RecordLiveCommandAccepted', channelId, command: 'Interrupt', commandAcceptanceSequence: command + by },
      { type: 'RecordLiveChannelStatus', channelId, status: 'Ready', statusObservationSequence: status + by },
      { type: 'RecordLiveWebrtcAnswerAccepted', ...named, answerObservationSequence: answer + by },
    ],
  )
  return [...channels, ...tokens, ...observations.map(one => minted.one(one))]
}
