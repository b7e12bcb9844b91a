/** What leaves the region `binding`. */
import type { AgentRuntimeId } from '../../ids.ts'
import type { IngestOrigin } from './input.ts'

/** Work may come in; the shell offers it as an input under this name. */
export type IngestEffect = {
  readonly type: 'ResolveAdmission'
  readonly runtimeId: AgentRuntimeId
  readonly workId: string
  readonly origin: IngestOrigin
}
