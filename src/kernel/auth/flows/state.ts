/** What the region `flows` holds. */
import type { Branded } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'

/** One login under way. Of the OAuth `state` of a browser's, a secret, machines know only a name that is derived from it. */
export type OAuthFlowId = Branded<'OAuthFlowId'>

interface Flow {
  readonly provider: string
  /** From then on it can't be used. */
  readonly expiresAt: number
}

export type OAuthFlow =
  | (Flow & { readonly kind: 'browser'; readonly redirectUri: string })
  | (Flow & { readonly kind: 'device' })

export interface Flows {
  readonly entries: PersistentMap<OAuthFlowId, OAuthFlow>
}
