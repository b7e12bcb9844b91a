import type { Lifecycle } from './lifecycle/state.ts'
import type { Registration } from './registration/state.ts'

/** How the session stands, which every region may look at: what it is doing as a whole, and whether somebody serves it. */
export interface Standing {
  readonly lifecycle: Lifecycle
  readonly registration: Registration
}
