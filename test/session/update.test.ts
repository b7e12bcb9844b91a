/** Changing how a session is served: its prompt, model, tools, title, labels and budget. */
import { expect, test } from 'vitest'
import type { CoreExecutor, SessionOptions } from '../../src/index.ts'
import { exportSession } from '../../src/session/transfer/export.ts'
import { importSession } from '../../src/session/transfer/import.ts'
import { eventsOf, failureOf, freshStore, LONG_MS, STORES, start, until } from './support.ts'

/** Tells what each attempt was served with; `hold` waits for `release`. */
function witness(): CoreExecutor & { readonly seen: SessionOptions[]; readonly release: () => void } {
  const seen: SessionOptions[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  return {
    name: 'witness',
    seen,
    release: resolve,
    tools: () => ['read', 'write'].map(name => ({ name, policy: 'fail', needsApproval: false })),
    async apply({ session, inputs }) {
      if (inputs[0]?.content === 'hold') await promise
      seen.push(session)
      return { type: 'completed', message: { role: 'assistant', content: session.system ?? 'none' } }
    },
  }
}

test.each(STORES)('%s: a change is in force from the next turn, and recorded', { timeout: LONG_MS }, async kind => {
  const store = freshStore(kind)
  const executor = witness()
  const runtime = await start({ store, executor })
  const session = await runtime.sessions.open('a', { system: 'old', title: 'T', labels: { team: 'x' } })
  const held = await session.send('hold')
  await until(runtime, 'a', 'run.started')
  const changed = await session.update({ system: 'new', title: null, labels: { team: 'y' }, tools: ['read'] })
  expect(changed).toMatchObject({ revision: 2, system: 'new', labels: { team: 'y' }, tools: ['read'] })
  expect(changed).not.toHaveProperty('title')
  executor.release()
  expect(await held.result).toMatchObject({ text: 'old' })
  expect(await (await session.send('again')).result).toMatchObject({ text: 'new' })
  expect(await runtime.audit('a')).toMatchObject({ ok: true })
  const events = (await eventsOf(runtime, 'a')).filter(({ type }) => type === 'session.updated')
  expect(events).toMatchObject([{ revision: 2, changed: ['title', 'labels', 'system', 'tools'] }])
  expect((await runtime.list({ label: 'team=y' })).items.map(({ id }) => id)).toEqual(['a'])
  expect((await runtime.list({ label: 'team=x' })).items).toEqual([])
  await runtime.close()

  const next = await start({ store, executor })
  expect(await next.get('a')).toMatchObject({ revision: 2, system: 'new' })
  expect(await (await (await next.sessions.open('a')).send('after a restart')).result).toMatchObject({ text: 'new' })
})

test('a stale revision is a conflict, and of two who change the same revision one wins', async () => {
  const runtime = await start({ store: freshStore('memory'), executor: witness() })
  await runtime.open({ sessionId: 'a' })
  const both = await Promise.allSettled([
    runtime.update('a', { revision: 1, system: 'one' }),
    runtime.update('a', { revision: 1, system: 'two' }),
  ])
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  expect(await failureOf(runtime.update('a', { revision: 1, title: 'T' }))).toMatchObject({
    code: 'conflict',
    details: { revision: 2 },
  })
  // What changes nothing is no revision.
  const { system } = await runtime.get('a')
  expect(await runtime.update('a', { system: system ?? '' })).toMatchObject({ revision: 2 })
})

test('a redeploy says what an existing session with other options is to it', async () => {
  const runtime = await start({ store: freshStore('sqlite'), executor: witness() })
  const { open } = runtime.sessions
  await open('a', { system: 'v1', title: 'T' })
  const refused = await failureOf(open('a', { system: 'v2' }))
  expect(refused.code).toBe('session-conflict')
  expect(refused.message).toContain('onConflict')
  await open('a', { system: 'v2' }, { onConflict: 'keep' })
  expect(await runtime.get('a')).toMatchObject({ system: 'v1', revision: 1 })
  await open('a', { system: 'v2' }, { onConflict: 'update' })
  await open('a', { system: 'v2' }, { onConflict: 'update' })
  expect(await runtime.get('a')).toMatchObject({ system: 'v2', title: 'T', revision: 2 })
  await open('b', { system: 'v2' }, { onConflict: 'update' })
  expect(await runtime.get('b')).toMatchObject({ system: 'v2', revision: 1 })
  const fixed = await failureOf(open('a', { merge: true }, { onConflict: 'update' }))
  expect(fixed).toMatchObject({ code: 'session-conflict', details: { fields: ['merge'] } })
})

test('whoever asks: another process of the same store changes it through its owner', { timeout: LONG_MS }, async () => {
  const store = freshStore('sqlite')
  const executor = witness()
  const owner = await start({ store, executor })
  const session = await owner.sessions.open('a')
  const held = await session.send('hold')
  await until(owner, 'a', 'run.started')
  const other = await start({ store, executor })
  expect(await other.update('a', { system: 'from afar' })).toMatchObject({ revision: 2, system: 'from afar' })
  executor.release()
  await held.result
  expect(await (await session.send('again')).result).toMatchObject({ text: 'from afar' })
})

test('what nothing acts on is refused, and so are tools that there are none of', async () => {
  const runtime = await start({ store: freshStore('memory'), executor: witness() })
  expect(await failureOf(runtime.open({ keepAlive: true }))).toMatchObject({ code: 'unsupported' })
  expect(await failureOf(runtime.open({ mcpServers: [{}] }))).toMatchObject({ code: 'unsupported' })
  await runtime.open({ sessionId: 'a', keepAlive: false, mcpServers: [], tools: ['read'] })
  const unknown = await failureOf(runtime.open({ tools: ['read', 'reed'] }))
  expect(unknown.code).toBe('invalid-params')
  expect(unknown.message).toContain('reed')
  expect(await failureOf(runtime.update('a', { tools: ['reed'] }))).toMatchObject({ code: 'invalid-params' })
  expect(await failureOf(runtime.update('nobody', { title: 'T' }))).toMatchObject({ code: 'session-not-found' })
  await runtime.control('a', 'destroy')
  expect(await failureOf(runtime.update('a', { title: 'T' }))).toMatchObject({ code: 'not-ready' })
})

test('an export and a fork have the settings of now', async () => {
  const source = freshStore('sqlite')
  const runtime = await start({ store: source, executor: witness() })
  await runtime.open({ sessionId: 'a', system: 'old' })
  await runtime.update('a', { system: 'new' })
  expect(await runtime.fork('a', { newSessionId: 'b' })).toMatchObject({ system: 'new', revision: 1 })
  await runtime.close()
  const lines: string[] = []
  const from = await source.open()
  for await (const line of exportSession(from, 'a')) lines.push(line)
  await from.close()
  const target = freshStore('memory')
  const into = await target.open()
  await importSession(into, lines, { owner: 'importer' })
  await into.close()
  const other = await start({ store: target, executor: witness() })
  expect(await other.get('a')).toMatchObject({ system: 'new', revision: 2 })
})
