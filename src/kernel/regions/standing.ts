import type { Lifecycle } from './lifecycle/state.ts'
import type { Registration } from './registration/state.ts'

/** The part of the state that every region sees: the session's phase and its registration. */
export interface Standing {
  readonly lifecycle: Lifecycle
  readonly registration: Registration
}
