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
})
