/** The slice of the region `lifecycle`. */

/** The phase to which the session returns after a run. */
export type PreRunPhase = 'idle' | 'attached' | 'retired'

export type Lifecycle =
  | { readonly phase: 'initializing' }
  | { readonly phase: 'idle' }
  /** `stopDeferred`: a stop was requested and waits for the executor to leave. */
  | { readonly phase: 'attached'; readonly stopDeferred: boolean }
  | { readonly phase: 'running'; readonly preRun: PreRunPhase; readonly stopDeferred: boolean }
  | { readonly phase: 'retired' }
  | { readonly phase: 'stopped' }
  | { readonly phase: 'destroyed' }

export type LifecyclePhase = Lifecycle['phase']

/** The phases that a restart finds again. */
export type DurableLifecyclePhase = 'initializing' | 'idle' | 'retired' | 'stopped' | 'destroyed'

/** A phase, and where a run returns to. */
interface Returning {
  readonly phase: LifecyclePhase
  readonly preRun?: PreRunPhase | undefined
}

/** What of a phase is a fact for the disk; the rest are conditions of the process that serves the session. */
export function durablePhase({ phase, preRun }: Returning): DurableLifecyclePhase {
  if (phase === 'running') return preRun === 'retired' ? 'retired' : 'idle'
  return phase === 'attached' ? 'idle' : phase
}

/** What the session is, for people: one that was retired is so while its last runs drain. */
export function phaseShown({ phase, preRun }: Returning): LifecyclePhase {
  return phase === 'running' && preRun === 'retired' ? 'retired' : phase
}
