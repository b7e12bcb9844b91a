/** The inputs of live channels, and the rules that decide on them. */
import type { LiveChannelId, LiveToken, SessionId } from '../ids.ts'
import type { MeerkatState } from '../machine.ts'
import { mapGet } from '../persistent-map.ts'
import { admitsWork } from './guards.ts'
import {
  type LiveObservation,
  type LiveStatus,
  type LiveTokenEntry,
  type LiveTransport,
  liveRecordOf,
} from './live-state.ts'
import type { SessionLlmIdentity } from './llm-state.ts'

export type LiveCommand = 'SendInput' | 'CommitInput' | 'Interrupt' | 'TruncateAssistantOutput'
export type LiveCommandRejection =
  | 'ChannelNotFound'
  | 'NoAdapter'
  | 'ChannelNotReady'
  | 'UnsupportedCommand'
  | 'AdapterError'
  | 'InternalHostError'
export type LiveRequest = 'Status' | 'Close' | 'Refresh' | 'WebrtcAnswer'
export type LiveRequestRejection =
  | 'ChannelNotFound'
  | 'NoAdapter'
  | 'InvalidToken'
  | 'InvalidPayload'
  | 'WebrtcAnswerError'
  | 'InternalHostError'
export type LiveOpenRejection = 'LifecycleClosed' | 'AlreadyBound'
export type LiveTokenRejection =
  | 'ChannelNotBound'
  | 'TokenNotFound'
  | 'TokenAlreadyConsumed'
  | 'TokenChannelMismatch'
  | 'TokenExpired'
/** What a client is told it did wrong. */
export type LiveErrorClass = 'InvalidParams' | 'InvalidToken' | 'InternalError'

export type OfChannel = { readonly channelId: LiveChannelId }
export type OfPair = OfChannel & { readonly sessionId: SessionId }

export interface LiveTokenIssue extends OfPair {
  /** Only ever compared: a digest of what the client presents will do. */
  readonly token: LiveToken
  /** ms since the epoch */
  readonly issuedAtMs: number
  readonly ttlMs: number
}
export interface LiveTokenPresented extends OfPair {
  readonly token: LiveToken
  /** ms since the epoch */
  readonly observedAtMs: number
}

export type LiveInput =
  | ({ readonly type: 'ResolveLiveOpenAdmission'; readonly llmIdentity: SessionLlmIdentity } & OfPair)
  | ({ readonly type: 'AbandonLiveOpenAdmission' } & OfPair)
  | ({ readonly type: 'RecordLiveRefreshQueued'; readonly queueAcceptanceSequence: number } & OfChannel)
  | ({ readonly type: 'RecordLiveCloseClosed'; readonly closeObservationSequence: number } & OfPair)
  | ({
      readonly type: 'RecordLiveCommandAccepted'
      readonly command: LiveCommand
      readonly commandAcceptanceSequence: number
    } & OfChannel)
  | ({
      readonly type: 'RecordLiveCommandRejected'
      readonly command: LiveCommand
      readonly rejection: LiveCommandRejection
    } & OfChannel)
  | ({
      readonly type: 'RecordLiveChannelRequestRejected'
      readonly request: LiveRequest
      readonly rejection: LiveRequestRejection
    } & OfChannel)
  | ({ readonly type: 'RecordLiveChannelStatus'; readonly statusObservationSequence: number } & LiveStatus & OfChannel)
  | ({ readonly type: 'RecordLiveWebrtcTokenIssued' } & LiveTokenIssue)
  | ({ readonly type: 'RecordLiveWebsocketTokenIssued' } & LiveTokenIssue)
  | ({ readonly type: 'ResolveLiveWebrtcAnswerAdmission' } & LiveTokenPresented)
  | ({ readonly type: 'ResolveLiveWebsocketTokenAdmission' } & LiveTokenPresented)
  | ({ readonly type: 'RecordLiveWebrtcAnswerAccepted'; readonly answerObservationSequence: number } & OfPair)

