/** The slice of the region `drain`. */

/** How long a drain task runs without work: for a while, while an executor is attached, or without a limit. */
export type DrainMode = 'Timed' | 'AttachedSession' | 'PersistentHost'

export type Drain =
  | { readonly phase: 'inactive' }
  | { readonly phase: 'running'; readonly mode: DrainMode }
  /** `exitAwaited`: it was asked to stop and has not reported its exit yet. */
  | { readonly phase: 'stopped'; readonly exitAwaited: boolean }
  | { readonly phase: 'exitedRespawnable' }
