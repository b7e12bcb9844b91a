/** Retention on a PostgreSQL server, with two members of a fleet. */
import { expect, test } from 'vitest'
import { postgres } from '../../src/store/postgres/index.ts'
import { scriptedExecutor } from '../../src/testing/scripted-executor.ts'
import { freshSchema, postgresServer } from '../support/postgres.ts'
import { codeOf, eventsOf, start, typesOf } from './support.ts'

test('joins, drops and forgets; the member that owns a session decides', { timeout: 60_000 }, async () => {
  const server = await postgresServer()
  const store = postgres(server.url(), { schema: freshSchema(), max: 2 })
  const executor = scriptedExecutor(async run => {
    for (const piece of ['The ', 'deploy ', 'is ', 'done.']) {
      run.stream(piece)
      await run.useTool({ id: `${run.port.runId}-${piece.trim()}`, policy: 'retry' })
    }
    return 'Done.'
  })
  const owner = await start({ store, executor })
  for (const id of ['kept', 'gone']) {
    await owner.open({ sessionId: id })
    await owner.send(id, { content: 'deploy', idempotencyKey: 'k', waitMs: 20_000 })
  }
  await owner.control('gone', 'destroy')
  const [before, history] = [await eventsOf(owner, 'kept'), await owner.history('kept', {})]

  const ages = { deltasAfterMs: 0, eventsAfterMs: 0, destroyedAfterMs: 0 }
  const other = await start({ store })
  expect(await other.prune(ages)).toMatchObject({ removed: 0, amended: 0, skipped: 2 })
  await expect.poll(async () => (await owner.prune({ ...ages, compact: true })).removed).toBe(1)

  const after = await eventsOf(owner, 'kept')
  expect(after.length).toBeLessThan(before.length)
  for (const event of after) expect(before).toContainEqual(event)
  expect(typesOf(after, 'text.')).toEqual([])
  expect(await owner.history('kept', {})).toEqual(history)
  expect(await owner.audit('kept')).toMatchObject({ ok: true })
  expect(await owner.send('kept', { content: 'deploy', idempotencyKey: 'k' })).toMatchObject({
    outcome: 'deduplicated',
  })
  expect(await codeOf(other.get('gone'))).toBe('session-not-found')
  expect((await other.open({ sessionId: 'gone' })).messages).toBe(0)
})
