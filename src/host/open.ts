/** What a machine is made of: a store, the runtime over it, and one executor that stands for all its sessions'. */
import type { CoreExecutor } from '../executor/executor.ts'
import type { SessionId } from '../kernel/ids.ts'
import { Core } from '../session/core.ts'
import { type RuntimeOptions, soundOptions } from '../session/options.ts'
import { Runtime } from '../session/runtime.ts'
import { memory } from '../store/memory.ts'
import type { StoreSource } from '../store/store.ts'
import { Entries } from './entries.ts'
import { identityOf, type SharedByStore, sharedBy } from './shared.ts'

/** What a machine is made with, besides its store. */
export type MachineOptions = Omit<RuntimeOptions, 'store' | 'executor' | 'serves' | 'keeps' | 'takesFiles' | 'recover'>

export interface Parts {
  readonly core: Core
  readonly runtime: Runtime
  readonly entries: Entries
  /** Whether anything outlasts the machine. */
  readonly isDurable: boolean
  /** Which store it is. */
  readonly identity: string
  readonly shared: SharedByStore
  /** The machine has no more use of what is shared. */
  readonly release: () => Promise<void>
}

/** How long an executor may take to close, ms. */
const CLOSE_MS = 5_000

/** Opens the store. A session runs only while a host has given it an executor. */
export async function openParts(
  source: StoreSource | undefined,
  takesFiles: boolean,
  options: MachineOptions,
): Promise<Parts> {
  const sound = soundOptions(options)
  const place = source ?? memory()
  const store = await place.open()
  const entries: Entries = new Entries(id => core.sessions.peek(id))
  const executor: CoreExecutor = {
    name: 'host',
    apply: port => served(entries, port.sessionId).apply(port),
    hearsWhileParked: id => entries.peek(id)?.executor?.hearsWhileParked?.(id) === true,
    tools: (session, id) => (id === undefined ? undefined : entries.peek(id)?.executor?.tools?.(session, id)),
    close: () => entries.closeExecutors(core.clock, CLOSE_MS),
    watch: async (operation, context) => {
      const watcher = await entries.servedBy(operation.sessionId, context.signal)
      return watcher?.watch?.(operation, context)
    },
  }
  const serves = (id: SessionId): boolean => entries.peek(id)?.executor !== undefined
  const keeps = (id: SessionId): boolean => entries.peek(id)?.left !== true
  const core: Core = new Core(store, { ...sound, takesFiles, executor, serves, keeps, recover: false })
  const runtime = new Runtime(core)
  const identity = identityOf(place, store)
  try {
    const shared = await sharedBy(identity, place, core.clock)
    return { core, runtime, entries, isDurable: source !== undefined, identity, ...shared }
  } catch (error) {
    await runtime.close()
    throw error
  }
}

function served(entries: Entries, sessionId: SessionId): CoreExecutor {
  const executor = entries.peek(sessionId)?.executor
  if (executor === undefined) throw new Error(`session ${sessionId} has lost its executor`)
  return executor
}
