/** Host processes that share a store share its credentials, its logins and its claims of identities. */
import { describe, expect, test } from 'vitest'
import { freshPath, rawRows } from '../store/support/files.ts'
import { freshSchema, postgresServer, rawly } from '../support/postgres.ts'
import type { HostPlan } from './support/host-main.ts'
import { startHost } from './support/host-process.ts'

const LEASE_MS = 1_000

interface Place {
  readonly plan: HostPlan
  /** Everything in its registry, as text. */
  readonly registry: () => Promise<string>
}

const places: Readonly<Record<string, () => Promise<Place>>> = {
  'a SQLite file': async () => {
    const path = freshPath()
    const registry = (): Promise<string> => Promise.resolve(JSON.stringify(rawRows(path, 'SELECT * FROM registry')))
    return { plan: { store: { kind: 'sqlite', path }, leaseMs: LEASE_MS }, registry }
  },
  'a PostgreSQL schema': async () => {
    const url = (await postgresServer()).url()
    const schema = freshSchema()
    const registry = async (): Promise<string> => JSON.stringify(await rawly(url, schema, 'SELECT * FROM registry'))
    return { plan: { store: { kind: 'postgres', url, schema }, leaseMs: LEASE_MS }, registry }
  },
}

const failsWith = (error: object): unknown => ({ error: expect.objectContaining(error) as unknown })

