/** What a machine is made of: a store, the runtime over it, and one executor that stands for all its sessions'. */
import type { CoreExecutor } from '../executor/executor.ts'
import type { SessionId } from '../kernel/ids.ts'
import { Core } from '../session/core.ts'
import { type RuntimeOptions, soundOptions } from '../session/options.ts'
import { Runtime } from '../session/runtime.ts'
import { memory } from '../store/memory.ts'
import type { StoreSource } from '../store/store.ts'
import { Entries } from './entries.ts'

/** What a machine is made with, besides its store. */
export type MachineOptions = Omit<RuntimeOptions, 'store' | 'executor' | 'serves' | 'keeps' | 'recover'>

export interface Parts {
  readonly core: Core
  readonly runtime: Runtime
  readonly entries: Entries
  /** Absent: nothing outlasts the machine. */
  readonly source: StoreSource | undefined
  readonly takesFiles: boolean
}

/** Opens the store. A session runs only while a host has given it an executor. */
export async function openParts(
  source: StoreSource | undefined,
  takesFiles: boolean,
  options: MachineOptions,
): Promise<Parts> {
  const sound = soundOptions(options)
  const store = await (source ?? memory()).open()
  const entries: Entries = new Entries(id => core.sessions.peek(id))
  const executor: CoreExecutor = {
    name: 'host',
    apply: port => served(entries, port.sessionId).apply(port),
    watch: async (operation, context) => {
      const watcher = await entries.servedBy(operation.sessionId, context.signal)
      return watcher?.watch?.(operation, context)
    },
  }
  const serves = (id: SessionId): boolean => entries.peek(id)?.executor !== undefined
  const keeps = (id: SessionId): boolean => entries.peek(id)?.left !== true
  const core: Core = new Core(store, { ...sound, executor, serves, keeps, recover: false })
  return { core, runtime: new Runtime(core), entries, source, takesFiles }
}

/** Whether one store is the authority of both. A name is a place, but for memory, which is nowhere. */
export function isSameStore(mine: StoreSource | undefined, theirs: StoreSource | undefined): boolean {
  if (mine === undefined || theirs === undefined) return false
  return mine === theirs || (mine.name === theirs.name && mine.name !== 'memory')
}

function served(entries: Entries, sessionId: SessionId): CoreExecutor {
  const executor = entries.peek(sessionId)?.executor
  if (executor === undefined) throw new Error(`session ${sessionId} has lost its executor`)
  return executor
}
