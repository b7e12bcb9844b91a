/** Which machines are of one store, and what those have in common. */
import { symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { SessionClaimError } from '../../src/handles/session-claim.ts'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { memory } from '../../src/store/memory.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import type { StoreSource } from '../../src/store/store.ts'
import { freshPath } from '../store/support/files.ts'
import { freshSchema, postgresServer } from '../support/postgres.ts'
import { ephemeral, failure, S } from './support/machines.ts'

const KEY = { realm: 'work', binding: 'openai' }

async function on(source: StoreSource): Promise<MeerkatMachine> {
  const machine = await MeerkatMachine.persistent(source)
  onTestFinished(() => machine.close())
  return machine
}

/** Whether they say that they are of one store, and are. */
async function isOne(one: MeerkatMachine, other: MeerkatMachine): Promise<boolean> {
  const said = one.sharesRuntimeStoreAuthority(other)
  expect(other.sharesRuntimeStoreAuthority(one)).toBe(said)
  expect(one.sharesRuntimePersistenceWith(other)).toBe(said)
  const claim = one.sessionClaimHandle().tryAcquire(S)
  const isTaken = ((): boolean => {
    try {
      other.sessionClaimHandle().tryAcquire(S).release()
      return false
    } catch {
      return true
    }
  })()
  claim.release()
  expect(isTaken).toBe(said)
  one.auth.authLeaseHandle().acquireLease(KEY)
  expect(other.auth.authLeaseHandle().snapshot(KEY).phase === 'valid').toBe(said)
  const { flowId } = await one.auth.oauthFlowAuthority().startBrowserFlow({
    target: KEY,
    provider: 'openai',
    redirectUri: 'http://127.0.0.1/callback',
    pkceVerifier: 'v',
  })
  const use = { provider: 'openai', redirectUri: 'http://127.0.0.1/callback' }
  const found = await other.auth
    .oauthFlowAuthority()
    .consumeBrowserFlow(flowId, use)
    .then(
      flow => flow.pkceVerifier.reveal() === 'v',
      () => false,
    )
  expect(found).toBe(said)
  return said
}

test('two stores in memory are two, and what is opened of one is one', async () => {
  const source = memory()
  expect(await isOne(await on(source), await on(source))).toBe(true)
  expect(await isOne(await on(source), await on(memory()))).toBe(false)
})

test('a file is one store by whichever of its paths', async () => {
  const path = freshPath()
  const first = await on(sqlite(path))
  const link = join(dirname(path), 'link.db')
  symlinkSync(path, link)
  expect(await isOne(first, await on(sqlite(path)))).toBe(true)
  expect(await isOne(first, await on(sqlite(link)))).toBe(true)
  expect(await isOne(first, await on(sqlite(`${dirname(path)}/../${dirname(path).split('/').at(-1)}/link.db`)))).toBe(
    true,
  )
  expect(await isOne(first, await on(sqlite(freshPath())))).toBe(false)
})

test('two schemas of a database are two stores, by whichever address one is one', async () => {
  const url = (await postgresServer()).url()
  const schema = freshSchema()
  const first = await on(postgres(url, { schema }))
  expect(await isOne(first, await on(postgres(url, { schema })))).toBe(true)
  expect(
    await isOne(first, await on(postgres(`${url}${url.includes('?') ? '&' : '?'}application_name=x`, { schema }))),
  ).toBe(true)
  expect(await isOne(first, await on(postgres(url, { schema: freshSchema() })))).toBe(false)
})

test('machines without a store keep nothing in one place, and share nothing', async () => {
  const [one, other] = [await ephemeral(), await ephemeral()]
  expect(one.sharesRuntimePersistenceWith(other)).toBe(true)
  expect(one.sharesRuntimeStoreAuthority(other)).toBe(false)
  one.sessionClaimHandle().tryAcquire(S)
  other.sessionClaimHandle().tryAcquire(S)
})

test('what is known of a credential outlives the machines of a store; claims end with them', async () => {
  const source = memory()
  const one = await MeerkatMachine.persistent(source)
  one.auth.authLeaseHandle().acquireLease(KEY)
  one.sessionClaimHandle().tryAcquire(S)
  const other = await MeerkatMachine.persistent(source)
  await one.close()
  expect(other.auth.authLeaseHandle().snapshot(KEY)).toMatchObject({ phase: 'valid' })
  expect(() => other.sessionClaimHandle().tryAcquire(S)).toThrow(SessionClaimError)
  await other.close()
  const next = await on(source)
  expect(next.auth.authLeaseHandle().snapshot(KEY)).toMatchObject({ phase: 'valid', generation: 1 })
  await next.sessionClaimHandle().tryAcquire(S).confirmed
})

test('a machine without files takes none, through whichever door', async () => {
  const machine = await MeerkatMachine.persistentWithoutBlobs(sqlite(freshPath()))
  onTestFinished(() => machine.close())
  await machine.registerSession(S)
  const content = [{ type: 'file' as const, mediaType: 'image/png', data: 'AAAA' }]
  for (const act of [
    () => machine.acceptInput(S, { content }),
    () => machine.acceptInputWithCompletion(S, { content }),
    () => machine.runtime.send(S, { content }),
    () => machine.runtime.schedule(S, { content, everyMs: 60_000 }),
  ]) {
    expect(await failure(act())).toMatchObject({ code: 'unsupported' })
  }
  expect(await machine.runtime.send(S, { content: 'text' })).toMatchObject({ outcome: 'accepted' })
})
