import type { Standing } from '../standing.ts'
import type { Ingress } from './state.ts'

/** What the region `ingress` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly ingress: Ingress
}
