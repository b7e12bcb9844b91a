/** A network that swallows what it should pass on: the runtime’s health says so, and says when it is over. */
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Health } from '../../src/index.ts'
import { serve } from '../../src/server.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { freshSchema, postgresServer, rawly } from '../support/postgres.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { LONG_MS, start } from './support.ts'

/** How often a monitor asks in these tests; seldom enough that what is told for a blink only would escape it. */
const MONITOR_MS = 200

/** A runtime that reaches its database through a proxy, and what a monitor reads at its `/healthz`. */
async function monitored() {
  const direct = (await postgresServer()).url()
  const proxy = await tcpProxy(direct)
  onTestFinished(() => proxy.close())
  const schema = freshSchema()
  const runtime = await start({ store: postgres(proxy.url, { schema }), executor: scriptedExecutor(() => 'ok') })
  const server = await serve({ runtime, port: 0 })
  onTestFinished(() => server.close())
  const healthz = async (): Promise<Health> => {
    const answer = await fetch(`${server.url}/healthz`)
    expect(answer.status).toBe(200)
    return (await answer.json()) as Health
  }
  const soon = (health: object) =>
    vi.waitFor(async () => expect(await healthz()).toMatchObject(health), { timeout: 30_000, interval: MONITOR_MS })
  const listens = `SELECT client_port FROM pg_stat_activity WHERE query ILIKE 'listen%${schema}%'`
  const listeners = async () => (await rawly(direct, schema, listens)).map(row => Number(row['client_port']))
  return { runtime, proxy, soon, listeners }
}

const OK = { status: 'ok', reasons: [] }
const degraded = (reason: RegExp) => ({ status: 'degraded', reasons: [expect.stringMatching(reason) as unknown] })

test('a listening connection that is dead without knowing degrades health, with the reason, until another one hears', {
  timeout: 120_000,
}, async () => {
  const { runtime, proxy, soon, listeners } = await monitored()
  await runtime.open({ sessionId: 's' })
  await soon(OK)
  await vi.waitFor(async () => expect(await listeners()).toHaveLength(1), { timeout: 10_000 })
  for (const port of await listeners()) proxy.halfOpen(port)
  await soon(degraded(/hears what other processes do is silent/))
  expect(await runtime.send('s', { content: 'x', waitMs: LONG_MS })).toMatchObject({ status: 'consumed' })
  await soon(OK)
})

test('a server that answers nothing any more, on connections that stand, degrades health until it does', {
  timeout: 120_000,
}, async () => {
  const { runtime, proxy, soon } = await monitored()
  await runtime.open({ sessionId: 's' })
  await soon(OK)
  proxy.stall()
  await soon(degraded(/does not answer|is silent/))
  proxy.restore()
  await soon(OK)
  expect(await runtime.send('s', { content: 'x', waitMs: LONG_MS })).toMatchObject({ status: 'consumed' })
})
