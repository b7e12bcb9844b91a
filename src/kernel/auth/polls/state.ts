/** The slice of the region `polls`. */
import type { PersistentMap } from '../../persistent-map.ts'
import type { OAuthFlowId } from '../flows/state.ts'

export interface Polls {
  readonly asked: PersistentMap<OAuthFlowId, true>
}
