// The floor of a start: open SQLite durably, write an acceptance, write an answer.
import { DatabaseSync } from 'node:sqlite'

const db = new DatabaseSync(process.argv[2] ?? '')
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE log (position INTEGER PRIMARY KEY, body TEXT)')
const insert = db.prepare('INSERT INTO log (body) VALUES (?)')
insert.run(JSON.stringify({ accepted: 'hello' }))
insert.run(JSON.stringify({ answer: 'hello' }))
db.close()
