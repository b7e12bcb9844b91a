/** Database files of a test, and the second connection through which it harms them. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import { type SqliteOptions, sqlite } from '../../../src/store/sqlite/index.ts'
import type { Store } from '../../../src/store/store.ts'

/** A path in a folder that goes with the test. */
export function freshPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'meerkat-sqlite-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'sessions.db')
}

/** An open store that is closed with the test. */
export async function openStore(path: string, options: SqliteOptions = {}): Promise<Store> {
  const store = await sqlite(path, options).open()
  onTestFinished(() => store.close())
  return store
}

/** Runs one statement on a connection of its own. */
export function rawly(path: string, sql: string, ...values: SQLInputValue[]): void {
  const db = new DatabaseSync(path)
  try {
    db.prepare(sql).run(...values)
  } finally {
    db.close()
  }
}

export function rawRows(path: string, sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    return db.prepare(sql).all()
  } finally {
    db.close()
  }
}

export function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
