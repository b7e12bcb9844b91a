/** Code that the runtime calls: executors, tools, observers, clocks, ids and stores, each answering anything at all. */
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { demoModel } from '../../src/executor/agent/demo-model.ts'
import { agent, tool } from '../../src/executor/agent/index.ts'
import { echo } from '../../src/executor/echo.ts'
import type { CoreExecutor, RunPort } from '../../src/executor/executor.ts'
import { createRuntime, type Runtime, type RuntimeOptions } from '../../src/index.ts'
import { memory } from '../../src/store/memory.ts'
import type { Store, StoreSource } from '../../src/store/store.ts'
import { systemClock } from '../../src/time.ts'
import { ANSWERS, variants } from './hostile.ts'
import { outcomeOf } from './try-door.ts'

const answers = Object.entries(ANSWERS)

async function start(options: RuntimeOptions): Promise<Runtime> {
  const runtime = await createRuntime({ abortGraceMs: 50, maxRunMs: 2_000, ...options })
  onTestFinished(() => runtime.close())
  return runtime
}

/** Performs `spoil` for the session `spoilt`, and echoes for every other one. */
function spoiling(spoil: (port: RunPort) => unknown, more: Partial<CoreExecutor> = {}): CoreExecutor {
  const kind = echo()
  return {
    name: 'spoiling',
    apply: port =>
      port.sessionId === 'spoilt' ? (spoil(port) as ReturnType<CoreExecutor['apply']>) : kind.apply(port),
    ...more,
  }
}

/** The spoilt session's input comes to one end, another session is answered meanwhile, and timers fire. */
async function endsOnce(runtime: Runtime): Promise<string> {
  const spoilt = await runtime.sessions.open('spoilt')
  const sent = await spoilt.send('hi')
  const bystander = await (await runtime.sessions.open('bystander')).send('are you well?')
  expect(await bystander.result).toMatchObject({ outcome: 'completed' })
  const ended = await outcomeOf(() => sent.result, 15_000)
  if (ended.type !== 'answered') throw new Error(`the input did not end: ${JSON.stringify(ended)}`)
  const events: string[] = []
  for await (const { type } of sent.events()) events.push(type)
  expect(events.filter(type => /^input\.(consumed|abandoned|superseded|coalesced|withdrawn)$/.test(type))).toHaveLength(
    1,
  )
  expect(events.filter(type => type === 'run.started').length).toBeLessThanOrEqual(3)
  expect(await runtime.audit('spoilt')).toMatchObject({ ok: true })
  return (ended.value as { readonly status: string }).status
}

test.each(answers)('an executor whose apply gives %s', { timeout: 30_000 }, async (_, answer) => {
  let calls = 0
  const runtime = await start({
    executor: spoiling(() => {
      calls++
      return answer()
    }),
  })
  await endsOnce(runtime)
  expect(calls).toBeLessThanOrEqual(3)
})

const REPORTS: Readonly<Record<string, readonly unknown[]>> = {
  stream: [{ type: 'text.delta', turn: 1, text: 'a' }],
  intend: [
    {
      turn: 1,
      message: { role: 'assistant', content: [{ type: 'tool-call', callId: 'c', name: 't', args: {} }] },
      calls: [{ callId: 'c', tool: 't', policy: 'fail' }],
      usage: { inputTokens: 1 },
    },
  ],
  dispatch: [['c']],
  outcomes: [[{ callId: 'c', name: 't', ok: true, output: 1 }]],
  boundary: [{ turn: 1 }],
  retrying: [{ turn: 1, attempt: 1, maxRetries: 2, delayMs: 5, kind: 'rate-limited', message: 'm' }],
  retry: [1],
  fellBack: [{ turn: 1, attempt: 1, model: 'a/b', code: 'unauthorized' }],
  tools: [[{ name: 'a', provider: { kind: 'k', sourceId: 's' }, deferred: true, control: false, surface: 'x' }]],
  requestTools: [['a']],
  throughSurface: [{ surfaceId: 'x', generation: 1 }, () => 'called'],
  invalidAnswer: [{ turn: 1, error: 'e' }],
  compact: [{ summary: 's', covers: 1 }],
}

test.each(Object.entries(REPORTS))(
  'an executor that reports %s in any form',
  { timeout: 120_000 },
  async (name, args) => {
    for (const variant of variants(args)) {
      const runtime = await createRuntime({
        abortGraceMs: 50,
        maxRunMs: 2_000,
        executor: spoiling(async port => {
          await (port as unknown as Readonly<Record<string, (...given: readonly unknown[]) => unknown>>)[name]?.(
            ...variant.args,
          )
          return { type: 'completed', message: { role: 'assistant', content: 'done' } }
        }),
      })
      try {
        await endsOnce(runtime)
      } catch (error) {
        throw new Error(`${variant.name}: ${String(error)}`, { cause: error })
      } finally {
        await runtime.close()
      }
    }
  },
)

const SIDES = ['tools', 'models', 'watch', 'close'] as const

test.each(SIDES.flatMap(side => answers.map(([what, answer]) => [side, what, answer] as const)))(
  'an executor whose %s gives %s',
  { timeout: 30_000 },
  async (side, _, answer) => {
    const runtime = await createRuntime({ executor: spoiling(port => echo().apply(port), { [side]: answer }) })
    expect(await endsOnce(runtime)).toBe('consumed')
    expect((await outcomeOf(() => runtime.tools('spoilt'))).type).not.toMatch(/broke|silent/)
    expect((await outcomeOf(() => runtime.model('spoilt'))).type).not.toMatch(/broke|silent/)
    expect((await outcomeOf(() => runtime.setModel('spoilt', { model: 'a/b' }))).type).not.toMatch(/broke|silent/)
    expect((await outcomeOf(() => runtime.close())).type).not.toMatch(/broke|silent/)
  },
)

