/** Sessions as text, and from one store into another: whole or not at all, and never run twice. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { exportSession } from '../../src/session/transfer/export.ts'
import { moveSession } from '../../src/session/transfer/move.ts'
import { RECORD_VERSION } from '../../src/store/records.ts'
import type { Claim, Store } from '../../src/store/store.ts'
import { scriptedExecutor } from '../../src/testing/scripted-executor.ts'
import { nextTurn } from '../../src/turns.ts'
import { codeOf, failureOf, freshStore, LONG_MS, STORES, start, until } from './support.ts'
import { counter, dyingAt, filled, imported, linesOf } from './transfers.ts'

test('an export ends where its caller aborts it, with the reason', async () => {
  const source = freshStore('sqlite')
  await filled(source)
  const store = await source.open()
  const caller = new AbortController()
  const lines: string[] = []
  const exported = (async () => {
    for await (const line of exportSession(store, 's', { signal: caller.signal })) {
      lines.push(line)
      caller.abort(new MeerkatError('conflict', 'enough'))
    }
  })()
  expect(await failureOf(exported)).toMatchObject({ code: 'conflict', message: 'enough' })
  expect(lines).toHaveLength(1)
  expect(await failureOf(Array.fromAsync(exportSession(store, 's', { signal: caller.signal })))).toMatchObject({
    code: 'conflict',
  })
  await store.close()
})

/** The export with its last line made to fit what came before. */
function sealed(lines: readonly string[]): readonly string[] {
  const body = lines.slice(0, -1)
  const end = JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>
  const sha256 = createHash('sha256')
    .update(body.map(line => `${line}\n`).join(''))
    .digest('hex')
  return [...body, JSON.stringify({ ...end, sha256 })]
}

describe.each(STORES)('an export from %s', kind => {
  test('makes the same session elsewhere, and what waited goes on', { timeout: LONG_MS }, async () => {
    const [from, to] = [freshStore(kind), freshStore('memory')]
    await filled(from)
    expect(await imported(to, await linesOf(from))).toMatchObject({
      sessionId: 's',
      unfinished: 1,
      blobs: 1,
      messages: 6,
    })
    const [source, { executor, runs }] = [await start({ store: from }), counter()]
    const expected = await source.history('s', {})
    const target = await start({ store: to, executor })
    const waiting = await target.input('s', { idempotencyKey: 'k4' })
    await target.wait('s', waiting.id, 10_000)
    expect(runs).toEqual([waiting.id])
    expect((await target.history('s', {})).messages.slice(0, 6)).toEqual(expected.messages)
    expect(await target.get('s')).toMatchObject({ title: 'Kept', messages: 8 })
    const again = await target.send('s', { content: 'one', idempotencyKey: 'k1' })
    expect(again).toMatchObject({
      outcome: 'deduplicated',
      inputId: (await source.input('s', { idempotencyKey: 'k1' })).id,
    })
    expect(await target.audit('s')).toMatchObject({ ok: true })
  })

  test('comes back into a store of its own kind under another id', { timeout: LONG_MS }, async () => {
    const [from, to] = [freshStore(kind), freshStore(kind)]
    await filled(from)
    const lines = await linesOf(from)
    expect((await imported(to, lines, 'renamed')).sessionId).toBe('renamed')
    const runtime = await start({ store: to })
    expect((await runtime.history('renamed', {})).messages).toHaveLength(6)
    expect(await codeOf(imported(to, lines))).toBe('conflict')
    expect(await codeOf(runtime.get('s'))).toBe('session-not-found')
  })

  test('is taken while the session goes on, as it was when it began', { timeout: LONG_MS }, async () => {
    const from = freshStore(kind)
    await filled(from)
    const [store, runtime] = [await from.open(), await start({ store: from })]
    const lines: string[] = []
    for await (const line of exportSession(store, 's')) {
      if (lines.length === 0) await runtime.send('s', { content: 'five', idempotencyKey: 'k5' })
      lines.push(line)
    }
    await store.close()
    const to = freshStore('memory')
    expect(await imported(to, lines)).toMatchObject({ unfinished: 1 })
    const target = await start({ store: to })
    expect(await codeOf(target.input('s', { idempotencyKey: 'k5' }))).toBe('input-not-found')
  })

  test('is refused where its id is taken', { timeout: LONG_MS }, async () => {
    const from = freshStore(kind)
    await filled(from)
    const lines = await linesOf(from)
    expect(await codeOf(imported(from, lines))).toBe('session-conflict')
    const runtime = await start({ store: from })
    expect((await runtime.history('s', {})).messages).toHaveLength(6)
  })
})

