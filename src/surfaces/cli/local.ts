/** Opens a runtime on the store, in this process. */
import { defined } from '../../defined.ts'
import { MeerkatError } from '../../errors.ts'
import type { CoreExecutor } from '../../executor/executor.ts'
import type { RuntimeObserver } from '../../observer.ts'
import { createRuntime } from '../../session/create-runtime.ts'
import type { Runtime } from '../../session/runtime.ts'
import type { CallContext } from '../operation.ts'
import type { OperationName, OperationParams, OperationResult } from '../operations.ts'
import type { Ask, Connection } from './ask.ts'
import { observeAll } from './observers.ts'
import { Refused, tellRefusals } from './refusals.ts'
import type { Shell } from './shell.ts'
import { type StoreSpec, storeOf } from './store-spec.ts'

export interface LocalOptions {
  readonly spec: StoreSpec
  /** `reader` runs nothing, `worker` runs the sessions that it is asked about, `server` takes up all that owe work. */
  readonly role: 'reader' | 'worker' | 'server'
  /** How long current runs may go on once SIGTERM ends the command. Default 0. */
  readonly drainMs?: number
  readonly observer?: RuntimeObserver
}

/** Opens the store, and calls operations of a runtime on it. */
export async function openLocal(shell: Shell, options: LocalOptions): Promise<Connection> {
  const refused = new Refused()
  const observer = observeAll([options.observer ?? tellRefusals(shell.output), refused.observer])
  const runtime = await openRuntime(shell, { ...options, ...defined({ observer }) })
  return { ask: askRuntime(runtime, refused) }
}

/** Opens the runtime; it closes when the command ends. */
export async function openRuntime(
  shell: Shell,
  { spec, role, observer = tellRefusals(shell.output), drainMs = 0 }: LocalOptions,
): Promise<Runtime> {
  const [store, executor] = await Promise.all([storeOf(spec), role === 'reader' ? undefined : executorOf(shell)])
  const { options, maxRunMs, maxConcurrentRuns, maxQueuedInputs } = await shell.settings()
  const { observer: configured, recover = true, ...given } = options.runtime
  const runtime = await createRuntime({
    ...given,
    store,
    recover: role === 'server' && recover,
    ...defined({ executor, maxRunMs, maxConcurrentRuns, maxQueuedInputs }),
    ...defined({ observer: observeAll([configured, observer]) }),
  })
  shell.atEnd(() => (shell.endedBy === 'SIGTERM' ? runtime.drain(drainMs) : runtime.close()))
  return runtime
}

async function executorOf(shell: Shell): Promise<CoreExecutor> {
  const { buildExecutor } = await import('./build-executor.ts')
  return buildExecutor(shell)
}

function askRuntime(runtime: Runtime, refused: Refused): Ask {
  return async <Name extends OperationName>(name: Name, params: OperationParams<Name>, options: CallContext = {}) => {
    try {
      const answer = refused.orElse(runtime.call(name, params, options))
      // A row's answer satisfies its schema: the type of `rows` says so.
      return (await answer) as OperationResult<Name>
    } catch (error) {
      throw error instanceof MeerkatError && error.code === 'not-owner' ? heldElsewhere(error) : error
    }
  }
}

function heldElsewhere(failure: MeerkatError): MeerkatError {
  const { pid, sessionId } = failure.details ?? {}
  const who = typeof pid === 'number' ? `process ${pid}` : 'another process'
  return new MeerkatError(
    'not-owner',
    `session ${typeof sessionId === 'string' ? sessionId : ''} is in use by ${who}, which is no server: wait until it ends, or work through \`meerkat serve\``,
    { cause: failure, ...(failure.details && { details: failure.details }) },
  )
}
