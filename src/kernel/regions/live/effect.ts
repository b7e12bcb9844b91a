/** The effects of the region `live`. */

import type { SessionLlmIdentity } from '../llm/state.ts'
import type {
  LiveCommand,
  LiveCommandRejection,
  LiveRequest,
  LiveRequestRejection,
  OfChannel,
  OfPair,
} from './input.ts'
import type { LiveStatus } from './state.ts'

export type LiveOpenRejection = 'LifecycleClosed' | 'AlreadyBound'

export type LiveTokenRejection =
  | 'ChannelNotBound'
  | 'TokenNotFound'
  | 'TokenAlreadyConsumed'
  | 'TokenChannelMismatch'
  | 'TokenExpired'

/** The class of a client's error. */
export type LiveErrorClass = 'InvalidParams' | 'InvalidToken' | 'InternalError'

type Numbered = { readonly sequence: number }

type Refused = { readonly rejection: LiveTokenRejection; readonly errorClass: LiveErrorClass }

export type LiveAdmission = OfPair & Numbered & ({ readonly accepted: true } | ({ readonly accepted: false } & Refused))

/** No effect contains a token, because only its client may know it. */
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