test('an export carries work that waits for an approval, and it ends where it was imported', {
  timeout: LONG_MS,
}, async () => {
  const [from, to] = [freshStore('sqlite'), freshStore('memory')]
  const first = scriptedExecutor()
  const asking = await start({ store: from, executor: first })
  await asking.open({ sessionId: 's' })
  const { inputId } = await asking.send('s', { content: 'pay' })
  const run = await first.next()
  await run.ask([{ id: 'c1', tool: 'pay', needsApproval: true }], 'I will pay')
  run.end({ type: 'parked' })
  await until(asking, 's', 'run.parked')
  await asking.close()
  await imported(to, await linesOf(from))
  const second = scriptedExecutor()
  const target = await start({ store: to, executor: second })
  expect(await target.approvals('s')).toMatchObject([{ id: 'c1' }])
  await target.decide('s', 'c1', { decision: 'allow' })
  const rest = await second.next()
  expect(rest.port.journal().map(({ role }) => role)).toEqual(['user', 'assistant'])
  await rest.dispatch('c1')
  await rest.outcome('c1', 'paid')
  await rest.boundary()
  rest.answer('done')
  expect((await target.wait('s', inputId, 10_000)).result?.text).toBe('done')
})

describe('an import that can not be finished leaves nothing', () => {
  const broken: readonly [string, (lines: readonly string[]) => readonly string[], string, RegExp][] = [
    ['nothing at all', () => [], 'invalid-params', /line 1 .*missing/],
    ['a cut-off export', lines => lines.slice(0, -1), 'invalid-params', /missing/],
    ['a line left out', lines => lines.toSpliced(3, 1), 'invalid-params', /line \d+/],
    ['a header left out', lines => lines.slice(1), 'invalid-params', /line 1 .*before the header/],
    ['a changed byte', lines => lines.map(line => line.replace('Kept', 'Kexx')), 'invalid-params', /checksum/],
    ['garbage', lines => lines.toSpliced(2, 1, '{"type":'), 'invalid-params', /line 3 .*not JSON/],
    ['an unknown line', lines => lines.toSpliced(2, 0, '{"type":"surprise"}'), 'invalid-params', /line 3 .*surprise/],
    ['a line that lacks a field', lines => lines.toSpliced(2, 1, '{"type":"record"}'), 'invalid-params', /line 3/],
    [
      'a record whose steps are none',
      lines => sealed(lines.map(line => line.replace('"steps":[', '"steps":[7,'))),
      'invalid-params',
      /line 2 /,
    ],
    ['something behind the end', lines => [...lines, lines[0] ?? ''], 'invalid-params', /behind the end/],
    [
      'a newer format',
      lines => sealed([(lines[0] ?? '').replace('"version":1', '"version":2'), ...lines.slice(1)]),
      'unsupported',
      /line 1 .*version 2/,
    ],
    [
      'a newer record',
      lines => sealed(lines.map(line => line.replace(`{"v":${RECORD_VERSION}`, `{"v":${RECORD_VERSION + 1}`))),
      'unsupported',
      /line 2/,
    ],
    [
      'a damaged file',
      lines => sealed(lines.map(line => line.replace('"data":"YWFh', '"data":"YWFi'))),
      'invalid-params',
      /line \d+ .*sha256:/,
    ],
    [
      'a step that the kernel refuses',
      lines => sealed(lines.map(line => line.replace('{"type":"Initialize"}', '{"type":"Resume"}'))),
      'invalid-params',
      /line 2 .*kernel/,
    ],
  ]
  test.each(broken)('%s', { timeout: LONG_MS }, async (_, spoil, code, message) => {
    const [from, to] = [freshStore('memory'), freshStore('sqlite')]
    await filled(from)
    const lines = await linesOf(from)
    const failure = await failureOf(imported(to, spoil(lines)))
    expect(failure.code).toBe(code)
    expect(failure.message).toMatch(message)
    expect(failure.details?.['line']).toEqual(expect.any(Number))
    const store = await to.open()
    expect(await store.sessions({ limit: 10 })).toEqual([])
    await store.close()
    expect(await imported(to, lines)).toMatchObject({ sessionId: 's' })
  })
})

