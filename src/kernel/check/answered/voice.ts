/** Inputs about realtime transports, product turns and live channels that may not be refused. */
import { SERVED } from '../../regions/phases.ts'
import { boundEpoch } from '../../regions/realtime/state.ts'
import type { MeerkatState } from '../../state.ts'
import type { Answers } from './rule.ts'

const isServed = ({ lifecycle: { phase } }: MeerkatState): boolean => SERVED.includes(phase)
const isHere = (state: MeerkatState): boolean => isServed(state) && state.registration.sessionId !== undefined
const isAlive = (state: MeerkatState): boolean => isServed(state) || state.lifecycle.phase === 'initializing'
const turnIs =
  (...phases: readonly string[]) =>
  (state: MeerkatState): boolean =>
    isAlive(state) && phases.includes(state.productTurn.phase)
const topologyIs =
  (...phases: readonly string[]) =>
  (state: MeerkatState): boolean =>
    isHere(state) && phases.includes(state.realtime.phase)
const isPair = (
  { live, registration }: MeerkatState,
  pair: { readonly sessionId: string; readonly channelId: string },
) => live.phase === 'bound' && live.channel.id === pair.channelId && registration.sessionId === pair.sessionId

export const voiceAnswers: Answers = {
  ProjectRealtimeIntent: isHere,
  DetachRealtimeBinding: isHere,
  RequireRealtimeReattach: isHere,
  ClearRealtimeReconnectProgress: isHere,
  BeginRealtimeBinding: topologyIs('idle'),
  ReplaceRealtimeBinding: topologyIs('idle'),
  PublishRealtimeSignal: (state, { authorityEpoch }) =>
    isServed(state) && state.realtime.phase === 'idle' && boundEpoch(state.realtime.attachment) === authorityEpoch,
  ApplyLiveTopologyIdentity: topologyIs('detached'),
  ApplyLiveTopologyVisibility: topologyIs('hostIdentityApplied'),
  CompleteLiveTopology: topologyIs('hostVisibilityApplied'),
  AbortLiveTopologyBeforeDetach: topologyIs('reconfiguring'),
  FailLiveTopologyAfterDetach: topologyIs('detached', 'hostIdentityApplied', 'hostVisibilityApplied'),
  ProductTurnInFlight: turnIs('idle'),
  ProductTurnCommitted: turnIs('awaitingProgress', 'outputStarted'),
  ProductOutputStarted: turnIs('awaitingProgress', 'committed'),
  ProductTurnInterrupted: turnIs('preemptible', 'outputStarted'),
  ProductTurnTerminal: turnIs('awaitingProgress', 'committed', 'outputStarted', 'preemptible'),
  RealtimeProjectionAdvanceObserved: (state, { advancedAtMs }) =>
    isAlive(state) && advancedAtMs > state.productTurn.frontierMs,
  ResolveLiveOpenAdmission: (state, { sessionId, channelId }) =>
    isServed(state) && state.registration.sessionId === sessionId && channelId !== '',
  AbandonLiveOpenAdmission: (state, input) => isServed(state) && isPair(state, input),
  RecordLiveCommandRejected: (state, { channelId }) => isServed(state) && channelId !== '',
  RecordLiveChannelRequestRejected: (state, { channelId }) => isServed(state) && channelId !== '',
  ResolveLiveWebrtcAnswerAdmission: isServed,
  ResolveLiveWebsocketTokenAdmission: isServed,
}
