/**
 * Which executor serves a session, for the code that performs its runs, waits for its operations and lists its tools.
 */
import type { CoreExecutor } from '../../executor/executor.ts'
import type { SessionId } from '../../kernel/ids.ts'

export interface ServedBy {
  /** The executor that performs a run that starts now; undefined: none serves the session. */
  of(id: SessionId): CoreExecutor | undefined
  /** The same, as soon as there is one; undefined once the signal aborts. */
  soon(id: SessionId, signal: AbortSignal): Promise<CoreExecutor | undefined>
  /** What a host has made for the session's agent; it reaches the executor through its port. */
  bindings(id: SessionId): unknown
}
