/** How an executor of a machine's session reaches the session's handles. */
import type { CoreExecutor, RunPort } from '../executor/executor.ts'
import type { SessionRuntimeBindings } from './bindings.ts'

/** The port of a run whose session is registered with a machine. */
export interface SessionPort extends RunPort {
  /** The handles of the session, as `prepareBindings` gives them. */
  readonly bindings: SessionRuntimeBindings
}

/** An executor for sessions that are registered with a machine: its agent has their handles. */
export interface SessionExecutor extends Omit<CoreExecutor, 'apply'> {
  apply(port: SessionPort): ReturnType<CoreExecutor['apply']>
}
