/** The inputs that the region `drain` decides on. */
import type { DrainMode } from './state.ts'

/** Why a drain ended. */
export type DrainExitReason = 'IdleTimeout' | 'Dismissed' | 'Failed' | 'Aborted' | 'SessionShutdown'

export type DrainInput =
  /** Asks for a drain task; the host that starts one reports it with `SpawnDrain`. */
  | { readonly type: 'EnsureDrainRunning' }
  | { readonly type: 'SpawnDrain'; readonly mode: DrainMode }
  | { readonly type: 'StopDrain' }
  /** `respawnable`: the host says that it may be started again, whatever mode and reason imply. */
  | { readonly type: 'NotifyDrainExited'; readonly reason: DrainExitReason; readonly respawnable?: boolean }
  /** Whether the session goes on listening while it has no work. */
  | { readonly type: 'SetPeerIngressContext'; readonly keepAlive: boolean }
