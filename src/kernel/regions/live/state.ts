/** The slice of the region `live`: a client's channel, and the one-time tokens that open it. */
import type { LiveChannelId, LiveToken } from '../../ids.ts'
import { emptyMap, type PersistentMap } from '../../persistent-map.ts'
import type { SessionLlmIdentity } from '../llm/state.ts'

export type LiveTransport = 'webrtc' | 'websocket'

export type LiveDegradationReason = 'Unknown' | 'RateLimited' | 'ProviderThrottled' | 'NetworkUnstable' | 'Other'
/** Only a degraded channel has a reason. */
export type LiveStatus =
  | { readonly status: 'Idle' | 'Opening' | 'Ready' | 'Closing' | 'Closed' }
  | {
      readonly status: 'Degraded'
      readonly degradationReason: LiveDegradationReason
      /** For people. */
      readonly degradationDetail?: string
    }

/** The kinds of a host's observations about a channel, each with a numbering of its own. */
export type LiveObservation = 'refresh' | 'close' | 'command' | 'status' | 'answer'

/** The observations about one channel. */
export interface LiveRecord {
  readonly id: LiveChannelId
  /** The newest number of each observation. */
  readonly observed: { readonly [O in LiveObservation]?: number }
  readonly status?: LiveStatus
}

export interface LiveTokenEntry {
  readonly transport: LiveTransport
  /** The last moment at which it is valid, ms since the epoch. */
  readonly expiresAtMs: number
  readonly spent: boolean
}

/** The open channel of a client. */
export interface LiveChannel extends LiveRecord {
  /** The model that answers in the channel. */
  readonly identity: SessionLlmIdentity
  /** The tokens that may still be presented; expired ones are removed when the next is issued. */
  readonly tokens: PersistentMap<LiveToken, LiveTokenEntry>
}

/** The kinds of verdicts, each numbered in a sequence of its own, from 1. */
export type LiveVerdict =
  | 'openAdmission'
  | 'refreshResult'
  | 'closeResult'
  | 'commandResult'
  | 'commandRejection'
  | 'requestRejection'
  | 'channelStatus'
  | 'webrtcTokenIssue'
  | 'webrtcAnswerAdmission'
  | 'webrtcAnswerResult'
  | 'websocketTokenIssue'
  | 'websocketTokenAdmission'

interface Common {
  readonly verdicts: { readonly [V in LiveVerdict]?: number }
  /** The last channel that closed, to recognise late reports about it. */
  readonly closed?: LiveRecord
}
export type Live =
  | ({ readonly phase: 'unbound' } & Common)
  | ({ readonly phase: 'bound'; readonly channel: LiveChannel } & Common)

export type BoundLive = Extract<Live, { readonly phase: 'bound' }>

export const NO_CHANNEL: Live = { phase: 'unbound', verdicts: {} }

/** The number of the newest verdict; 0 before the first. */
export function verdictSequence({ verdicts }: Live, verdict: LiveVerdict): number {
  return verdicts[verdict] ?? 0
}

/** The record of a channel: the open one, or the last that closed. */
export function liveRecordOf(live: Live, id: LiveChannelId): LiveRecord | undefined {
  if (live.phase === 'bound' && live.channel.id === id) return live.channel
  return live.closed?.id === id ? live.closed : undefined
}

/** A new channel. It keeps the observations of an earlier channel with the same id. */
export function openedChannel(live: Live, id: LiveChannelId, identity: SessionLlmIdentity): LiveChannel {
  const { observed = {} } = liveRecordOf(live, id) ?? {}
  return { id, identity, observed, tokens: emptyMap() }
}
