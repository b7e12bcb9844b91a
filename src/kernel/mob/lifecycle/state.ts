/** What the region `lifecycle` holds. */

export type MobPhase = MobLifecycle['phase']

export type MobLifecycle =
  /** `coordinator`: whether somebody acts for the mob. Only then are members and runs begun. */
  | { readonly phase: 'running'; readonly coordinator: 'bound' | 'unbound' }
  | { readonly phase: 'stopped' }
  | { readonly phase: 'completed' }
  | { readonly phase: 'destroyed' }
