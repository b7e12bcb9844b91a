import type { Standing } from '../standing.ts'
import type { Ingress } from './state.ts'

/** What the region `ingress` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly ingress: Ingress
}
