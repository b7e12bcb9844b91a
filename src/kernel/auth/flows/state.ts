/** The slice of the region `flows`. */
import type { Branded } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'

/** One login under way. The OAuth `state` of a browser login is a secret: the machine has only a name derived from it. */
export type OAuthFlowId = Branded<'OAuthFlowId'>

interface Flow {
  readonly provider: string
  /** It can't be used from then on, ms since the epoch. */
  readonly expiresAt: number
}

export type OAuthFlow =
  | (Flow & { readonly kind: 'browser'; readonly redirectUri: string })
  | (Flow & { readonly kind: 'device' })

export interface Flows {
  readonly entries: PersistentMap<OAuthFlowId, OAuthFlow>
}
