/** Where a host places sessions, and what other machines hear of it. */
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { AgentRuntimeId, RuntimeEpochId, SessionId } from '../kernel/ids.ts'

/** Where a host placed a session: the incarnation that its work is for. */
export interface Placement {
  readonly runtimeId: AgentRuntimeId
  readonly fence: number
  readonly generation?: number
  readonly epochId?: RuntimeEpochId
}

/** Hears what other machines have to know of a session: that it was placed, retired or destroyed. */
export interface CompositionSignalDispatcher {
  dispatch(sessionId: SessionId, signal: CompositionSignal): Promise<void>
}

export type CompositionSignal = Extract<
  MeerkatEffect,
  { readonly type: 'RuntimeBound' | 'RuntimeRetired' | 'RuntimeDestroyed' }
>

export function isSignal(effect: MeerkatEffect): effect is CompositionSignal {
  return effect.type === 'RuntimeBound' || effect.type === 'RuntimeRetired' || effect.type === 'RuntimeDestroyed'
}
