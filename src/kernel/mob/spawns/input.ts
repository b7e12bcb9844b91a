/** The inputs that the region `spawns` decides on. */

import type { AgentRuntimeId, SessionId } from '../../ids.ts'
import type { RuntimeMode, WithIdentity } from '../roster/state.ts'
import type { AuthorizedProfile } from './state.ts'

export type Numbers = { readonly fence: number; readonly generation: number }

export type Placed = WithIdentity & { readonly runtimeId: AgentRuntimeId; readonly sessionId?: SessionId }

type Authorize = { readonly type: 'AuthorizeSpawnProfile' } & WithIdentity & AuthorizedProfile

/** Fence and generation are the shell's; the guards check them. */
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
  /** The shell gives up a spawn that has no member yet. A spawn with a member is retired instead. */
  | ({ readonly type: 'AbortSpawnExec' } & WithIdentity)
  /** A caller cancels a spawn that has no member yet. */
  | ({ readonly type: 'CancelPendingSpawn' } & WithIdentity)
  | Respawn
