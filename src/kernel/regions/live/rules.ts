/** The guards of the region `live`. */

import type { LiveToken } from '../../ids.ts'
import { mapGet } from '../../persistent-map.ts'
import { admitsWork } from '../guards.ts'
import type { LiveInput, LiveTokenIssue, LiveTokenPresented, OfChannel, OfPair } from './input.ts'
import type { Sees } from './sees.ts'
import {
  type LiveObservation,
  type LiveRecord,
  type LiveTokenEntry,
  type LiveTransport,
  liveRecordOf,
} from './state.ts'

export type LiveInputOf<Type extends LiveInput['type']> = Extract<LiveInput, { readonly type: Type }>

export function isNamedChannel(_: Sees, { channelId }: OfChannel): boolean {
  return channelId !== ''
}
export function isThisSession({ registration }: Sees, { sessionId }: OfPair): boolean {
  return registration.sessionId === sessionId
}
/** Whether the session takes no work, so that a conversation begun now would be abandoned. */
export function isClosedToWork(state: Sees): boolean {
  return !admitsWork(state)
}
/** Whether session and channel are this session and its open channel. */
export function isBoundPair(state: Sees, input: OfPair): boolean {
  return isThisSession(state, input) && isOfBoundChannel(state, input)
}
export function isNotBoundPair(state: Sees, input: OfPair): boolean {
  return !isBoundPair(state, input)
}
function isOfBoundChannel({ live }: Sees, { channelId }: OfChannel): boolean {
  return live.phase === 'bound' && live.channel.id === channelId
}
export function knownChannel({ live }: Sees, { channelId }: OfChannel): LiveRecord | undefined {
  return liveRecordOf(live, channelId)
}

/** Whether the channel is the last that closed, or none has closed yet. The numbers of earlier channels are forgotten. */
export function isNewestOrFirst(state: Sees, input: OfChannel): boolean {
  return state.live.closed === undefined || knownChannel(state, input) !== undefined
}

/** Whether the observation is new: its number is above all earlier ones of its channel. */
function rises(state: Sees, { channelId }: OfChannel, observation: LiveObservation, sequence: number): boolean {
  return Number.isSafeInteger(sequence) && sequence > (liveRecordOf(state.live, channelId)?.observed[observation] ?? 0)
}
/** Whether a reason is present exactly if the channel is degraded. */
export function isSoundStatus(_: Sees, input: LiveInputOf<'RecordLiveChannelStatus'>): boolean {
  const hasReason = 'degradationReason' in input
  return input.status === 'Degraded' ? hasReason : !hasReason && !('degradationDetail' in input)
}
export function isNewRefresh(state: Sees, input: LiveInputOf<'RecordLiveRefreshQueued'>): boolean {
  return rises(state, input, 'refresh', input.queueAcceptanceSequence)
}
export function isNewClose(state: Sees, input: LiveInputOf<'RecordLiveCloseClosed'>): boolean {
  return rises(state, input, 'close', input.closeObservationSequence)
}
export function isNewCommand(state: Sees, input: LiveInputOf<'RecordLiveCommandAccepted'>): boolean {
  return rises(state, input, 'command', input.commandAcceptanceSequence)
}
export function isNewStatus(state: Sees, input: LiveInputOf<'RecordLiveChannelStatus'>): boolean {
  return rises(state, input, 'status', input.statusObservationSequence)
}
export function isNewAnswer(state: Sees, input: LiveInputOf<'RecordLiveWebrtcAnswerAccepted'>): boolean {
  return rises(state, input, 'answer', input.answerObservationSequence)
}

type WithToken = OfChannel & { readonly token: LiveToken }
function tokenOf({ live }: Sees, { token }: WithToken): LiveTokenEntry | undefined {
  return live.phase === 'bound' ? mapGet(live.channel.tokens, token) : undefined
}
/** Whether the token is new; a spent one stays known while it has not expired. */
export function isNewToken(state: Sees, input: WithToken): boolean {
  return input.token !== '' && tokenOf(state, input) === undefined
}
export function isForAWhile(_: Sees, { issuedAtMs, ttlMs }: LiveTokenIssue): boolean {
  return issuedAtMs > 0 && ttlMs > 0
}

interface TokenRules {
  readonly goodToken: (state: Sees, input: LiveTokenPresented) => LiveTokenEntry | undefined
  readonly isSpentToken: (state: Sees, input: LiveTokenPresented) => boolean
  readonly isForOtherChannel: (state: Sees, input: LiveTokenPresented) => boolean
  readonly isExpiredToken: (state: Sees, input: LiveTokenPresented) => boolean
}

/** The guards for a token that is presented on this transport. */
export function tokenRules(transport: LiveTransport): TokenRules {
  const known = (state: Sees, input: LiveTokenPresented) => {
    const token = tokenOf(state, input)
    return token?.transport === transport ? token : undefined
  }
  function goodToken(state: Sees, input: LiveTokenPresented): LiveTokenEntry | undefined {
    const token = known(state, input)
    return token !== undefined && !token.spent && input.observedAtMs <= token.expiresAtMs ? token : undefined
  }
  function isSpentToken(state: Sees, input: LiveTokenPresented): boolean {
    return known(state, input)?.spent === true
  }
  function isForOtherChannel(state: Sees, input: LiveTokenPresented): boolean {
    return known(state, input) !== undefined && !isOfBoundChannel(state, input)
  }
  function isExpiredToken(state: Sees, input: LiveTokenPresented): boolean {
    const token = known(state, input)
    return token !== undefined && input.observedAtMs > token.expiresAtMs
  }
  return { goodToken, isSpentToken, isForOtherChannel, isExpiredToken }
}
