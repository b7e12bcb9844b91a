/** Retention at any moment of random sessions: what is unfinished still finishes, and what was said stays. */
import { describe, expect, test } from 'vitest'
import type { Runtime } from '../../src/index.ts'
import { type ScriptedRun, scriptedExecutor } from '../../src/testing/scripted-executor.ts'
import { Random } from '../../src/testing/sim/random.ts'
import { freshStore, LONG_MS, STORES, start } from './support.ts'

/** What a random session was told to do, and what it owes. */
async function randomSession(runtime: Runtime, random: Random, id: string): Promise<readonly string[]> {
  await runtime.open({ sessionId: id })
  const sent: string[] = []
  for (let count = 1 + random.int(6); count > 0; count--) {
    const mode = random.pick(['queue', 'steer', 'supersede'] as const) ?? 'queue'
    const { inputId } = await runtime.send(id, {
      content: `${random.pick(['talk', 'use a tool', 'ask first', 'fail'])} ${count}`,
      mode,
      ...(mode === 'supersede' && { supersessionKey: 'latest' }),
    })
    sent.push(inputId)
    if (random.chance(0.5)) await runtime.wait(id, inputId, 200)
    if (random.chance(0.2)) await runtime.cancel(id, {})
  }
  const end = random.pick(['retire', 'destroy', 'stop', undefined, undefined, undefined] as const)
  if (end !== undefined) await runtime.control(id, end).catch(() => {})
  return sent
}

const breath = (): Promise<void> =>
  new Promise(resolve => {
    setImmediate(resolve)
  })

/** Talks, uses tools, waits for approvals, fails: whatever its input says. */
async function whatever(run: ScriptedRun): Promise<string> {
  if (run.said.startsWith('fail')) throw new Error('as told')
  for (const piece of ['so ', 'it ', 'is']) {
    run.stream(piece)
    await breath()
  }
  const open = run.port.calls()
  if (open.length === 0 && !run.said.startsWith('talk')) {
    const id = `${run.port.runId}-call`
    const needsApproval = run.said.startsWith('ask')
    await run.ask([{ id, needsApproval, policy: 'retry' }], 'let me see')
    if (needsApproval) return 'parked'
    await run.outcome(id)
    await run.boundary()
  }
  return 'so it is'
}

/** Settles whatever waits for a person until everything that was sent has ended. */
async function finish(runtime: Runtime, sessionId: string, sent: readonly string[]): Promise<void> {
  for (const inputId of sent) {
    for (let isOpen = true; isOpen; ) {
      for (const { id } of await runtime.approvals(sessionId)) {
        await runtime.decide(sessionId, id, { decision: 'allow' })
      }
      const { status } = await runtime.wait(sessionId, inputId, 100)
      isOpen = status === 'queued' || status === 'staged' || status === 'applied'
    }
  }
}

const told = async (runtime: Runtime, id: string): Promise<readonly string[]> =>
  (await runtime.history(id, { limit: 1_000 })).messages.map(message => JSON.stringify(message))

describe.each(STORES)('pruning at any moment (%s)', kind => {
  test.each([1, 2, 3, 4, 5, 6])('changes nothing that matters (seed %i)', { timeout: 2 * LONG_MS }, async seed => {
    const random = new Random(seed)
    const store = freshStore(kind)
    const policy = {
      deltasAfterMs: 0,
      destroyedAfterMs: 0,
      retiredAfterMs: 0,
      ...(seed % 2 === 0 && { eventsAfterMs: 0 }),
    }
    const executor = scriptedExecutor(async run => {
      const said = await whatever(run)
      return said === 'parked' ? { type: 'parked' } : said
    })
    const first = await start({ store, executor })
    const sending = new AbortController()
    const pruned = (async () => {
      while (!sending.signal.aborted) {
        await first.prune(policy)
        await breath()
      }
    })()
    const ids = Array.from({ length: 6 }, (_, index) => `s${index}`)
    const sent = await Promise.all(ids.map(async id => ({ id, inputs: await randomSession(first, random.fork(), id) })))
    sending.abort()
    await pruned
    await first.close()

    const second = await start({ store, executor, recover: false })
    for (const { id, inputs } of sent) {
      const view = await second.get(id).catch(() => undefined)
      const before = view === undefined ? [] : await told(second, id)
      await second.prune(policy)
      const after = await second.get(id).catch(() => undefined)
      if (after === undefined) {
        // Gone as a whole: it owed nothing, and nothing could be asked of it any more.
        expect(['destroyed', 'retired', undefined]).toContain(view?.phase)
        expect(view?.unfinished ?? 0).toBe(0)
        continue
      }
      expect(await told(second, id)).toEqual(before)
      if (after.phase !== 'stopped') await finish(second, id, inputs)
      expect((await told(second, id)).slice(0, before.length)).toEqual(before)
      expect(await second.audit(id)).toMatchObject({ ok: true })
    }
  })
})
