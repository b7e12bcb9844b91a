/** Opens stores for commands that export, import or move whole sessions. */
import { existsSync } from 'node:fs'
import { MeerkatError } from '../../../errors.ts'
import type { Store } from '../../../store/store.ts'
import type { Shell } from '../shell.ts'
import { parseStore, type StoreSpec, storeOf } from '../store-spec.ts'

/** The named store, or that of the settings. */
export async function specOf(shell: Shell, named?: string): Promise<StoreSpec> {
  const spec = parseStore(named ?? (await shell.settings()).store)
  if (spec.type !== 'memory') return spec
  throw new MeerkatError('unsupported', 'a memory: store ends with this command: name an SQLite or PostgreSQL store')
}

/**
 * Opens the store until the command ends. One that is only read is not created, and an SQLite file is opened read-only.
 */
export async function openTransfer(shell: Shell, spec: StoreSpec, use: 'read' | 'write' | 'take'): Promise<Store> {
  if (use !== 'write' && spec.type === 'sqlite' && !existsSync(spec.path)) {
    throw new MeerkatError('session-not-found', `there is no database ${spec.path}: name the right one with --store`)
  }
  const store = await (await storeOf(spec, { readOnly: use === 'read' })).open()
  shell.atEnd(() => store.close())
  return store
}
