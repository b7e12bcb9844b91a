/** Sessions between a file and a PostgreSQL server, there and back. */
import { expect, test } from 'vitest'
import { moveSession } from '../../src/session/transfer/move.ts'
import { digestOf } from '../../src/store/blobs.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import { scriptedExecutor } from '../../src/testing/scripted-executor.ts'
import { freshSchema, postgresServer } from '../support/postgres.ts'
import { freshStore, start } from './support.ts'

const BYTES = Buffer.alloc(9_000, 'meerkat')

test('a session goes to PostgreSQL, works there, and comes back with all of it', { timeout: 60_000 }, async () => {
  const server = await postgresServer()
  const [file, database] = [freshStore('sqlite'), postgres(server.url(), { schema: freshSchema(), max: 2 })]
  const executor = scriptedExecutor(({ said }) => `heard ${said}`)
  const first = await start({ store: file, executor })
  await first.open({ sessionId: 's' })
  const content = [{ type: 'file', mediaType: 'text/plain', data: BYTES.toString('base64') }] as const
  await first.send('s', { content, idempotencyKey: 'k', waitMs: 10_000 })
  const before = await first.history('s', {})
  await first.close()
  const reader = await start({ store: file })
  await reader.send('s', { content: 'later' })
  await reader.close()

  const [a, b] = [await file.open(), await database.open()]
  expect(await moveSession(a, b, 's', { owner: 'mover' })).toMatchObject({ moved: true })
  const second = await start({ store: database, executor })
  const { items } = await second.inputs('s', {})
  await second.wait('s', items[1]?.id ?? '', 10_000)
  const there = await second.history('s', {})
  expect(there.messages.slice(0, 2)).toEqual(before.messages)
  expect(there.messages[3]?.content).toBe('heard later')
  expect((await second.blob('s', digestOf(BYTES))).data).toBe(BYTES.toString('base64'))
  await second.close()

  expect(await moveSession(b, a, 's', { owner: 'mover' })).toMatchObject({ moved: true })
  const third = await start({ store: file, executor })
  expect(await third.history('s', {})).toEqual(there)
  expect(await third.send('s', { content, idempotencyKey: 'k' })).toMatchObject({ outcome: 'deduplicated' })
  expect(await third.audit('s')).toMatchObject({ ok: true })
  await a.close()
  await b.close()
})
