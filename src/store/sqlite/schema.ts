/**
 * The tables, and the migrations of older files.
 *
 * `log` is the truth, in arrival order: a commit appends at its end, whatever session it is of, so a flush of many
 * sessions dirties neighbouring pages. Rows know their session's previous row instead of standing in an index by
 * session; `marks` keeps every 64th of a session for seeking. `heads` is small and hot. All else is written rarely or
 * appends too (`refs`: UUID v7 ids rise).
 */

import type { SqlDriver } from './driver.ts'
import { foreignDatabase, newerSchema } from './errors.ts'

/** In the file's header, so that another program's database is never written to. */
const APPLICATION_ID = 0x6d6b6174

/** The newest position that was given, also if its row was removed. */
export const TAIL = `SELECT max(ifnull((SELECT max(position) FROM log), 0),
  ifnull((SELECT value FROM meta WHERE key = 'tail'), 0)) AS tail`

/** Commits of a session between two of its marks. */
export const MARK_EVERY = 64

const FIRST = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

  CREATE TABLE log (
    position INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    prev INTEGER NOT NULL,      -- position of the session's previous row, 0 for its first
    messages INTEGER NOT NULL,  -- messages in the transcript after this row
    crc INTEGER NOT NULL,
    body TEXT NOT NULL
  );
  CREATE TABLE heads (
    session INTEGER PRIMARY KEY,
    token INTEGER NOT NULL,
    owner INTEGER,              -- owners.n; free when NULL or when that row is gone
    last INTEGER NOT NULL,
    rows INTEGER NOT NULL,      -- rows of this session in the log
    commits INTEGER NOT NULL,
    phase TEXT NOT NULL,
    unfinished INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  );
  CREATE TABLE sessions (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    body TEXT NOT NULL
  );
  CREATE TABLE refs (
    id PRIMARY KEY,             -- 16 bytes of a UUID, or the text of any other id
    session INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER
  ) WITHOUT ROWID;
  CREATE TABLE keys (
    session INTEGER NOT NULL,
    key TEXT NOT NULL,
    input TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (session, key)
  ) WITHOUT ROWID;
  CREATE TABLE journal (
    session INTEGER NOT NULL,
    work TEXT NOT NULL,
    idx INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (session, work, idx)
  ) WITHOUT ROWID;
  CREATE TABLE snapshots (
    session INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    body TEXT NOT NULL
  );
  CREATE TABLE marks (
    session INTEGER NOT NULL,
    mark INTEGER NOT NULL,      -- the row after which it was written is the session's (mark * 64)th
    position INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (session, mark)
  ) WITHOUT ROWID;
  CREATE TABLE owners (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL UNIQUE,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    started INTEGER NOT NULL,
    heartbeat INTEGER NOT NULL
  );
  PRAGMA application_id = ${APPLICATION_ID};
`

const SECOND = `
  ALTER TABLE heads ADD COLUMN due_at INTEGER;  -- when the session's earliest timer is due
  CREATE TABLE letters (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    session INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    answer TEXT
  );
  CREATE TABLE blobs (
    n INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    data BLOB NOT NULL
  );
  CREATE TABLE blob_refs (
    session INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (session, digest)
  ) WITHOUT ROWID;
  CREATE INDEX blob_refs_by_digest ON blob_refs (digest);
`

const THIRD = `
  CREATE TABLE registry (
    key TEXT PRIMARY KEY,
    version INTEGER NOT NULL,   -- given by meta's registry_version, never twice
    owner TEXT,                 -- owners.owner; nobody when NULL, and a dead one when that row is gone
    body TEXT NOT NULL
  ) WITHOUT ROWID;
`

const FOURTH = `
  CREATE TABLE streamed (
    session INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,  -- the session's newest row when it was said
    crc INTEGER NOT NULL,
    body TEXT NOT NULL
  );
`

/** Step i leads from version i to version i + 1. Released steps never change. */
const MIGRATIONS: readonly string[] = [FIRST, SECOND, THIRD, FOURTH]

/** The schema version this release writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length

/** Brings the file to this release's schema inside one transaction, or refuses it untouched. */
export function migrate(db: SqlDriver, path: string): void {
  if (versionOf(db, path) === SCHEMA_VERSION) return
  db.exec('BEGIN IMMEDIATE')
  try {
    // Read again under the lock: another process may have migrated meanwhile.
    const from = versionOf(db, path)
    for (const step of MIGRATIONS.slice(from)) db.exec(step)
    db.prepare(`INSERT OR REPLACE INTO meta (key, value) VALUES ('schema_version', ?)`).run(SCHEMA_VERSION)
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** The file's schema version, 0 for an empty one; a newer or a foreign file is refused. Only reads. */
export function versionOf(db: SqlDriver, path: string): number {
  const tables = Number(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'])
  if (tables === 0) return 0
  const application = db.prepare('PRAGMA application_id').get()?.['application_id']
  if (application !== APPLICATION_ID) throw foreignDatabase(path)
  const found = Number(db.prepare(`SELECT value FROM meta WHERE key = 'schema_version'`).get()?.['value'])
  if (found > SCHEMA_VERSION) throw newerSchema(path, found, SCHEMA_VERSION)
  return found
}
