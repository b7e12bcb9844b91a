/** What a program hands to the library: checked where it enters, and refused by name. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime, type Runtime } from '../../src/index.ts'
import { plainly } from '../../src/session/plain.ts'
import { rows } from '../../src/session/table/rows.ts'
import { operationNames, operations } from '../../src/surfaces/operations.ts'
import { freshStore, STORES, type StoreKind, start } from './support.ts'

const thrower = {
  get content(): string {
    throw new TypeError('a getter that throws')
  },
}
const cyclic: Record<string, unknown> = {}
cyclic['self'] = cyclic
cyclic['again'] = cyclic

/** What is no text, no list of parts, no id, no number and no set of parameters. */
const NOTHINGS: readonly unknown[] = [
  null,
  42,
  1n,
  Number.NaN,
  Symbol('s'),
  () => {},
  {},
  [null],
  [],
  [[]],
  [{ type: 'text' }],
  [{ type: 'text', text: 42 }],
  [{ type: 'picture', data: 'x' }],
  [{ type: 'json', value: 1n }],
  [{ type: 'json', value: cyclic }],
  thrower,
  new Proxy({}, { ownKeys: () => [Symbol.iterator, 'a', 'a'] }),
  Object.create(null),
  '',
]
const BAD_IDS: readonly unknown[] = ['', 'a\0b', 'a\nb', 'a\u007Fb', 'half \uD83D', '\uDE00', 'x'.repeat(10_000)]
const BAD_NUMBERS: readonly unknown[] = [Number.NaN, -1, 0.5, 1e300, Number.POSITIVE_INFINITY, '7', null, {}]

async function failure(act: () => unknown): Promise<unknown> {
  // Not in an async function: a method that throws before it has a promise is a fault.
  const answer = act()
  try {
    await answer
    return undefined
  } catch (error) {
    return error
  }
}

/** It was refused as a caller's mistake, or is fine. */
async function expectRefusal(act: () => unknown, what: string): Promise<void> {
  const error = await failure(act)
  const refused =
    error instanceof MeerkatError && error.code === 'invalid-params' && Array.isArray(error.details?.['issues'])
  expect(refused ? `${what} is refused` : `${what}: ${String(error)}`).toBe(`${what} is refused`)
}

async function withBystander(kind: StoreKind): Promise<Runtime> {
  const runtime = await start({ store: freshStore(kind), executor: echo() })
  await runtime.open({ sessionId: 's' })
  await runtime.open({ sessionId: 'bystander' })
  const rejections: unknown[] = []
  const hear = (error: unknown): unknown => rejections.push(error)
  process.on('unhandledRejection', hear)
  onTestFinished(async () => {
    process.off('unhandledRejection', hear)
    expect(rejections).toEqual([])
  })
  return runtime
}

