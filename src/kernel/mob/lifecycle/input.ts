/** The inputs that the region `lifecycle` decides on. */
import type { AgentRuntimeId } from '../../ids.ts'

export type MobLifecycleInput =
  | { readonly type: 'BindCoordinator' }
  | { readonly type: 'UnbindCoordinator' }
  | { readonly type: 'Stop' }
  | { readonly type: 'Resume' }
  /** The mob's task is done: running work is cancelled, members stay and can be asked. */
  | { readonly type: 'Complete' }
  /** Removes every member and starts over. Fences stay, so that late reports from before are recognised. */
  | { readonly type: 'Reset' }
  | { readonly type: 'Destroy' }
  /**
   * A member's session was destroyed: the mob ends and destroys the other sessions. If the session was given back before,
   * only the member is removed.
   */
  | { readonly type: 'ObserveRuntimeDestroyed'; readonly runtimeId: AgentRuntimeId; readonly fence: number }