describe.each(Object.entries(places))('on %s', (_, place) => {
  test('a login that begins in one process is completed in another, once', async () => {
    const { plan, registry } = await place()
    const [one, other] = [await startHost(plan), await startHost(plan)]
    const { flowId } = (await one.ask({ act: 'begin-flow' })) as { readonly flowId: string }
    const wrong = await other.ask({ act: 'complete-flow', flowId, redirectUri: 'http://evil/cb' })
    expect(wrong).toEqual(failsWith({ code: 'rejected', details: { reason: 'RedirectUriMismatch' } }))
    const kept = await registry()
    expect(kept).toContain('http://127.0.0.1/callback')
    for (const secret of [flowId, flowId.slice(3), 'secret-v']) expect(kept).not.toContain(secret)
    await one.kill()
    const third = await startHost(plan)
    const ends = await Promise.all([other, third].map(each => each.ask({ act: 'complete-flow', flowId })))
    const completed = expect.objectContaining({ flowId, pkceVerifier: 'secret-v' }) as unknown
    const missing = failsWith({ code: 'not-found', details: { reason: 'Missing' } })
    expect(ends).toContainEqual(completed)
    expect(ends).toContainEqual(missing)
    const next = await startHost(plan)
    expect(await next.ask({ act: 'complete-flow', flowId })).toEqual(missing)
  })

  test('a login in one process is known in the others, and in those that begin later', async () => {
    const { plan } = await place()
    const [one, other] = [await startHost(plan), await startHost(plan)]
    await one.ask({ act: 'login' })
    await expect.poll(() => other.ask({ act: 'snapshot' })).toMatchObject({ phase: 'valid', generation: 1 })
    await one.kill()
    const later = await startHost(plan)
    expect(await later.ask({ act: 'snapshot' })).toMatchObject({ phase: 'valid', generation: 1 })
    await later.ask({ act: 'release' })
    await expect.poll(() => other.ask({ act: 'snapshot' })).toEqual({ credentialPresent: false, generation: 1 })
    expect(await other.ask({ act: 'refresh' })).toEqual(failsWith({ code: 'unauthorized' }))
  })

  test('one process refreshes, and the others wait for it', async () => {
    const { plan, registry } = await place()
    const [one, other] = [await startHost(plan), await startHost(plan)]
    await one.ask({ act: 'login', expiresInMs: 10_000 })
    const asked = [one, other].map(each => each.ask({ act: 'refresh' }))
    await Promise.race([one.performs(1), other.performs(1)])
    const [performer, waiter] = one.performed().length === 1 ? [one, other] : [other, one]
    const hurried = await waiter.ask({ act: 'refresh', waitMs: 300 })
    expect(hurried).toEqual(failsWith({ code: 'not-ready' }))
    expect(hurried).toMatchObject({ error: { details: { reason: 'refresh-timeout' } } })
    await performer.ask({ act: 'grant', token: 'secret-token' })
    const answers = await Promise.all(asked)
    expect(answers).toContain('secret-token')
    expect(answers).toContain('kept at 2')
    for (const each of [one, other]) {
      await expect.poll(() => each.ask({ act: 'snapshot' })).toMatchObject({ phase: 'valid', generation: 2 })
    }
    expect([performer.performed().length, waiter.performed().length]).toEqual([1, 0])
    expect(await registry()).not.toContain('secret-token')
  })

  test('a refresh that fails for good fails for the processes that wait, and asks all for a login', async () => {
    const { plan } = await place()
    const [one, other] = [await startHost(plan), await startHost(plan)]
    await one.ask({ act: 'login' })
    const first = one.ask({ act: 'refresh' })
    await one.performs(1)
    const second = other.ask({ act: 'refresh' })
    await one.ask({ act: 'deny' })
    for (const asked of [first, second]) expect(await asked).toEqual(failsWith({ code: 'unauthorized' }))
    expect(other.performed()).toEqual([])
    expect(await other.ask({ act: 'snapshot' })).toMatchObject({ phase: 'reauthRequired' })
  })

  test('a process that is killed while it refreshes is taken over', async () => {
    const { plan } = await place()
    const [one, other] = [await startHost(plan), await startHost(plan)]
    await one.ask({ act: 'login' })
    void one.ask({ act: 'refresh' })
    await one.performs(1)
    const asked = other.ask({ act: 'refresh' })
    expect(await other.ask({ act: 'refresh', waitMs: 100 })).toEqual(failsWith({ code: 'not-ready' }))
    expect(other.performed()).toEqual([])
    await one.kill()
    await other.performs(1)
    await other.ask({ act: 'grant', token: 'fresh' })
    expect(await asked).toBe('fresh')
    expect(await other.ask({ act: 'snapshot' })).toMatchObject({ phase: 'valid', generation: 2 })
  })

  test('what a process brings late, after another one took over, is refused', async () => {
    const { plan } = await place()
    const [slow, other] = [await startHost(plan), await startHost(plan)]
    await slow.ask({ act: 'login' })
    const late = slow.ask({ act: 'refresh' })
    await slow.performs(1)
    slow.child.kill('SIGSTOP')
    const asked = other.ask({ act: 'refresh' })
    await other.performs(1)
    // Where the host keeps the token, the later one wins by its fence, too.
    expect(other.performed()[0]).toBeGreaterThan(slow.performed()[0] ?? Number.POSITIVE_INFINITY)
    slow.child.kill('SIGCONT')
    await slow.ask({ act: 'grant', token: 'stale' })
    const refused = await late
    expect(refused).toMatchObject({ error: { code: 'not-ready', details: { reason: 'overtaken' } } })
    expect(await other.ask({ act: 'snapshot' })).toMatchObject({ phase: 'refreshing', generation: 1 })
    await other.ask({ act: 'grant', token: 'fresh' })
    expect(await asked).toBe('fresh')
    for (const each of [slow, other]) {
      await expect.poll(() => each.ask({ act: 'snapshot' })).toMatchObject({ phase: 'valid', generation: 2 })
    }
  })

  test('an identity is claimed in one process at a time, and by another one when that is killed', async () => {
    const { plan } = await place()
    const [one, other] = [await startHost(plan), await startHost(plan)]
    const inUse = failsWith({ name: 'SessionClaimError', kind: 'SessionIdentityInUse' })
    const both = await Promise.all([one, other].map(each => each.ask({ act: 'claim' })))
    expect(both).toContainEqual(inUse)
    expect(both).toContain(null)
    const [holder, loser] = both[0] === null ? [one, other] : [other, one]
    expect(await loser.ask({ act: 'claim' })).toEqual(inUse)
    await holder.ask({ act: 'unclaim' })
    await expect.poll(() => loser.ask({ act: 'claim' })).toBe(null)
    await expect.poll(() => holder.ask({ act: 'claim' })).toEqual(inUse)
    await loser.kill()
    await expect.poll(() => holder.ask({ act: 'claim' }), { timeout: 10_000 }).toBe(null)
  })

  test('an identity that was taken over is lost to the process that was silent', async () => {
    const { plan } = await place()
    const [silent, other] = [await startHost(plan), await startHost(plan)]
    expect(await silent.ask({ act: 'claim' })).toBe(null)
    silent.child.kill('SIGSTOP')
    await expect.poll(() => other.ask({ act: 'claim' }), { timeout: 10_000 }).toBe(null)
    silent.child.kill('SIGCONT')
    await expect.poll(() => silent.ask({ act: 'lost' }), { timeout: 10_000 }).toBe(true)
    expect(await other.ask({ act: 'lost' })).toBe(false)
  })
})
