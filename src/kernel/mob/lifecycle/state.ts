/** The slice of the region `lifecycle`. */

export type MobPhase = MobLifecycle['phase']

export type MobLifecycle =
  /** `coordinator`: whether a coordinator acts for the mob. Members and runs are begun only then. */
  | { readonly phase: 'running'; readonly coordinator: 'bound' | 'unbound' }
  | { readonly phase: 'stopped' }
  | { readonly phase: 'completed' }
  | { readonly phase: 'destroyed' }
