/** `meerkat backup FILE`: a consistent copy of a database, also while other processes write it. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { MeerkatError } from '../../../errors.ts'
import type { Shell } from '../shell.ts'
import { parseStore } from '../store-spec.ts'

export async function backup(shell: Shell, [file]: readonly unknown[]): Promise<void> {
  const spec = parseStore((await shell.settings()).store)
  if (spec.type !== 'sqlite') {
    throw new MeerkatError('unsupported', 'only an SQLite store is copied by this; for PostgreSQL use its own backups')
  }
  const target = resolve(String(file))
  const { backupSqlite } = await import('../../../store/sqlite/index.ts')
  await backupSqlite(spec.path, target)
  const { size: bytes } = statSync(target)
  if (shell.output.json) shell.output.object({ type: 'backup', path: target, bytes })
  else shell.output.line(`${target} (${Math.ceil(bytes / 1024)} kB)`)
}
