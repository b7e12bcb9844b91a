// Writes docs/postgres-schema.sql: the PostgreSQL schema as it is after every migration. With --check it compares instead.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { postgres } from '../src/store/postgres/index.ts'
import { newPostgresServer } from '../test/support/postgres.ts'
import { describeSchema } from '../test/support/postgres-schema.ts'

const path: string = join(import.meta.dirname, '..', 'docs', 'postgres-schema.sql')
const header = '-- The schema of the PostgreSQL store after every migration. Made by `npm run schema`.\n\n'

async function current(): Promise<string> {
  const server = await newPostgresServer()
  try {
    const store = await postgres(server.url()).open()
    await store.close()
    return header + (await describeSchema(server.url(), 'meerkat'))
  } finally {
    await server.stop('fast')
  }
}

const made: string = await current()
if (!process.argv.includes('--check')) {
  writeFileSync(path, made)
} else if (readFileSync(path, 'utf8') !== made) {
  console.error(
    'docs/postgres-schema.sql is not what the migrations make: run `npm run schema` and look at the difference',
  )
  process.exitCode = 1
}
