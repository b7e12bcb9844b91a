/**
 * The runtime in this process, on the store itself.
 *
 * What a command asks most is answered without the operations table: the table checks what comes from outside, and the
 * schemas that it is made of take longer to load than a turn takes to run. Everything else goes through the table.
 */
import { defined } from '../../defined.ts'
import { MeerkatError } from '../../errors.ts'
import type { CoreExecutor } from '../../executor/executor.ts'
import type { RuntimeObserver } from '../../observer.ts'
import type { RuntimeApi } from '../../session/api.ts'
import { createRuntime } from '../../session/create-runtime.ts'
import type { CallContext } from '../operation.ts'
import type { OperationName, OperationParams, OperationResult } from '../operations.ts'
import type { Ask, Connection } from './ask.ts'
import { observeAll } from './observers.ts'
import { Refused, tellRefusals } from './refusals.ts'
import type { Shell } from './shell.ts'
import { type StoreSpec, storeOf } from './store-spec.ts'

export interface LocalOptions {
  readonly spec: StoreSpec
  /** `reader` runs nothing, `worker` runs the sessions it is asked about, `server` takes up all that owe work. */
  readonly role: 'reader' | 'worker' | 'server'
  /** How long runs under way may go on once the command is told to end by SIGTERM. Default 0. */
  readonly drainMs?: number
  readonly observer?: RuntimeObserver
}

type Quick = {
  readonly [Name in OperationName]?: (
    runtime: RuntimeApi,
    params: OperationParams<Name>,
    context: CallContext,
  ) => Promise<OperationResult<Name>>
}

const PAGE = 100

const QUICK: Quick = {
  'session/open': async (runtime, params) => ({ session: await runtime.open(params) }),
  'session/get': async (runtime, { sessionId }) => ({ session: await runtime.get(sessionId) }),
  'input/send': (runtime, { sessionId, ...params }) => runtime.send(sessionId, params),
  'input/get': async (runtime, { sessionId, ...by }) => ({ input: await runtime.input(sessionId, by) }),
  'events/read': (runtime, { limit = PAGE, ...params }, { signal }) =>
    runtime.events({ ...params, limit, ...(signal && { signal }) }),
  'run/cancel': (runtime, { sessionId, ...what }) => runtime.cancel(sessionId, what),
}

/** Opens the store and asks the runtime on it. */
export async function openLocal(shell: Shell, options: LocalOptions): Promise<Connection> {
  const refused = new Refused()
  const observer = observeAll([options.observer ?? tellRefusals(shell.output), refused.observer])
  const runtime = await openRuntime(shell, { ...options, ...defined({ observer }) })
  return { ask: askRuntime(runtime, refused), runtime }
}

/** Opens the runtime; it closes when the command ends. */
export async function openRuntime(
  shell: Shell,
  { spec, role, observer = tellRefusals(shell.output), drainMs = 0 }: LocalOptions,
): Promise<RuntimeApi> {
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

function askRuntime(runtime: RuntimeApi, refused: Refused): Ask {
  return async <Name extends OperationName>(name: Name, params: OperationParams<Name>, options: CallContext = {}) => {
    try {
      return await refused.orElse(perform(runtime, name, params, options))
    } catch (error) {
      throw error instanceof MeerkatError && error.code === 'not-owner' ? heldElsewhere(error) : error
    }
  }
}

async function perform<Name extends OperationName>(
  runtime: RuntimeApi,
  name: Name,
  params: OperationParams<Name>,
  context: CallContext,
): Promise<OperationResult<Name>> {
  const quick: Quick[Name] = QUICK[name]
  if (quick !== undefined) return quick(runtime, params, context)
  const { callOperation } = await import('../operations.ts')
  return callOperation(runtime, name, params, context)
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