describe('a move', () => {
  const stages: readonly [string, 'from' | 'to', keyof Store][] = [
    ['before anything', 'from', 'claim'],
    ['while it is written', 'to', 'commit'],
    ['before the source lets go', 'from', 'remove'],
    ['after the source let go', 'to', 'load'],
  ]

  test.each(stages)(
    'that dies %s is finished by the next one, and runs nothing twice',
    { timeout: LONG_MS },
    async (_, side, name) => {
      const [from, to] = [freshStore('sqlite'), freshStore('sqlite')]
      await filled(from)
      const [a, b] = [await from.open(), await to.open()]
      const [dyingA, dyingB] = [side === 'from' ? dyingAt(a, name) : a, side === 'to' ? dyingAt(b, name) : b]
      // Who died cleans nothing up.
      const stuck = dyingAt(dyingB, 'remove')
      await expect(moveSession(dyingA, stuck, 's', { owner: 'dead' })).rejects.toThrow('the process died')
      await a.close()
      await b.close()
      const { executor, runs } = counter()
      const before = await start({ store: to, executor })
      await before.close()
      expect(runs).toEqual([])
      const [c, d] = [await from.open(), await to.open()]
      expect(await moveSession(c, d, 's', { owner: 'second' })).toEqual({ sessionId: 's', moved: true })
      expect(await moveSession(c, d, 's', { owner: 'third' })).toEqual({ sessionId: 's', moved: false })
      expect(await c.session('s' as never)).toBeUndefined()
      await c.close()
      await d.close()
      const target = await start({ store: to, executor })
      const { id } = await target.input('s', { idempotencyKey: 'k4' })
      await target.wait('s', id, 10_000)
      expect(runs).toEqual([id])
      expect((await target.history('s', {})).messages).toHaveLength(8)
    },
  )

  test('never replaces what is all that is left of a session that was moved before', { timeout: LONG_MS }, async () => {
    const [from, to, older] = [freshStore('memory'), freshStore('memory'), freshStore('memory')]
    await filled(older)
    const { executor } = counter()
    await imported(from, await linesOf(older))
    const goingOn = await start({ store: from, executor })
    await goingOn.send('s', { content: 'newer', waitMs: 10_000 })
    await goingOn.close()
    const [a, b, c] = [await from.open(), await to.open(), await older.open()]
    await expect(moveSession(a, dyingAt(b, 'load'), 's', { owner: 'dead' })).rejects.toThrow('the process died')
    await b.close()
    const d = await to.open()
    expect(await codeOf(moveSession(c, d, 's', { owner: 'mistaken' }))).toBe('session-conflict')
    expect(await moveSession(a, d, 's', { owner: 'second' })).toMatchObject({ moved: true })
    for (const store of [a, c, d]) await store.close()
    const target = await start({ store: to })
    expect((await target.history('s', {})).messages.map(({ content }) => content)).toContain('newer')
  })

  test('whose removal was done and not answered is finished by the next one', { timeout: LONG_MS }, async () => {
    const [from, to] = [freshStore('sqlite'), freshStore('memory')]
    await filled(from)
    const [a, b] = [await from.open(), await to.open()]
    const lost = new Proxy(a, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target)
        if (key !== 'remove') return typeof value === 'function' ? (value.bind(target) as unknown) : value
        return async (claim: Claim) => {
          await target.remove(claim)
          throw new MeerkatError('store-unavailable', 'the answer was lost')
        }
      },
    })
    expect(await codeOf(moveSession(lost, b, 's', { owner: 'first' }))).toBe('store-unavailable')
    expect(await b.sessions({ limit: 1, unheld: { dueBy: Number.MAX_SAFE_INTEGER } })).toEqual([])
    expect(await moveSession(a, b, 's', { owner: 'first' })).toEqual({ sessionId: 's', moved: true })
    expect(await b.session('s' as never)).toMatchObject({ unfinished: 1, messages: 6 })
    await a.close()
    await b.close()
  })

  test('whose removal was cut short in the middle is finished by the next one', { timeout: LONG_MS }, async () => {
    const [from, to] = [freshStore('sqlite'), freshStore('memory')]
    const { executor } = counter()
    const filling = await start({ store: from, executor })
    await filling.open({ sessionId: 's' })
    for (let round = 0; round < 4; round++)
      await Promise.all(
        Array.from({ length: 250 }, () => filling.send('s', { content: 'x'.repeat(400), waitMs: 10_000 })),
      )
    await filling.close()
    const [a, b] = [await from.open(), await to.open()]
    const dying = new Proxy(a, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target)
        if (key !== 'remove') return typeof value === 'function' ? (value.bind(target) as unknown) : value
        return async (claim: Claim) => {
          const removing = target.remove(claim)
          while ((await target.session('s' as never))?.phase !== 'initializing') await nextTurn()
          await Promise.allSettled([removing, target.close()])
          return removing
        }
      },
    })
    expect(await codeOf(moveSession(dying, b, 's', { owner: 'first' }))).toBe('store-unavailable')
    const again = await from.open()
    expect((await again.session('s' as never))?.phase).toBe('initializing')
    expect(await moveSession(again, b, 's', { owner: 'first' })).toEqual({ sessionId: 's', moved: true })
    expect(await again.session('s' as never)).toBeUndefined()
    expect(await b.session('s' as never)).toMatchObject({ messages: 2_000 })
    await again.close()
    await b.close()
  })

  test('is refused while somebody alive holds the session, and changes nothing', { timeout: LONG_MS }, async () => {
    const [from, to] = [freshStore('sqlite'), freshStore('memory')]
    const { executor } = counter()
    const runtime = await start({ store: from, executor })
    await runtime.open({ sessionId: 's' })
    const [a, b] = [await from.open(), await to.open()]
    expect(await codeOf(moveSession(a, b, 's', { owner: 'mover' }))).toBe('not-owner')
    expect(await b.sessions({ limit: 1 })).toEqual([])
    expect(await codeOf(moveSession(b, a, 'nobody', { owner: 'mover' }))).toBe('session-not-found')
    await a.close()
    await b.close()
  })

  test('is refused where the target has a session of that id', { timeout: LONG_MS }, async () => {
    const [from, to] = [freshStore('memory'), freshStore('memory')]
    await filled(from)
    const other = await start({ store: to })
    await other.open({ sessionId: 's' })
    await other.close()
    const [a, b] = [await from.open(), await to.open()]
    expect(await codeOf(moveSession(a, b, 's', { owner: 'mover' }))).toBe('session-conflict')
    expect(await a.session('s' as never)).toMatchObject({ unfinished: 1 })
    await a.close()
    await b.close()
  })
})
