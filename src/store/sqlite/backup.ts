/**
 * Copies a database that other processes go on writing, whole and sound.
 *
 * The copy shows the moment at which it was begun. Until it is done, what other processes write stays in the -wal file.
 *
 * The copy has no owners, so the first process that opens it takes up its unfinished work. Don't run original and copy:
 * each would do the work that was open when the copy was made.
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { MeerkatError } from '../../errors.ts'
import { aFunction, aWord, checkArgument, checkOptions, optional } from '../../options.ts'
import { toStoreError } from './errors.ts'
import { versionOf } from './schema.ts'

export interface BackupProgress {
  readonly totalPages: number
  readonly remainingPages: number
}

/** Copies the database at `source` to `target`, which must not exist. Resolves when the copy is on disk. */
export async function backupSqlite(
  source: string,
  target: string,
  options: { readonly onProgress?: (progress: BackupProgress) => void } = {},
): Promise<void> {
  checkArgument('backupSqlite', 'source', source, aWord)
  checkArgument('backupSqlite', 'target', target, aWord)
  checkOptions('backupSqlite', options, { onProgress: optional(aFunction) })
  const [from, to] = [resolve(source), resolve(target)]
  if (existsSync(to)) {
    throw new MeerkatError('conflict', `${to} exists: choose another path for the backup, or remove it`, {
      details: { path: to },
    })
  }
  const half = `${to}.${process.pid}.part`
  try {
    const db = new DatabaseSync(from, { readOnly: true })
    try {
      // One transaction over all its steps: without it, every commit of another process makes the copy start over.
      db.exec('BEGIN')
      versionOf(db, from)
      await backup(db, half, { rate: 1_000, ...(options.onProgress && { progress: options.onProgress }) })
    } finally {
      db.close()
    }
    disown(half)
    flush(half)
    renameSync(half, to)
    flush(dirname(to))
  } catch (error) {
    for (const end of ['', '-wal', '-shm', '-journal']) discard(`${half}${end}`)
    throw toStoreError(error, { path: from })
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // Cleaning up is best effort; the error that led here says more.
  }
}

/** Removes all owners and claims from the copy. */
function disown(path: string): void {
  const db = new DatabaseSync(path)
  try {
    db.exec('PRAGMA journal_mode = DELETE; BEGIN; DELETE FROM owners; UPDATE heads SET owner = NULL; COMMIT')
  } finally {
    db.close()
  }
}

function flush(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
