/** What the region `spawns` decides on. */

import type { AgentRuntimeId, SessionId } from '../../ids.ts'
import type { RuntimeMode, WithIdentity } from '../roster/state.ts'
import type { AuthorizedProfile } from './state.ts'

export type Numbers = { readonly fence: number; readonly generation: number }

export type Placed = WithIdentity & { readonly runtimeId: AgentRuntimeId; readonly sessionId?: SessionId }

type Authorize = { readonly type: 'AuthorizeSpawnProfile' } & WithIdentity & AuthorizedProfile

/** The shell counts, the guards check that it counted right. */
export type Begin = {
  readonly type: 'BeginSpawnExec'
  readonly digest: string
  readonly addressable: boolean
  readonly mode: RuntimeMode
} & Placed &
  Numbers

export type CommitMembership = { readonly type: 'CommitSpawnMembership' } & Placed & Numbers

/** A new incarnation of an identity whose last one has left: a new runtime, the next fence and generation. */
export type Respawn = { readonly type: 'Respawn'; readonly mode: RuntimeMode } & Placed

export type SpawnsInput =
  | Authorize
  | Begin
  | CommitMembership
  | ({ readonly type: 'CommitSpawnActivation' } & WithIdentity)
  /** Whoever performs a spawn that has no member yet gives it up. One that has is retired. */
  | ({ readonly type: 'AbortSpawnExec' } & WithIdentity)
  /** The same by the word of somebody else. */
  | ({ readonly type: 'CancelPendingSpawn' } & WithIdentity)
  | Respawn
