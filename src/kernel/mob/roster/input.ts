/** The inputs that the region `roster` decides on. */

import type { AgentRuntimeId, SessionId } from '../../ids.ts'
import type { PeerEndpoint } from '../../regions/trust/state.ts'
import type { AgentIdentity } from '../ids.ts'
import type { WithIdentity, WithRuntime } from './state.ts'

export type Refusal<Type extends string> = {
  readonly type: Type
  readonly identity: AgentIdentity
  readonly runtimeId: AgentRuntimeId
  readonly sessionId: SessionId
  readonly code: string
  readonly reason: string
}

export type Retire = {
  readonly type: 'Retire'
  readonly runtimeId: AgentRuntimeId
  readonly generation: number
  readonly sessionId?: SessionId
  /** The session is given back at once, and only the runtime is retired. */
  readonly releasing?: true
} & WithIdentity

/** Publishes where peers reach this incarnation. */
export type PublishEndpoint = {
  readonly type: 'PublishMemberEndpoint'
  readonly endpoint: PeerEndpoint
} & WithIdentity &
  WithRuntime

export type RosterInput =
  | PublishEndpoint
  | ({ readonly type: 'ObserveRuntimeReady' } & WithRuntime)
  | ({ readonly type: 'ObserveRuntimeRetired' } & WithRuntime)
  /** Places the member's session again, after a refusal or when its process was replaced. */
  | ({ readonly type: 'RestoreBinding' } & WithIdentity & WithRuntime)
  | Retire
  | Refusal<'ResolveRuntimeBindingRefusal'>
  | Refusal<'ResolveRuntimeRetireRefusal'>
