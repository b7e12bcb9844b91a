/** The inputs that the region `live` decides on. */
import type { LiveChannelId, LiveToken, SessionId } from '../../ids.ts'
import type { SessionLlmIdentity } from '../llm/state.ts'
import type { LiveStatus } from './state.ts'

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

export type OfChannel = { readonly channelId: LiveChannelId }

export type OfPair = OfChannel & { readonly sessionId: SessionId }

export interface LiveTokenIssue extends OfPair {
  /** The machine only compares it, so it may be a digest of the client's token. */
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
