/** What a client holds of a session's realtime conversation: a channel and the one-time tokens that lead to it. */
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

/** What the host observes of a channel, each in a numbering of its own. */
export type LiveObservation = 'refresh' | 'close' | 'command' | 'status' | 'answer'

/** What was observed of one channel. */
export interface LiveRecord {
  readonly id: LiveChannelId
  /** The newest number of each observation. */
  readonly observed: { readonly [O in LiveObservation]?: number }
  readonly status?: LiveStatus
}

export interface LiveTokenEntry {
  readonly transport: LiveTransport
  /** The last moment at which it is good, ms since the epoch. */
  readonly expiresAtMs: number
  readonly spent: boolean
}

/** The channel that a client has. */
export interface LiveChannel extends LiveRecord {
  /** The model that answers in it. */
  readonly identity: SessionLlmIdentity
  /** Those that may still be presented; an expired one is forgotten when the next is issued. */
  readonly tokens: PersistentMap<LiveToken, LiveTokenEntry>
}

/** Verdicts, each numbered in a sequence of its own, from 1. */
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
  /** The newest channel that closed: late words of it are known as such. */
  readonly closed?: LiveRecord
}
export type Live =
  | ({ readonly phase: 'unbound' } & Common)
  | ({ readonly phase: 'bound'; readonly channel: LiveChannel } & Common)

export const NO_CHANNEL: Live = { phase: 'unbound', verdicts: {} }

/** The number of the newest verdict; 0 before the first. */
export function verdictSequence({ verdicts }: Live, verdict: LiveVerdict): number {
  return verdicts[verdict] ?? 0
}

/** What is known of a channel: the one there is, or the newest that closed. */
export function liveRecordOf(live: Live, id: LiveChannelId): LiveRecord | undefined {
  if (live.phase === 'bound' && live.channel.id === id) return live.channel
  return live.closed?.id === id ? live.closed : undefined
}

/** A channel with nothing behind it but what was observed of one of its name. */
export function openedChannel(live: Live, id: LiveChannelId, identity: SessionLlmIdentity): LiveChannel {
  const { observed = {} } = liveRecordOf(live, id) ?? {}
  return { id, identity, observed, tokens: emptyMap() }
}
