/** The slice of the region `realtime`: a session's attachment to a provider's realtime transport. */

/** The phases of a change of model under a binding. */
export const LIVE_TOPOLOGY_PHASES = [
  'idle',
  'reconfiguring',
  'detached',
  'hostIdentityApplied',
  'hostVisibilityApplied',
] as const
export type LiveTopologyPhase = (typeof LIVE_TOPOLOGY_PHASES)[number]

export type BoundState = 'BindingNotReady' | 'BindingReady' | 'ReplacementPending'

export type ReconnectCycle =
  | { readonly state: 'Idle' }
  | {
      readonly state: 'Reconnecting'
      readonly attempts: number
      /** ms since the epoch */
      readonly nextRetryAtMs?: number
      /** ms since the epoch */
      readonly deadlineAtMs?: number
    }
  | { readonly state: 'Exhausted' }

export type Attachment =
  | { readonly state: 'Unattached' }
  | { readonly state: 'ReattachRequired'; readonly cycle: ReconnectCycle }
  /** Inputs about the binding have to name its authority epoch. */
  | { readonly state: BoundState; readonly authorityEpoch: number }

export interface Realtime {
  readonly phase: LiveTopologyPhase
  /** Whether a host wants the session attached. */
  readonly intent: boolean
  readonly attachment: Attachment
  readonly nextEpoch: number
}

export const UNATTACHED: Attachment = { state: 'Unattached' }
/** A new attachment is due and was not tried yet. */
export const DUE: Attachment = { state: 'ReattachRequired', cycle: { state: 'Idle' } }
export const NO_ATTACHMENT: Realtime = { phase: 'idle', intent: false, attachment: UNATTACHED, nextEpoch: 1 }

/** The authority epoch of the binding, if there is one. */
export function boundEpoch(attachment: Attachment): number | undefined {
  return 'authorityEpoch' in attachment ? attachment.authorityEpoch : undefined
}

export type RealtimeAttachmentStatus = 'Unattached' | 'IntentPresentUnbound' | 'ReattachRequired' | BoundState

/** The attachment as callers see it. */
export function realtimeAttachmentStatus({ attachment: { state }, intent }: Realtime): RealtimeAttachmentStatus {
  return state === 'Unattached' && intent ? 'IntentPresentUnbound' : state
}

/** The state of the channel, as people see it. */
export type RealtimeChannelState =
  | { readonly state: 'Closed' | 'Opening' | 'Ready' }
  | {
      readonly state: 'Reconnecting'
      readonly attemptCount: number
      readonly nextRetryAtMs?: number
      readonly deadlineAtMs?: number
    }
  | { readonly state: 'Error'; readonly reason: 'ReconnectAttemptsExhausted' }

export function realtimeChannelState({ attachment, intent }: Realtime): RealtimeChannelState {
  switch (attachment.state) {
    case 'Unattached':
      return { state: intent ? 'Opening' : 'Closed' }
    case 'BindingNotReady':
      return { state: 'Opening' }
    case 'BindingReady':
      return { state: 'Ready' }
    case 'ReplacementPending':
      return { state: 'Reconnecting', attemptCount: 0 }
    default:
      return reconnectingState(attachment.cycle)
  }
}

function reconnectingState(cycle: ReconnectCycle): RealtimeChannelState {
  if (cycle.state === 'Exhausted') return { state: 'Error', reason: 'ReconnectAttemptsExhausted' }
  if (cycle.state === 'Idle') return { state: 'Reconnecting', attemptCount: 0 }
  const { attempts: attemptCount, ...times } = cycle
  return { ...times, state: 'Reconnecting', attemptCount }
}
