/** The least that could do the job: an append-only SQLite log, `synchronous=FULL`, one transaction a tick. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export interface AppendLog {
  append(session: number, body: string): Promise<void>
  close(): void
}

export function openAppendLog(folder: string): AppendLog {
  const db = new DatabaseSync(join(folder, 'floor.db'))
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  db.exec('CREATE TABLE IF NOT EXISTS log (position INTEGER PRIMARY KEY, session INTEGER, body TEXT)')
  const insert = db.prepare('INSERT INTO log (session, body) VALUES (?, ?)')
  let waiting: { readonly session: number; readonly body: string; readonly done: () => void }[] = []
  const flush = (): void => {
    const batch = waiting
    waiting = []
    db.exec('BEGIN IMMEDIATE')
    for (const { session, body } of batch) insert.run(session, body)
    db.exec('COMMIT')
    for (const { done } of batch) done()
  }
  return {
    append: (session, body) =>
      new Promise(done => {
        if (waiting.length === 0) setImmediate(flush)
        waiting.push({ session, body, done })
      }),
    close: () => db.close(),
  }
}
