/** Who serves a session, as those see it who perform its runs, wait for its operations and show its tools. */
import type { CoreExecutor } from '../../executor/executor.ts'
import type { SessionId } from '../../kernel/ids.ts'

export interface ServedBy {
  /** The executor that a run which starts now is performed by; undefined where none does. */
  of(id: SessionId): CoreExecutor | undefined
  /** The same, as soon as there is one; undefined once the signal aborts. */
  soon(id: SessionId, signal: AbortSignal): Promise<CoreExecutor | undefined>
  /** What a host has made for the agent of the session: it reaches the executor through its port. */
  bindings(id: SessionId): unknown
}
