/** What the region `drain` holds. */

/** How long a drain goes on without work: for a while, while an executor is attached, or for ever. */
export type DrainMode = 'Timed' | 'AttachedSession' | 'PersistentHost'

export type Drain =
  | { readonly phase: 'inactive' }
  | { readonly phase: 'running'; readonly mode: DrainMode }
  /** `exitAwaited`: it was told to stop and has not said yet that it has. */
  | { readonly phase: 'stopped'; readonly exitAwaited: boolean }
  | { readonly phase: 'exitedRespawnable' }