type Numbered = { readonly sequence: number }
type Refused = { readonly rejection: LiveTokenRejection; readonly errorClass: LiveErrorClass }
export type LiveAdmission = OfPair & Numbered & ({ readonly accepted: true } | ({ readonly accepted: false } & Refused))

/** No effect carries a token: what opens a channel is for its client alone. */
export type LiveEffect =
  | ({ readonly type: 'LiveOpenAdmissionResolved' } & OfPair &
      Numbered &
      (
        | { readonly admitted: true; readonly boundLlmIdentity: SessionLlmIdentity }
        | { readonly admitted: false; readonly rejection: LiveOpenRejection }
      ))
  | ({ readonly type: 'LiveOpenAdmissionAbandoned' } & OfPair & Numbered)
  | ({
      readonly type: 'LiveRefreshResultResolved'
      readonly status: 'Queued'
      readonly queueAcceptanceSequence: number
    } & OfChannel &
      Numbered)
  | ({
      readonly type: 'LiveCloseResultResolved'
      readonly status: 'Closed'
      readonly closeObservationSequence: number
    } & OfPair &
      Numbered)
  | ({
      readonly type: 'LiveCommandResultResolved'
      readonly command: LiveCommand
      readonly commandAcceptanceSequence: number
    } & OfChannel &
      Numbered)
  | ({
      readonly type: 'LiveCommandRejectionResolved'
      readonly command: LiveCommand
      readonly rejection: LiveCommandRejection
      readonly errorClass: LiveErrorClass
    } & OfChannel &
      Numbered)
  | ({
      readonly type: 'LiveChannelRequestRejectionResolved'
      readonly request: LiveRequest
      readonly rejection: LiveRequestRejection
      readonly errorClass: LiveErrorClass
    } & OfChannel &
      Numbered)
  | ({ readonly type: 'LiveChannelStatusResolved'; readonly statusObservationSequence: number } & LiveStatus &
      OfChannel &
      Numbered)
  | ({ readonly type: 'LiveWebrtcTokenIssued'; readonly expiresAtMs: number } & OfPair & Numbered)
  | ({ readonly type: 'LiveWebsocketTokenIssued'; readonly expiresAtMs: number } & OfPair & Numbered)
  | ({ readonly type: 'LiveWebrtcAnswerAdmissionResolved' } & LiveAdmission)
  | ({ readonly type: 'LiveWebsocketTokenAdmissionResolved' } & LiveAdmission)
  | ({
      readonly type: 'LiveWebrtcAnswerResultResolved'
      readonly answered: true
      readonly answerObservationSequence: number
    } & OfPair &
      Numbered)

export type LiveInputOf<Type extends LiveInput['type']> = Extract<LiveInput, { readonly type: Type }>

export function isNamedChannel(_: MeerkatState, { channelId }: OfChannel): boolean {
  return channelId !== ''
}
export function isThisSession({ registration }: MeerkatState, { sessionId }: OfPair): boolean {
  return registration.sessionId === sessionId
}
/** Nobody is to begin a conversation that would be given up at once. */
export function isClosedToWork(state: MeerkatState): boolean {
  return !admitsWork(state)
}
/** The channel is this session's, and the session is this one. */
export function isBoundPair(state: MeerkatState, input: OfPair): boolean {
  return isThisSession(state, input) && isOfBoundChannel(state, input)
}
export function isNotBoundPair(state: MeerkatState, input: OfPair): boolean {
  return !isBoundPair(state, input)
}
function isOfBoundChannel({ live }: MeerkatState, { channelId }: OfChannel): boolean {
  return live.phase === 'bound' && live.channel.id === channelId
}
export function isKnownChannel({ live }: MeerkatState, { channelId }: OfChannel): boolean {
  return liveRecordOf(live, channelId) !== undefined
}

/** No other channel has closed after it: of one that is forgotten nobody could say which number it closed under. */
export function isNewestOrFirst(state: MeerkatState, input: OfChannel): boolean {
  return state.live.closed === undefined || isKnownChannel(state, input)
}

