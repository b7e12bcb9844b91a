/** An import is foreign data: whatever was done to it, it is refused by its line, or makes a session like any other. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime } from '../../src/session/create-runtime.ts'
import { exportSession } from '../../src/session/transfer/export.ts'
import { importSession } from '../../src/session/transfer/import.ts'
import { memory } from '../../src/store/memory.ts'
import type { StoreSource } from '../../src/store/store.ts'
import { Random } from '../../src/testing/sim/random.ts'
import { failureOf, start } from './support.ts'

const FILE = [{ type: 'file', mediaType: 'text/plain', data: Buffer.alloc(5_000, 'a').toString('base64') }] as const

/** Of a session with answers, keys, a file, a schedule, a changed title, what was withdrawn and what waits. */
async function lines(): Promise<readonly string[]> {
  const source = memory()
  const answering = await start({ store: source, executor: echo() })
  await answering.open({ sessionId: 's', title: 'Kept', labels: { team: 'red' } })
  await answering.send('s', { content: 'one', idempotencyKey: 'k1', waitMs: 10_000 })
  await answering.send('s', { content: [...FILE], waitMs: 10_000 })
  await answering.close()
  const admitting = await start({ store: source })
  await admitting.schedule('s', { content: 'later', at: '2099-01-01T00:00:00Z' })
  const { inputId } = await admitting.send('s', { content: 'two', mode: 'supersede', supersessionKey: 'x' })
  await admitting.withdraw('s', inputId)
  await admitting.send('s', { content: [{ type: 'text', text: 'three' }], idempotencyKey: 'k3' })
  await admitting.close()
  const store = await source.open()
  return Array.fromAsync(exportSession(store, 's'))
}

function sealed(body: readonly string[], end: string): readonly string[] {
  const sha256 = createHash('sha256')
    .update(body.map(line => `${line}\n`).join(''))
    .digest('hex')
  return [...body, JSON.stringify({ ...(JSON.parse(end) as object), sha256 })]
}

type Json = unknown
type Fields = Record<string | number, Json>

/** Every place in a value, as its holder and key. */
function placesIn(value: Json): readonly (readonly [Fields, string])[] {
  if (typeof value !== 'object' || value === null) return []
  const holder = value as Fields
  return Object.keys(holder).flatMap(key => [[holder, key] as const, ...placesIn(holder[key])])
}

const HOSTILE: readonly Json[] = [
  null,
  '',
  -1,
  0.5,
  9e15,
  1e300,
  true,
  [],
  {},
  '\0',
  '\ud800',
  'x'.repeat(10_000),
  '__proto__',
  'toString',
  { type: 'constructor' },
  [null],
  '2026-01-01',
  's',
]

function mutated(all: readonly string[], random: Random): readonly string[] {
  const body = all.slice(0, -1).map(line => JSON.parse(line) as Json)
  const line = random.int(body.length)
  const places = placesIn(body[line])
  const [holder, key] = places[random.int(places.length)] ?? [{}, '']
  const texts = (): readonly string[] =>
    sealed(
      body.map(one => JSON.stringify(one)),
      all.at(-1) ?? '',
    )
  switch (random.int(7)) {
    case 0:
      Reflect.deleteProperty(holder, key)
      return texts()
    case 1:
      define(holder, HOSTILE_KEYS[random.int(HOSTILE_KEYS.length)] ?? '', holder[key])
      return texts()
    case 2:
      if (Array.isArray(holder)) holder.push(structuredClone(holder[Number(key)]))
      return texts()
    case 3: {
      const raw = all.slice(0, -1)
      raw[line] = (raw[line] ?? '').replace(/:\d+/, [':1e999', ':-5', ':99999999999999999'][random.int(3)] ?? '')
      return sealed(raw, all.at(-1) ?? '')
    }
    default:
      holder[key] = HOSTILE[random.int(HOSTILE.length)]
      return texts()
  }
}

/** Sets a field, `__proto__` included, as `JSON.parse` does. */
function define(holder: Fields, key: string, value: Json): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true })
}

const HOSTILE_KEYS = ['id', 'phase', 'cursor', 'type', '__proto__', 'constructor', 'unfinished', 'toJSON']

