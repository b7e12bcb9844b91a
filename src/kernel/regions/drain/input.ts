/** What the region `drain` decides on. */
import type { DrainMode } from './state.ts'

/** Why a drain ended. */
export type DrainExitReason = 'IdleTimeout' | 'Dismissed' | 'Failed' | 'Aborted' | 'SessionShutdown'

export type DrainInput =
  /** Asks for a drain task; whoever starts it says so with `SpawnDrain`. */
  | { readonly type: 'EnsureDrainRunning' }
  | { readonly type: 'SpawnDrain'; readonly mode: DrainMode }
  | { readonly type: 'StopDrain' }
  /** `respawnable`: whoever keeps it says that it may be started again, whatever mode and reason say. */
  | { readonly type: 'NotifyDrainExited'; readonly reason: DrainExitReason; readonly respawnable?: boolean }
  /** Says whether the session goes on listening when it has nothing to do. */
  | { readonly type: 'SetPeerIngressContext'; readonly keepAlive: boolean }