const show = (value: unknown): string => {
  try {
    return typeof value === 'string' ? JSON.stringify(value.slice(0, 20)) : String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

describe.each(STORES)('the doors of the library (%s)', kind => {
  test('refuse content that is none, and every other session goes on', async () => {
    const runtime = await withBystander(kind)
    const session = await runtime.sessions.open('s')
    for (const content of NOTHINGS as readonly string[]) {
      await expectRefusal(() => session.send(content), `send(${show(content)})`)
      await expectRefusal(() => session.steer(content), `steer(${show(content)})`)
      await expectRefusal(() => runtime.send('s', { content }), `runtime.send(${show(content)})`)
    }
    expect(await runtime.send('bystander', { content: 'still here?', waitMs: 5_000 })).toMatchObject({
      status: 'consumed',
      result: { text: 'still here?' },
    })
    expect(await runtime.inputs('s', {})).toEqual({ items: [] })
  })

  test('refuse ids and keys that not every store and terminal can keep apart', async () => {
    const runtime = await withBystander(kind)
    for (const id of BAD_IDS as readonly string[]) {
      const content = 'x'
      const asked: Record<string, () => unknown> = {
        open: () => runtime.open({ sessionId: id }),
        get: () => runtime.get(id),
        send: () => runtime.send(id, { content }),
        key: () => runtime.send('s', { content, idempotencyKey: id }),
        supersession: () => runtime.send('s', { content, mode: 'supersede', supersessionKey: id }),
        input: () => runtime.input('s', { inputId: id }),
        inputByKey: () => runtime.input('s', { idempotencyKey: id }),
        wait: () => runtime.wait('s', id, 10),
        withdraw: () => runtime.withdraw('s', id),
        cancel: () => runtime.cancel('s', { runId: id }),
        run: () => runtime.run('s', id),
        runs: () => runtime.runs('s', { after: id }),
        list: () => runtime.list({ after: id }),
        history: () => runtime.history(id),
        fork: () => runtime.fork('s', { newSessionId: id }),
        events: () => runtime.events({ sessionId: id }),
        decide: () => runtime.decide('s', id, { decision: 'allow' }),
        resolveCall: () => runtime.resolveCall('s', id, { resolution: 'retry' }),
        operation: () => runtime.operation('s', id),
        finish: () => runtime.finishOperation('s', id, { outcome: 'cancelled' }),
        unschedule: () => runtime.unschedule('s', id),
        explain: () => runtime.explain(id),
        audit: () => runtime.audit(id),
        calls: () => runtime.calls(id),
        control: () => runtime.control(id, 'stop'),
      }
      for (const [name, act] of Object.entries(asked)) await expectRefusal(act, `${name}(${show(id)})`)
    }
    expect((await runtime.list()).items.map(session => session.id).toSorted()).toEqual(['bystander', 's'])
  })

  test('refuse numbers that make no sense, unknown words and unknown fields', async () => {
    const runtime = await withBystander(kind)
    const content = 'x'
    for (const number of BAD_NUMBERS as readonly number[]) {
      await expectRefusal(() => runtime.send('s', { content, maxRunMs: number }), `maxRunMs ${show(number)}`)
      await expectRefusal(() => runtime.send('s', { content, waitMs: number }), `waitMs ${show(number)}`)
      await expectRefusal(() => runtime.wait('s', 'i', number), `wait ${show(number)}`)
      await expectRefusal(() => runtime.events({ limit: number }), `limit ${show(number)}`)
      await expectRefusal(() => runtime.history('s', { after: number }), `after ${show(number)}`)
      if (number === 1e300) continue
      await expectRefusal(() => runtime.evict(number), `evict ${show(number)}`)
      if (number === 0.5) continue
      await expectRefusal(() => runtime.drain(number), `drain ${show(number)}`)
    }
    const bogus: Record<string, () => unknown> = {
      mode: () => runtime.send('s', { content, mode: 'bogus' as 'queue' }),
      when: () => runtime.cancel('s', { when: 'bogus' as 'now' }),
      operation: () => runtime.control('s', '__proto__' as 'stop'),
      decision: () => runtime.decide('s', 'c', { decision: 'maybe' as 'allow' }),
      field: () => runtime.send('s', { content, priority: 7 } as { content: string }),
      twice: () => runtime.send('s', { content, sessionId: 'bystander' } as { content: string }),
      proto: () => runtime.send('s', JSON.parse('{"content":"x","__proto__":{"mode":"steer"}}') as { content: string }),
      option: () => runtime.open({ sessionId: 's', temperature: 1 } as { sessionId: string }),
      signal: () => runtime.wait('s', 'i', 10, 'soon' as unknown as AbortSignal),
      labels: () => runtime.open({ labels: { a: 1 } } as unknown as object),
    }
    for (const [name, act] of Object.entries(bogus)) await expectRefusal(act, name)
    await expectRefusal(() => runtime.sessions.open('s', 42 as unknown as object), 'options')
    for (const method of ['send', 'decide', 'resolveCall', 'finishOperation', 'schedule', 'control'] as const) {
      const call: unknown = Reflect.get(runtime, method)
      if (typeof call === 'function') await expectRefusal(() => call.call(runtime), `${method}()`)
    }
  })

  test('answer without what may be left out', async () => {
    const runtime = await withBystander(kind)
    expect(await runtime.calls('s')).toEqual([])
    expect(await runtime.runs('s')).toEqual({ items: [] })
    expect(await runtime.inputs('s')).toEqual({ items: [] })
    expect(await runtime.history('s')).toMatchObject({ messages: [] })
    expect(await runtime.cancel('s')).toMatchObject({ cancelled: false })
    expect((await runtime.list()).items).toHaveLength(2)
    expect((await runtime.events()).events.length).toBeGreaterThan(0)
    expect(await runtime.prune()).toMatchObject({ removed: 0 })
  })

  test('mend text where it enters: a model is never sent half a character', async () => {
    const runtime = await withBystander(kind)
    const said = await runtime.send('s', { content: 'half \uD83D and whole \u{1F600}', waitMs: 5_000 })
    expect(said.result?.text).toBe('half \uFFFD and whole \u{1F600}')
    const parts = [
      { type: 'text' as const, text: '\uDE00' },
      { type: 'json' as const, value: { '\uD83D': '\uD83D' } },
    ]
    const { inputId } = await runtime.send('s', { content: parts })
    expect((await runtime.input('s', { inputId })).content).toEqual([
      { type: 'text', text: '\uFFFD' },
      { type: 'json', value: { '\uFFFD': '\uFFFD' } },
    ])
  })

  test('take a copy: what the caller does with its own afterwards changes nothing', async () => {
    const runtime = await withBystander(kind)
    const value = { a: 1 }
    const { inputId } = await runtime.send('s', { content: [{ type: 'json', value }] })
    value.a = 2
    expect((await runtime.input('s', { inputId })).content).toEqual([{ type: 'json', value: { a: 1 } }])
  })
})

test('inputs are accepted in the order in which they are sent, whatever it takes to check them', async () => {
  const runtime = await withBystander('memory')
  const part = (text: string) => [{ type: 'text' as const, text }]
  await Promise.all([part('a'), 'b', part('c'), 'd', 'half \uD83D', 'f'].map(content => runtime.send('s', { content })))
  const { items } = await runtime.inputs('s')
  expect(items.map(({ content }) => content)).toEqual([part('a'), 'b', part('c'), 'd', 'half \uFFFD', 'f'])
})

test.each([
  ['store', {}],
  ['store', 'memory:'],
  ['executor', {}],
  ['executor', { name: 'x', apply: 7 }],
  ['executor', { name: 'x', apply: () => {}, tools: 'all' }],
  ['executor', { apply: () => {} }],
  ['maxRunMs', Number.NaN],
  ['keepIdle', -1],
  ['recoverEveryMs', 0],
  ['recover', 'yes'],
  ['retention', 7],
  ['retention', { olderThan: 1 }],
  ['observer', 7],
  ['clock', { now: () => 0 }],
  ['serves', true],
  ['storage', 1],
  ['__proto__x', 1],
])('createRuntime refuses %s as %j, by name', async (name, value) => {
  const error = await failure(() => createRuntime({ [name]: value }))
  expect(error).toMatchObject({ code: 'invalid-params', details: { issues: [{ path: name }] } })
  expect(await failure(() => createRuntime(null as unknown as object))).toMatchObject({ code: 'invalid-params' })
})

describe('what passes at a glance', () => {
  const WORDS = [
    'x',
    's',
    'queue',
    'steer',
    'supersede',
    'now',
    'boundary',
    'keep',
    'drop',
    'é',
    '\u{1F600}',
    'a\nb',
    ' ',
  ]
  const LENGTHS = ['a'.repeat(200), 'a'.repeat(201)]
  const NUMBERS = [0, 1, 100, 1_000, 1_001, 600_000, 600_001, 2 ** 31, 2 ** 53]
  const OTHERS = [true, false, undefined, new Date(0), 'toString']
  const VALUES = [NOTHINGS, BAD_IDS, BAD_NUMBERS, WORDS, LENGTHS, NUMBERS, OTHERS].flat()
  const FIELDS = [
    'sessionId',
    'content',
    'mode',
    'idempotencyKey',
    'model',
    'maxRunMs',
    'waitMs',
    'resume',
    'inputId',
  ].concat([
    'runId',
    'when',
    'queue',
    'after',
    'limit',
    'title',
    'system',
    'merge',
    'state',
    'labels',
    '__proto__',
    'bogus',
  ])

  const forms = operationNames.flatMap(operation => {
    const { plain } = rows[operation]
    return plain === undefined ? [] : [[operation, plain] as const]
  })

  test.each(forms)('of %s would pass its schema, and come out the same', (name, form) => {
    const { input } = operations[name]
    const seed = Number(process.env['DOOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
    let state = seed
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
      return Math.floor((state / 0x8000_0000) * below)
    }
    const good: Record<string, unknown> = {
      sessionId: 's',
      content: 'x',
      inputId: 'i',
      waitMs: 5,
      when: 'now',
      limit: 5,
    }
    let passed = 0
    for (let round = 0; round < 20_000; round++) {
      const params: Record<string, unknown> = {}
      for (const field of FIELDS) {
        if (field in good && Object.hasOwn(input.shape, field) && random(10) > 0) params[field] = good[field]
        else if (random(12) === 0)
          Object.defineProperty(params, field, { value: VALUES[random(VALUES.length)], enumerable: true })
      }
      const plain = plainly(form, params)
      if (plain === undefined) continue
      passed++
      const judged = input.safeParse(plain)
      expect(judged.success, `DOOR_SEED=${seed} ${JSON.stringify(plain)}`).toBe(true)
      const { limit: _, ...out } = (judged.data ?? {}) as Record<string, unknown>
      const { limit: __, ...given } = plain
      expect(out).toEqual(given)
    }
    expect(passed).toBeGreaterThan(100)
  })

  test('is no list, and nothing inherited', () => {
    const { 'session/open': open, 'input/send': send } = rows
    if (open.plain === undefined || send.plain === undefined) throw new Error('they have plain forms')
    expect(plainly(open.plain, [])).toBeUndefined()
    expect(plainly(send.plain, Object.create({ sessionId: 's', content: 'x' }) as object)).toBeUndefined()
  })
})