/** Whatever is asked of a session; nothing of it may fail. */
async function readsWell(source: StoreSource): Promise<void> {
  const runtime = await createRuntime({ store: source, recover: false, executor: echo() })
  try {
    const { items } = await runtime.list({})
    expect(items).toHaveLength(1)
    const id = items[0]?.id ?? ''
    expect(await runtime.get(id)).toMatchObject({ id })
    await runtime.history(id, {})
    for (const { id: input } of (await runtime.inputs(id, {})).items) await runtime.input(id, { inputId: input })
    for (const { id: run } of (await runtime.runs(id, {})).items) await runtime.run(id, run)
    for (const event of (await runtime.events({ sessionId: id, limit: 1_000 })).events) expect(event.sessionId).toBe(id)
    await Promise.all([runtime.calls(id, {}), runtime.operations(id), runtime.schedules(id), runtime.explain(id)])
    expect(await runtime.audit(id)).toMatchObject({ ok: true })
    expect(await runtime.send(id, { content: 'and on', waitMs: 10_000 })).toMatchObject({ status: 'consumed' })
    expect(await runtime.audit(id)).toMatchObject({ ok: true })
  } finally {
    await runtime.close()
  }
}

describe('an export to which something was done', () => {
  test('is refused by its line, or reads, runs and audits as any session', { timeout: 120_000 }, async () => {
    const whole = await lines()
    const came = { refused: 0, taken: 0 }
    for (let seed = 1; seed <= 400; seed++) {
      const source = memory()
      const store = await source.open()
      const given = mutated(whole, new Random(seed))
      try {
        await importSession(store, given, { owner: 'importer' })
      } catch (error) {
        if (!(error instanceof MeerkatError)) throw new Error(`seed ${seed}: ${String(error)}`, { cause: error })
        const { code, message, details } = error
        expect(`seed ${seed}: ${code === 'unsupported' ? 'invalid-params' : code} (${message})`).toMatch(
          /invalid-params/,
        )
        expect(details?.['line']).toBeTypeOf('number')
        expect(await store.sessions({ limit: 1 })).toEqual([])
        came.refused++
        continue
      }
      await readsWell(source).catch((error: unknown) => {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error })
      })
      came.taken++
    }
    expect(came.refused).toBeGreaterThan(100)
    expect(came.taken).toBeGreaterThan(20)
  })

  const hostile: readonly (readonly [string, (body: Fields[]) => void])[] = [
    ['times beyond a Date', body => Object.assign(body[0]?.['session'] as Fields, { createdAt: 9e15 })],
    ['an id with control characters', body => Object.assign(body[0]?.['session'] as Fields, { id: 'a\nb' })],
    ['an id with half a character', body => Object.assign(body[0]?.['session'] as Fields, { id: 'a\ud800' })],
    ['an id of 10,000 characters', body => Object.assign(body[0]?.['session'] as Fields, { id: 'x'.repeat(10_000) })],
    ['options that name an id', body => Object.assign(body[0]?.['session'] as Fields, { options: { id: 'other' } })],
    ['a line of type __proto__', body => body.splice(1, 0, { type: '__proto__' })],
    ['a line of type toString', body => body.splice(1, 0, { type: 'toString' })],
  ]
  test.each(hostile)('is refused by its line: %s', async (_, change) => {
    const whole = await lines()
    const body = whole.slice(0, -1).map(line => JSON.parse(line) as Fields)
    change(body)
    const given = sealed(
      body.map(line => JSON.stringify(line)),
      whole.at(-1) ?? '',
    )
    const store = await memory().open()
    const refused = importSession(store, given, { owner: 'importer' })
    const { code, details } = await failureOf(refused)
    expect([code, typeof details?.['line']]).toEqual(['invalid-params', 'number'])
    expect(await store.sessions({ limit: 1 })).toEqual([])
  })
})

test('a row that was damaged in the store is marked, and hides no other', async () => {
  const source = memory()
  const store = await source.open()
  const head = { phase: 'idle', unfinished: 0, messages: 0, commits: 1 }
  const id = 'damaged' as Parameters<typeof store.session>[0]
  await store.create({ id, createdAt: 9e15, options: {} }, { record: { v: 3, at: 9e15 }, head }, 'o')
  const runtime = await start({ store: source, recover: false })
  await runtime.open({ sessionId: 'sound' })
  const { items } = await runtime.list({})
  expect(items.map(({ id: one, unreadable }) => [one, unreadable])).toEqual([
    ['damaged', true],
    ['sound', undefined],
  ])
})
