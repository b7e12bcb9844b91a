/** Everything at once on a store that fails at random: nothing accepted is lost, nothing ends twice. */

import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createRuntime, MeerkatError, type Runtime } from '../../src/index.ts'
import { SessionHandle } from '../../src/session/handle.ts'
import {
  type FaultyStoreControl,
  faultyStore,
  manualClock,
  type ScriptedRun,
  scriptedExecutor,
} from '../../src/testing/index.ts'
import { randomFrom } from '../crash/plan.ts'
import { eventsOf, freshStore, STORES } from './support.ts'

const SESSIONS = ['a', 'b', 'c']
const SEEDS = Array.from({ length: 12 }, (_, n) => n + 1)

/** Faults for a third of the commits, in every way. */
function faults(random: () => number): FaultyStoreControl {
  const control: FaultyStoreControl = {}
  control.onCommit = () => {
    control.readsFail = random() < 0.1
    const roll = random()
    return roll < 0.15 ? 'before' : roll < 0.3 ? 'after' : undefined
  }
  return control
}

async function play(run: ScriptedRun, random: () => number): Promise<string> {
  const { port } = run
  for (const { id } of port.calls().filter(({ state }) => state === 'owed')) {
    await run.dispatch(id)
    await run.outcome(id)
  }
  const last = port.journal().at(-1)
  if (last?.role === 'tool' || (last?.role === 'assistant' && port.calls().length > 0)) {
    if ((await run.boundary()).next === 'cancelled') return 'cut off'
  }
  for (let turns = Math.floor(random() * 3); turns > 0; turns--) {
    run.stream('hm ')
    const answer = await run.useTool({ id: `${port.runId}-${turns}`, policy: 'retry' })
    if (answer.next === 'cancelled') return 'cut off'
    if (random() < 0.1) throw new Error('bad luck')
  }
  return `answer to ${run.said}`
}

/** Sends until it is accepted, and other things besides. */
async function chat(runtime: Runtime, session: string, random: () => number): Promise<void> {
  for (let n = 0; n < 8; n++) {
    const params = {
      content: `${session}${n}`,
      idempotencyKey: `${session}${n}`,
      mode: random() < 0.3 ? ('steer' as const) : ('queue' as const),
    }
    await insist(() => runtime.send(session, params))
    if (random() < 0.15) await insist(() => runtime.cancel(session, { when: random() < 0.5 ? 'now' : 'boundary' }))
    if (random() < 0.2) await runtime.evict()
  }
}

/** A client that tries again what may be tried again. */
async function insist<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof MeerkatError && error.retryable)) throw error
      await setImmediate()
    }
  }
}

describe.each(STORES)('in a storm (%s)', kind => {
  test.each(SEEDS)('every input ends once and the log is sound (seed %i)', async seed => {
    const random = randomFrom(seed)
    const clock = manualClock()
    const control = faults(random)
    const store = freshStore(kind)
    const executor = scriptedExecutor(run => play(run, random))
    const runtime = await createRuntime({ store: faultyStore(store, control), executor, clock, recoverEveryMs: 1_000 })
    for (const sessionId of SESSIONS) await insist(() => runtime.open({ sessionId }))
    const talk = { over: false }
    const talks = Promise.all(SESSIONS.map(session => chat(runtime, session, random))).finally(() => {
      talk.over = true
    })
    while (!talk.over) {
      await clock.idle(1)
      clock.advance(20)
      if (random() < 0.3) control.readsFail = false
    }
    await talks
    delete control.onCommit
    control.readsFail = false
    const unfinished = async () => {
      const { items } = await runtime.list({})
      return items.reduce((sum, one) => sum + one.unfinished, 0)
    }
    for (let turn = 0; turn < 3_000 && (await unfinished()) > 0; turn++) {
      await clock.idle(1)
      clock.advance(50)
    }
    expect(await unfinished()).toBe(0)
    for (const session of SESSIONS) {
      const events = await eventsOf(runtime, session, 1_000)
      const count = (type: RegExp) => events.filter(event => type.test(event.type)).length
      expect(count(/^input\.accepted$/)).toBe(8)
      expect(count(/^input\.(consumed|abandoned)$/)).toBe(8)
      expect(count(/^run\.started$/)).toBe(count(/^run\.(completed|failed|cancelled|interrupted|parked)$/))
      expect(await runtime.audit(session)).toMatchObject({ ok: true })
      const calls = events.filter(({ type }) => type === 'tool.requested').map(event => event['callId'])
      expect(new Set(calls).size).toBe(calls.length)
      const messages = await new SessionHandle(runtime, (await runtime.get(session)).id).history()
      expect(messages).toHaveLength((await runtime.get(session)).messages)
    }
    await runtime.close()
  })
})
