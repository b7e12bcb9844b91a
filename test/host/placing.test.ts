/** Placing a session, building its agent, naming its model and serving it: in any order it is served. */
import { ManualClock } from 'meerkat-ts/testing'
import { expect, test } from 'vitest'
import type { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { AgentRuntimeId, SessionId } from '../../src/kernel/ids.ts'
import { Random } from '../../src/testing/sim/random.ts'
import { seeing } from '../kernel/support/model-sessions.ts'
import { answering, ephemeral, S } from './support/machines.ts'

const PLACEMENT = { runtimeId: 'r' as AgentRuntimeId, fence: 1, generation: 1 }

const WAYS = {
  build: (m, id) => m.prepareBindings(id),
  place: (m, id) => m.prepareBindings(id, PLACEMENT),
  'place over the seam': async (m, id) => {
    await m.registerSession(id)
    const epochId = m.seam.epochOf(id)
    const request = { type: 'PrepareBindings' as const, sessionId: id, ...PLACEMENT, ...(epochId && { epochId }) }
    expect(await m.seam.surface().apply(request, id)).toMatchObject({ ok: true })
  },
  'serve with an executor': (m, id) => m.registerSessionWithExecutor(id, answering()),
  'serve with a maker': (m, id) => m.ensureSessionWithExecutor(id, answering),
  hydrate: async (m, id) => {
    await m.registerSession(id)
    await m.models.hydrateSessionLlmState(id, seeing)
  },
  offer: async (m, id) => {
    await m.registerSession(id)
    await m.acceptInput(id, { content: 'early' })
  },
} satisfies Record<string, (machine: MeerkatMachine, id: SessionId) => Promise<unknown>>

test('a session is served whatever the order in which it was placed, built, hydrated and given an executor', async () => {
  const machine = await ephemeral()
  const seed = Math.floor(Math.random() * 1e9)
  const random = new Random(seed)
  const unserved: string[] = []
  for (let index = 0; index < 150; index++) {
    const id = `s${index}` as SessionId
    const names = Object.keys(WAYS) as (keyof typeof WAYS)[]
    const order = names.map(name => ({ name, at: random.next() })).toSorted((a, b) => a.at - b.at)
    for (const { name } of order) await WAYS[name](machine, id)
    const { inputId } = await machine.acceptInput(id, { content: 'x' })
    const { status } = await machine.runtime.wait(id, inputId, 3_000)
    if (status !== 'consumed') unserved.push(order.map(({ name }) => name).join(', '))
  }
  expect(unserved, `seed ${seed}`).toEqual([])
})

test('a placed session that is stopped before anybody serves it is stopped, and served once it is revived', async () => {
  const machine = await ephemeral()
  await machine.prepareBindings(S, PLACEMENT)
  expect(await machine.stopRuntimeExecutor(S)).toMatchObject({ phase: 'stopped' })
  await machine.registerSessionWithExecutor(S, answering())
  const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
  expect(await completion).toMatchObject({ status: 'consumed' })
})

test('health says how long an input has waited for somebody who serves its session', async () => {
  const clock = new ManualClock()
  const machine = await ephemeral({ clock })
  await machine.prepareBindings(S, PLACEMENT)
  const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
  clock.advance(12_000)
  expect(machine.runtime.health()).toMatchObject({ status: 'degraded', oldestRunnableMs: 12_000 })
  expect(machine.runtime.health().reasons.join()).toContain('executor')
  await machine.registerSessionWithExecutor(S, answering())
  await completion
  expect(machine.runtime.health()).toMatchObject({ status: 'ok', reasons: [], oldestRunnableMs: 0 })
})
