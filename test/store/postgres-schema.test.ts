/** How a schema comes to be, and who may use it. */
import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type PostgresOptions, postgres } from '../../src/store/postgres/index.ts'
import type { Store } from '../../src/store/store.ts'
import { codeOf, commit, create, failure } from '../../src/testing/store-contract/kit.ts'
import { freshSchema, PASSWORD, postgresServer, rawly } from '../support/postgres.ts'
import { describeSchema } from '../support/postgres-schema.ts'

async function openStore(url: string, schema: string, options: PostgresOptions = {}): Promise<Store> {
  const store = await postgres(url, { schema, ...options }).open()
  onTestFinished(() => store.close())
  return store
}

const DUMP = new URL('../../docs/postgres-schema.sql', import.meta.url)

describe('migrations', () => {
  test('make the schema that docs/postgres-schema.sql shows', async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    await openStore(url, schema)
    const shown = readFileSync(DUMP, 'utf8')
    expect(await describeSchema(url, schema)).toBe(shown.slice(shown.indexOf('\n\n') + 2))
  })

  test('are applied once when many processes start at once', async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    const stores = await Promise.all(Array.from({ length: 6 }, () => openStore(url, schema)))
    await Promise.all(stores.map((store, i) => create(store, `s${i}`, { owner: `o${i}` })))
    expect(await stores[0]?.tail()).toBe(6)
    const rows = await rawly(url, schema, 'SELECT version FROM migrations ORDER BY version')
    expect(rows).toEqual(rows.map((_, i) => ({ version: i + 1 })))
  })

  test('of a newer release that this one can live with leave it working', async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    await (await openStore(url, schema)).close()
    await rawly(
      url,
      schema,
      `ALTER TABLE heads ADD COLUMN colour text;
      INSERT INTO migrations (version, name, min_reader) VALUES (999, 'colours', 1)`,
    )
    const store = await openStore(url, schema)
    const { claim } = await create(store, 's')
    expect(await store.commit(commit(claim, 2))).toBe(2)
  })

  test('of a newer release that this one would misread are refused, and nothing is touched', async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    await (await openStore(url, schema)).close()
    await rawly(url, schema, `INSERT INTO migrations (version, name, min_reader) VALUES (999, 'other', 999)`)
    const before = await describeSchema(url, schema)
    expect(await failure(openStore(url, schema))).toMatchObject({
      code: 'unsupported',
      details: { schema, found: 999, minReader: 999 },
    })
    expect(await describeSchema(url, schema)).toBe(before)
  })

  test('never touch the tables of another program', async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    await rawly(url, 'public', `CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".sessions (theirs text)`)
    const refused = await failure(openStore(url, schema))
    expect(refused).toMatchObject({ code: 'store-unavailable', retryable: false, details: { schema } })
    expect(
      await rawly(url, schema, `SELECT relname FROM pg_class WHERE relnamespace = '${schema}'::regnamespace`),
    ).toEqual([{ relname: 'sessions' }])
  })

  test('keep schemas of one database apart', async () => {
    const url = (await postgresServer()).url()
    const [left, right] = [await openStore(url, freshSchema()), await openStore(url, freshSchema())]
    await create(left, 's')
    expect(await right.tail()).toBe(0)
    await create(right, 's', { owner: 'other' })
    expect([await left.tail(), await right.tail()]).toEqual([1, 1])
  })
})

describe('a database that can’t be used says why', () => {
  test('wrong password, unknown database, nobody there', async () => {
    const server = await postgresServer()
    const cases = [
      { url: server.url().replace(PASSWORD, 'wrong-horse'), says: 'user, password', retryable: false },
      { url: server.url('nowhere'), says: 'CREATE DATABASE', retryable: false },
      { url: server.url('postgres', 1), says: 'refuses the connection', retryable: true },
      { url: server.url().replace('127.0.0.1', 'no-such-host.invalid'), says: 'address', retryable: true },
    ]
    for (const { url, says, retryable } of cases) {
      const refused = await failure(postgres(url, { connectTimeoutMs: 3000 }).open())
      expect(refused).toMatchObject({ code: 'store-unavailable', retryable })
      expect(refused?.message).toContain(says)
      expect(JSON.stringify(refused)).not.toContain('horse')
    }
  })

  test('no connection left', async () => {
    const server = await postgresServer()
    await rawly(server.url(), 'public', `CREATE ROLE lonely LOGIN PASSWORD 'x' CONNECTION LIMIT 0`)
    const url = server.url().replace(`meerkat:${PASSWORD}`, 'lonely:x')
    const refused = await failure(postgres(url).open())
    expect(refused).toMatchObject({ code: 'store-unavailable', retryable: true, details: { sqlState: '53300' } })
  })

  test('no right to make the schema', async () => {
    const server = await postgresServer()
    await rawly(server.url(), 'public', `CREATE ROLE guest LOGIN PASSWORD 'x'`)
    const url = server.url().replace(`meerkat:${PASSWORD}`, 'guest:x')
    const refused = await failure(postgres(url, { schema: freshSchema() }).open())
    expect(refused).toMatchObject({ code: 'store-unavailable', retryable: false })
    expect(refused?.message).toContain('grant')
  })

  test('read-only', async () => {
    const server = await postgresServer()
    await rawly(server.url(), 'public', 'CREATE DATABASE frozen')
    const store = await openStore(server.url('frozen'), 'meerkat')
    const { claim } = await create(store, 's')
    await store.close()
    await rawly(server.url(), 'public', 'ALTER DATABASE frozen SET default_transaction_read_only = on')
    const again = await openStore(server.url('frozen'), 'meerkat')
    expect(await failure(again.commit(commit(claim, 2)))).toMatchObject({
      code: 'store-unavailable',
      retryable: true,
      details: { sqlState: '25006', outcome: 'none' },
    })
    expect((await again.load(claim.sessionId)).rows.length).toBe(1)
  })

  test('text that is not Unicode', async () => {
    const server = await postgresServer()
    await rawly(server.url(), 'public', `CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
    const refused = await failure(postgres(server.url('latin')).open())
    expect(refused).toMatchObject({ code: 'unsupported', details: { encoding: 'LATIN1' } })
  })

  test('arguments that make no sense', async () => {
    expect(await codeOf(Promise.resolve().then(() => postgres('mysql://u:p@h/d').open()))).toBe('invalid-params')
    expect(await codeOf(Promise.resolve().then(() => postgres('postgres://h/d', { schema: 'a"b' }).open()))).toBe(
      'invalid-params',
    )
  })

  test('its name holds no secret', () => {
    expect(postgres('postgres://me:secret@host/base?sslmode=require').name).toBe('postgres://host:5432/base')
  })
})
