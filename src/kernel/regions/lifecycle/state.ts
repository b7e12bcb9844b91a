/** What the region `lifecycle` holds. */

/** Where a run returns to. */
export type PreRunPhase = 'idle' | 'attached' | 'retired'

export type Lifecycle =
  | { readonly phase: 'initializing' }
  | { readonly phase: 'idle' }
  /** `stopDeferred`: a stop was asked for and waits for the executor to leave. */
  | { readonly phase: 'attached'; readonly stopDeferred: boolean }
  | { readonly phase: 'running'; readonly preRun: PreRunPhase; readonly stopDeferred: boolean }
  | { readonly phase: 'retired' }
  | { readonly phase: 'stopped' }
  | { readonly phase: 'destroyed' }

export type LifecyclePhase = Lifecycle['phase']
