/** The run port of a machine's session, with the session's handles. */
import type { CoreExecutor, RunPort } from '../executor/executor.ts'
import type { SessionRuntimeBindings } from './bindings.ts'

/** The port of a run whose session is registered with a machine. */
export interface SessionPort extends RunPort {
  /** The handles of the session, as `prepareBindings` answers them. */
  readonly bindings: SessionRuntimeBindings
}

/** An executor for sessions that are registered with a machine: its agent gets their handles. */
export interface SessionExecutor extends Omit<CoreExecutor, 'apply'> {
  apply(port: SessionPort): ReturnType<CoreExecutor['apply']>
}
