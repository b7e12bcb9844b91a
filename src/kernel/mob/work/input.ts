/** The inputs that the region `work` decides on. */

import type { AgentRuntimeId, SessionId } from '../../ids.ts'
import type { WorkId } from '../ids.ts'
import type { WithIdentity, WithRuntime } from '../roster/state.ts'
import type { WorkOrigin } from './state.ts'

export type Submit = {
  readonly type: 'SubmitWork'
  readonly workId: WorkId
  readonly origin: WorkOrigin
} & WithIdentity &
  WithRuntime

export type Refused = {
  readonly type: 'ResolveRuntimeIngressRefusal'
  readonly runtimeId: AgentRuntimeId
  readonly fence: number
  readonly sessionId: SessionId
  readonly workId: WorkId
  readonly origin: WorkOrigin
  readonly code: string
  readonly reason: string
}

export type Settled = { readonly type: 'ObserveWorkSettled'; readonly workId: WorkId } & WithRuntime

export type WorkInput =
  | Submit
  | Refused
  /** The member's runtime has finished the work, with any outcome. */
  | Settled
  /** Cancels all work of a member, and the flow runs that wait for it. */
  | ({ readonly type: 'CancelAllWork' } & WithIdentity & WithRuntime)