const KNOWLEDGE = ['default', 'look', 'approveSwitch'] as const

test.each(KNOWLEDGE.flatMap(what => answers.map(([name, answer]) => [what, name, answer] as const)))(
  'an executor whose models.%s gives %s',
  { timeout: 60_000 },
  async (what, _, answer) => {
    const given = what === 'default' ? { get: answer } : { value: answer }
    const models = (): object => Object.defineProperty({}, what, { ...given, enumerable: true })
    const executor = spoiling(port => echo().apply(port), { models })
    const runtime = await start({ executor })
    const open = await outcomeOf(() => runtime.open({ sessionId: 'spoilt', model: 'a/b' }), 20_000)
    expect(open.type).not.toMatch(/broke|silent/)
    expect((await outcomeOf(() => runtime.model('spoilt'))).type).not.toMatch(/broke|silent/)
    const set = await outcomeOf(() => runtime.setModel('spoilt', { model: 'a/c' }), 20_000)
    expect(set.type).not.toMatch(/broke|silent/)
    const switched = await outcomeOf(() => runtime.switchModel('spoilt', { model: 'a/d', turns: 1 }), 30_000)
    expect(switched.type).not.toMatch(/broke|silent/)
    if (what !== 'look') expect(await endsOnce(runtime)).toBe('consumed')
  },
)

test.each(answers)('a tool that gives %s', { timeout: 30_000 }, async (_, answer) => {
  const spoiler = tool({
    name: 'spoiler',
    description: 'Gives anything.',
    input: z.object({}),
    timeoutMs: 300,
    execute: () => answer(),
  })
  const executor = agent({ model: demoModel(), tools: [spoiler] })
  const runtime = await start({ executor })
  const sent = await (await runtime.sessions.open('spoilt')).send('call spoiler with {}')
  const ended = await outcomeOf(() => sent.result, 15_000)
  expect(ended).toMatchObject({ type: 'answered', value: { status: 'consumed' } })
})

const OBSERVED = ['committed', 'inputAccepted', 'runStarted', 'runEnded', 'modelCalled', 'toolCalled'] as const

test.each(answers)('an observer that gives %s', { timeout: 30_000 }, async (_, answer) => {
  const observer = Object.fromEntries(OBSERVED.map(name => [name, answer]))
  const runtime = await start({ executor: echo(), observer })
  expect(await endsOnce(runtime)).toBe('consumed')
})

test.each(answers)('a clock whose now gives %s', { timeout: 30_000 }, async (_, answer) => {
  const clock = { ...systemClock, now: answer as () => number }
  const made = await outcomeOf(() => createRuntime({ executor: echo(), clock }))
  expect(made.type).not.toMatch(/broke|silent/)
  if (made.type !== 'answered') return
  const runtime = made.value as Runtime
  onTestFinished(() => runtime.close())
  for (const call of [
    () => runtime.open({ sessionId: 'a' }),
    () => runtime.send('a', { content: 'hi', waitMs: 100 }),
  ]) {
    expect(await outcomeOf(call)).not.toMatchObject({ type: expect.stringMatching(/broke|silent/) as string })
  }
})

/** A store whose method answers like this from the moment it is spoilt; everything else works. */
function spoilable(method: keyof Store, answer: () => unknown): StoreSource & { spoil: () => void } {
  const source = memory()
  let isSpoilt = false
  return {
    name: 'spoilable',
    spoil: () => {
      isSpoilt = true
    },
    async open() {
      const store = await source.open()
      return new Proxy(store, {
        get(target, name) {
          if (isSpoilt && name === method) return answer
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
      })
    },
  }
}

const THROWS = answers.filter(([what]) => /throw|rejection/.test(what))
const METHODS = ['commit', 'claim', 'load', 'session', 'sessions', 'read', 'readBack', 'locate', 'key', 'tail'] as const

test.each(METHODS.flatMap(method => THROWS.map(([what, answer]) => [method, what, answer] as const)))(
  'a store whose %s gives %s',
  { timeout: 60_000 },
  async (method, _, answer) => {
    const store = spoilable(method, answer)
    const runtime = await createRuntime({ store, executor: echo(), abortGraceMs: 50 })
    await runtime.open({ sessionId: 'a' })
    const sent = await runtime.send('a', { content: 'before', waitMs: 5_000 })
    expect(sent.status).toBe('consumed')
    store.spoil()
    const calls = [
      () => runtime.send('a', { content: 'hi', idempotencyKey: 'k' }),
      () => runtime.get('a'),
      () => runtime.list({}),
      () => runtime.history('a', {}),
      () => runtime.events({ sessionId: 'a' }),
      () => runtime.open({ sessionId: 'b' }),
    ]
    for (const call of calls) expect((await outcomeOf(call)).type).not.toBe('silent')
    expect((await outcomeOf(() => runtime.close())).type).not.toBe('silent')
  },
)

test('a tool whose resume can not even be bound is made, or refused by its name', async () => {
  const { proxy, revoke } = Proxy.revocable(() => {}, {})
  revoke()
  const definition = { name: 't', description: 'd', input: z.object({}), execute: () => {}, resume: proxy }
  expect((await outcomeOf(() => tool(definition as never))).type).not.toBe('broke')
})
