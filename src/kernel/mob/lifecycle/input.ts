/** What the region `lifecycle` decides on. */
import type { AgentRuntimeId } from '../../ids.ts'

export type MobLifecycleInput =
  | { readonly type: 'BindCoordinator' }
  | { readonly type: 'UnbindCoordinator' }
  | { readonly type: 'Stop' }
  | { readonly type: 'Resume' }
  /** The mob's task is done: what still runs is cancelled, members stay to be asked. */
  | { readonly type: 'Complete' }
  /** Lets every member go and begins anew. Fences stay, so that what comes late from before is known as such. */
  | { readonly type: 'Reset' }
  | { readonly type: 'Destroy' }
  /**
   * A member's session was destroyed under it: the mob can't go on, and takes the others along. If the session was given
   * back before, only the member is gone.
   */
  | { readonly type: 'ObserveRuntimeDestroyed'; readonly runtimeId: AgentRuntimeId; readonly fence: number }
