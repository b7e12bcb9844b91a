/** The effects of the region `binding`. */
import type { AgentRuntimeId } from '../../ids.ts'
import type { IngestOrigin } from './input.ts'

/** Routed work is admitted; the runtime sends it to the session as an input with this id. */
export type IngestEffect = {
  readonly type: 'ResolveAdmission'
  readonly runtimeId: AgentRuntimeId
  readonly workId: string
  readonly origin: IngestOrigin
}