/** The observation has not been told before: its number rises above all of its channel. */
function rises(state: MeerkatState, { channelId }: OfChannel, observation: LiveObservation, sequence: number): boolean {
  return Number.isSafeInteger(sequence) && sequence > (liveRecordOf(state.live, channelId)?.observed[observation] ?? 0)
}
/** A degraded channel says why, and no other has anything to say. */
export function isSoundStatus(_: MeerkatState, input: LiveInputOf<'RecordLiveChannelStatus'>): boolean {
  const hasReason = 'degradationReason' in input
  return input.status === 'Degraded' ? hasReason : !hasReason && !('degradationDetail' in input)
}
export function isNewRefresh(state: MeerkatState, input: LiveInputOf<'RecordLiveRefreshQueued'>): boolean {
  return rises(state, input, 'refresh', input.queueAcceptanceSequence)
}
export function isNewClose(state: MeerkatState, input: LiveInputOf<'RecordLiveCloseClosed'>): boolean {
  return rises(state, input, 'close', input.closeObservationSequence)
}
export function isNewCommand(state: MeerkatState, input: LiveInputOf<'RecordLiveCommandAccepted'>): boolean {
  return rises(state, input, 'command', input.commandAcceptanceSequence)
}
export function isNewStatus(state: MeerkatState, input: LiveInputOf<'RecordLiveChannelStatus'>): boolean {
  return rises(state, input, 'status', input.statusObservationSequence)
}
export function isNewAnswer(state: MeerkatState, input: LiveInputOf<'RecordLiveWebrtcAnswerAccepted'>): boolean {
  return rises(state, input, 'answer', input.answerObservationSequence)
}

type WithToken = OfChannel & { readonly token: LiveToken }
function tokenOf({ live }: MeerkatState, { token }: WithToken): LiveTokenEntry | undefined {
  return live.phase === 'bound' ? mapGet(live.channel.tokens, token) : undefined
}
/** Nothing else has this name: also a spent token keeps it while it could be presented. */
export function isNewToken(state: MeerkatState, input: WithToken): boolean {
  return input.token !== '' && tokenOf(state, input) === undefined
}
export function isForAWhile(_: MeerkatState, { issuedAtMs, ttlMs }: LiveTokenIssue): boolean {
  return issuedAtMs > 0 && ttlMs > 0
}

interface TokenRules {
  readonly isGoodToken: (state: MeerkatState, input: LiveTokenPresented) => boolean
  readonly isSpentToken: (state: MeerkatState, input: LiveTokenPresented) => boolean
  readonly isForOtherChannel: (state: MeerkatState, input: LiveTokenPresented) => boolean
  readonly isExpiredToken: (state: MeerkatState, input: LiveTokenPresented) => boolean
}

/** What is asked of a token that is presented on this transport. */
export function tokenRules(transport: LiveTransport): TokenRules {
  const known = (state: MeerkatState, input: LiveTokenPresented) => {
    const token = tokenOf(state, input)
    return token?.transport === transport ? token : undefined
  }
  function isGoodToken(state: MeerkatState, input: LiveTokenPresented): boolean {
    const token = known(state, input)
    return token !== undefined && !token.spent && input.observedAtMs <= token.expiresAtMs
  }
  function isSpentToken(state: MeerkatState, input: LiveTokenPresented): boolean {
    return known(state, input)?.spent === true
  }
  function isForOtherChannel(state: MeerkatState, input: LiveTokenPresented): boolean {
    return known(state, input) !== undefined && !isOfBoundChannel(state, input)
  }
  function isExpiredToken(state: MeerkatState, input: LiveTokenPresented): boolean {
    const token = known(state, input)
    return token !== undefined && input.observedAtMs > token.expiresAtMs
  }
  return { isGoodToken, isSpentToken, isForOtherChannel, isExpiredToken }
}
