/** Durable no-op turns on PostgreSQL, beside two plain inserts a turn over 20 connections; and takeover of a dead owner. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import postgresClient from 'postgres'
import { echo } from '../src/executor/echo.ts'
import { createRuntime } from '../src/index.ts'
import { postgres } from '../src/store/postgres/index.ts'
import { freshSchema, newPostgresServer } from '../test/support/postgres.ts'
import { type Figure, figure, spreadOf } from './figure.ts'
import { type Load, load } from './parts/load.ts'

const MESSAGE = 'Checkout has failed for three customers since noon; the database looks slow. '.repeat(4).slice(0, 250)
const SECONDS = 3
const RUNS = 3
const LEASE_MS = 2_000
const OWNER = fileURLToPath(new URL('./parts/postgres-owner.ts', import.meta.url))

export async function postgresBench(): Promise<Figure[]> {
  const server = await newPostgresServer()
  try {
    const figures: Figure[] = []
    for (const sessions of [1, 200]) figures.push(...(await turns(server.url(), sessions)))
    figures.push(await takeover(server.url()))
    return figures
  } finally {
    await server.stop('fast')
  }
}

async function turns(url: string, sessions: number): Promise<readonly Figure[]> {
  const [ours, floors]: [Load[], Load[]] = [[], []]
  for (let run = 0; run < RUNS; run++) {
    floors.push(await floorLoad(url, sessions))
    ours.push(await runtimeLoad(url, sessions))
  }
  const name = `postgres.${sessions}-session${sessions === 1 ? '' : 's'}`
  const of = (what: string, unit: string, pick: (one: Load) => number): Figure => {
    const floor = spreadOf(floors.map(pick)).median
    return figure(`${name}${what}`, unit, spreadOf(ours.map(pick)), { floor })
  }
  const rate = of('', 'turns/s', one => one.perSecond)
  const goal = sessions === 1 ? {} : { goal: '≥ 0.7 × floor', ok: (rate.ratio ?? 0) >= 0.7 }
  return [{ ...rate, ...goal }, of('.p50', 'ms', one => one.p50), of('.p99', 'ms', one => one.p99)]
}

async function runtimeLoad(url: string, sessions: number): Promise<Load> {
  await using runtime = await createRuntime({ store: postgres(url, { schema: freshSchema() }), executor: echo() })
  const opened = await Promise.all(Array.from({ length: sessions }, () => runtime.open({})))
  return await load(opened, SECONDS, async ({ id }) => {
    await runtime.send(id, { content: MESSAGE, waitMs: 60_000 })
  })
}

async function floorLoad(url: string, sessions: number): Promise<Load> {
  const sql = postgresClient(url, { max: 20, onnotice: () => {} })
  await sql`CREATE TABLE IF NOT EXISTS floor (n bigserial PRIMARY KEY, session int NOT NULL, body text NOT NULL)`
  const append = (session: number): Promise<unknown> =>
    sql`INSERT INTO floor (session, body) VALUES (${session}, ${MESSAGE})`.execute()
  const measured = await load(
    Array.from({ length: sessions }, (_, index) => index),
    SECONDS,
    async session => {
      await append(session)
      await append(session)
    },
  )
  await sql`DROP TABLE floor`
  await sql.end()
  return measured
}

/** From the kill of an owner to the answer of what it owed, by a process that had nothing to do with it. */
async function takeover(url: string): Promise<Figure> {
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) times.push(await takeoverMs(url, freshSchema()))
  return figure('postgres.takeover', 'leases', spreadOf(times.map(ms => ms / LEASE_MS)), { atMost: 2 })
}

async function takeoverMs(url: string, schema: string): Promise<number> {
  const owner: ChildProcess = fork(OWNER, [JSON.stringify({ url, schema, leaseMs: LEASE_MS })])
  const [inputId] = (await once(owner, 'message')) as [string]
  await using runtime = await createRuntime({ store: postgres(url, { schema, leaseMs: LEASE_MS }), executor: echo() })
  owner.kill('SIGKILL')
  const since = performance.now()
  await runtime.wait('owed', inputId, 60_000)
  return performance.now() - since
}
