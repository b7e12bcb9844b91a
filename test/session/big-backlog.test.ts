/** A session in which thousands of inputs wait is no different from one in which ten do, and keeps nobody waiting. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { createRuntime, type Runtime } from '../../src/index.ts'
import type { InputId } from '../../src/kernel/ids.ts'
import type { InputStatus } from '../../src/session/views.ts'
import { withBacklog } from './big.ts'
import { freshStore, STORES } from './support.ts'

const WITHIN = 60_000

async function backlog(kind: (typeof STORES)[number], inputs: number, together: number) {
  const source = freshStore(kind)
  const ids = await withBacklog(source, 's', inputs, together)
  const runtime = await createRuntime({ store: source, recover: false })
  onTestFinished(() => runtime.close())
  return { runtime, ids }
}

async function listed(runtime: Runtime, limit: number, status?: InputStatus): Promise<readonly InputId[]> {
  const ids: InputId[] = []
  for (let after: string | undefined; ; ) {
    const page = await runtime.inputs('s', { limit, ...(status && { status }), ...(after !== undefined && { after }) })
    expect(page.items.length).toBeLessThanOrEqual(limit)
    ids.push(...page.items.map(({ id }) => id))
    if (page.next === undefined) return ids
    after = page.next
  }
}

describe.each(STORES)('on %s', kind => {
  test.each([1, 700])('inputs are listed page by page, each once, where %i came together', async together => {
    const { runtime, ids } = await backlog(kind, 1_400, together)
    expect(await listed(runtime, 90)).toEqual(ids)
    expect(await listed(runtime, 90, 'queued')).toEqual(ids)
    expect(await listed(runtime, 90, 'consumed')).toEqual([])
    const [gone = '', ...rest] = ids
    expect((await runtime.withdraw('s', gone)).withdrawn).toBe(true)
    expect(await listed(runtime, 500, 'withdrawn')).toEqual([gone])
    expect(await listed(runtime, 500, 'queued')).toEqual(rest)
    expect((await runtime.inputs('s', { status: 'queued', after: gone, limit: 1 })).items[0]?.id).toBe(rest[0])
  })

  test('a backlog that is too long to be put in order is listed in the order in which it came', async () => {
    const { runtime, ids } = await backlog(kind, 2_600, 65)
    const gone = ids.filter((_, index) => index % 40 === 0 || (index > 500 && index < 900))
    for (const id of gone.slice(0, 20)) expect((await runtime.withdraw('s', id)).withdrawn).toBe(true)
    const rest = ids.filter(id => !gone.slice(0, 20).includes(id))
    expect(await listed(runtime, 350, 'queued')).toEqual(rest)
    const after = gone[7] ?? ''
    const behind = ids.slice(ids.findIndex(id => id === after) + 1).find(id => rest.includes(id))
    expect((await runtime.inputs('s', { status: 'queued', after, limit: 1 })).items[0]?.id).toBe(behind)
  })

  test('what was queued at the moment of the cancel ends with it', async () => {
    const { runtime, ids } = await backlog(kind, 1_500, 50)
    const later: string[] = []
    const cancelled = runtime.cancel('s', { queue: 'drop' })
    const sent = runtime.send('s', { content: 'said after it' }).then(({ inputId }) => later.push(inputId))
    expect(await cancelled).toMatchObject({ dropped: ids.length })
    await sent
    expect(await listed(runtime, 1_000, 'queued')).toEqual(later)
    expect(await listed(runtime, 1_000, 'abandoned')).toEqual(ids)
  })
})

/**
 * How many times longer it takes with twelve times as many inputs: their square would make it 144 times. Of two tries the
 * one that the machine was kinder to counts, so that its other work decides nothing.
 */
async function growth(act: (runtime: Runtime, ids: readonly InputId[]) => Promise<unknown>, together = 1) {
  const took = async (inputs: number): Promise<number> => {
    const { runtime, ids } = await backlog('memory', inputs, together)
    await runtime.explain('s')
    const began = performance.now()
    await act(runtime, ids)
    return performance.now() - began
  }
  await took(500)
  const small = Math.max(await took(1_000), await took(1_000))
  return Math.min(await took(12_000), await took(12_000)) / small
}

test('dropping the queue takes time by its length', { timeout: WITHIN }, async () => {
  expect(await growth(runtime => runtime.cancel('s', { queue: 'drop' }))).toBeLessThan(72)
})

test('auditing takes time by the length of the log', { timeout: WITHIN }, async () => {
  expect(await growth(runtime => runtime.audit('s'))).toBeLessThan(72)
})

test('one input, and one page, cost the same however many wait', { timeout: WITHIN }, async () => {
  const ask = async (runtime: Runtime, ids: readonly InputId[]): Promise<void> => {
    for (const id of ids.slice(0, 20)) await runtime.input('s', { inputId: id })
    for (let page = 0; page < 20; page++) {
      await runtime.inputs('s', { limit: 10 })
      await runtime.inputs('s', { limit: 10, status: 'queued', after: ids[page * 20] ?? '' })
      await runtime.explain('s')
    }
  }
  expect(await growth(ask)).toBeLessThan(8)
})

test('looking at what is unfinished keeps a timer waiting for a part of it only', { timeout: WITHIN }, async () => {
  const { runtime } = await backlog('memory', 20_000, 500)
  let turns = 0
  let timer = setImmediate(function turn() {
    turns++
    timer = setImmediate(turn)
  })
  const audited = await runtime.audit('s')
  clearImmediate(timer)
  expect(audited).toMatchObject({ ok: true })
  // Each of its forty records, and at the end each of the invariants.
  expect(turns).toBeGreaterThan(60)
})

test('an audit can be given up, tells how far it is, and lets timers fire', { timeout: WITHIN }, async () => {
  const { runtime } = await backlog('memory', 6_000, 1)
  let fired = 0
  const timer = setInterval(() => fired++, 1)
  const told: number[] = []
  expect(await runtime.audit('s', { onProgress: ({ records }) => told.push(records) })).toMatchObject({ ok: true })
  clearInterval(timer)
  expect(told).toEqual([1_000, 2_000, 3_000, 4_000, 5_000, 6_000])
  expect(fired).toBeGreaterThan(5)
  const giveUp = new AbortController()
  const given = runtime.audit('s', { signal: giveUp.signal, onProgress: () => giveUp.abort(new Error('enough')) })
  await expect(given).rejects.toThrow('enough')
})
