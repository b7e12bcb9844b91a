/** The library's doors: every method of a runtime and of what it hands out, with everything that must not come in. */
import { expect, onTestFinished, test } from 'vitest'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime, type Runtime, type SentInput, type SessionHandle } from '../../src/index.ts'
import { variants } from './hostile.ts'
import { broken, outcomeOf } from './try-door.ts'

type Methods<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T] & string
type Plausible<T, Exempt extends string = never> = Readonly<Record<Exclude<Methods<T>, Exempt>, readonly unknown[]>>

const DUE = { content: 'wake', inMs: 3_600_000 }

/** Arguments that could be meant. A new method without a row here does not compile. */
const RUNTIME: Plausible<Runtime, 'close' | 'drain' | 'recoverEvery'> = {
  call: ['session/get', { sessionId: 'a' }, {}],
  recover: [],
  serve: ['a', echo()],
  evict: [0],
  info: [],
  health: [],
  open: [{ sessionId: 'x', title: 'T', labels: { a: 'b' }, model: 'demo/agent', system: 's', budget: { maxTurns: 3 } }],
  update: ['a', { revision: 1, title: 'T', labels: { a: 'b' }, system: 's' }],
  get: ['a'],
  list: [{ after: 'a', limit: 10, phase: 'idle', label: 'a=b' }],
  history: ['a', { after: 0, limit: 10 }],
  fork: ['a', { atMessage: 0, newSessionId: 'f' }],
  control: ['a', 'resume'],
  blob: ['a', `sha256:${'0'.repeat(64)}`],
  explain: ['a'],
  audit: ['a'],
  send: [
    'a',
    {
      content: 'hi',
      mode: 'queue',
      idempotencyKey: 'k',
      supersessionKey: 's',
      model: 'demo/agent',
      outputSchema: {},
      maxRunMs: 1_000,
      waitMs: 10,
      resume: true,
    },
  ],
  input: ['a', { inputId: 'i', idempotencyKey: 'k' }],
  inputs: ['a', { status: 'queued', after: 'x', limit: 10 }],
  withdraw: ['a', 'i'],
  wait: ['a', 'i', 10],
  cancel: ['a', { runId: 'r', when: 'now', queue: 'keep' }],
  runs: ['a', { after: 'x', limit: 10 }],
  run: ['a', 'r'],
  events: [{ sessionId: 'a', after: '0', limit: 10, waitMs: 10 }],
  follow: [{ sessionId: 'a', after: '0', limit: 10 }, { idleMs: 10 }],
  calls: ['a', { state: 'owed' }],
  resolveCall: ['a', 'c', { resolution: 'failed', output: 'o' }],
  approvals: ['a'],
  decide: ['a', 'c', { decision: 'deny', reason: 'no' }],
  tools: ['a'],
  model: ['a'],
  setModel: ['a', { model: 'a/b' }],
  switchModel: ['a', { model: 'a/b', turns: 2 }],
  filterTools: ['a', { allow: ['t'], deny: ['u'] }],
  requestTools: ['a', { names: ['t'] }],
  schedule: ['a', DUE],
  schedules: ['a'],
  unschedule: ['a', 's'],
  operations: ['a'],
  operation: ['a', 'o'],
  finishOperation: ['a', 'o', { outcome: 'failed', error: 'e' }],
  prune: [{ dryRun: true, compact: false, eventsAfterMs: 1_000 }],
}

const HANDLE: Plausible<SessionHandle, 'events'> = {
  send: ['hi', { mode: 'queue', idempotencyKey: 'k', maxRunMs: 1_000 }],
  steer: ['hi', { idempotencyKey: 'k2' }],
  cancel: [{ runId: 'r', when: 'now', queue: 'keep' }],
  history: [],
  update: [{ revision: 1, title: 'T' }],
  model: [],
  setModel: ['a/b'],
  switchModel: ['a/b', { turns: 2 }],
  explain: [],
  tools: [],
  filterTools: [{ allow: ['t'], deny: ['u'] }],
  requestTools: [['t']],
}

/** A runtime with a session that is tried, and one that must not notice. */
async function house(): Promise<{ readonly runtime: Runtime; readonly bystanderIsWell: () => Promise<void> }> {
  const runtime = await createRuntime({ executor: echo() })
  onTestFinished(() => runtime.close())
  await runtime.sessions.open('a')
  const bystander = await runtime.sessions.open('bystander')
  return {
    runtime,
    bystanderIsWell: async () => {
      const { result } = await bystander.send('are you well?')
      expect(await result).toMatchObject({ outcome: 'completed' })
    },
  }
}

test.each(Object.entries(RUNTIME))('runtime.%s', { timeout: 120_000 }, async (name, args) => {
  const { runtime, bystanderIsWell } = await house()
  const method = (runtime as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>)[name]
  const trials = [...variants(args)].map(one => ({ name: one.name, call: () => method?.apply(runtime, [...one.args]) }))
  expect(await broken(trials)).toEqual([])
  await bystanderIsWell()
  // Whatever was taken can be read by everybody afterwards.
  expect((await outcomeOf(() => runtime.list({ limit: 1_000 }))).type).toBe('answered')
})

test.each(Object.entries(HANDLE))('session.%s', { timeout: 120_000 }, async (name, args) => {
  const { runtime, bystanderIsWell } = await house()
  const session = await runtime.sessions.open('a')
  const method = (session as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>)[name]
  const trials = [...variants(args)].map(one => ({ name: one.name, call: () => method?.apply(session, [...one.args]) }))
  expect(await broken(trials)).toEqual([])
  await bystanderIsWell()
})

test('runtime.sessions.open', { timeout: 120_000 }, async () => {
  const { runtime, bystanderIsWell } = await house()
  const open = runtime.sessions.open as (...args: readonly unknown[]) => unknown
  const args = ['x', { title: 'T', tools: ['t'], merge: true }, { onConflict: 'update' }]
  const trials = [...variants(args)].map(one => ({ name: one.name, call: () => open(...one.args) }))
  expect(await broken(trials)).toEqual([])
  await bystanderIsWell()
})

test.each(['session.events', 'sent.events'] as const)('%s', { timeout: 120_000 }, async which => {
  const { runtime } = await house()
  const session = await runtime.sessions.open('a')
  const sent: SentInput = await session.send('hi')
  await sent.result
  const from = (given: unknown): AsyncGenerator =>
    which === 'sent.events' ? sent.events(given as never) : session.events(given as never)
  const first = async (given: unknown): Promise<unknown> => {
    const events = from(given)
    try {
      return await events.next()
    } finally {
      await events.return(undefined)
    }
  }
  const signal = AbortSignal.abort()
  const trials = [...variants([{ after: '0', signal }])].map(one => ({
    name: one.name,
    call: () => first(one.args[0]),
  }))
  expect(await broken(trials)).toEqual([])
})

test('createRuntime', { timeout: 120_000 }, async () => {
  const options = {
    store: undefined,
    executor: echo(),
    recover: true,
    maxRunMs: 1_000,
    abortGraceMs: 100,
    keepIdle: 10,
    idleMs: 1_000,
    recoverEveryMs: 1_000,
    retention: { eventsAfterMs: 1_000 },
    observer: {},
    clock: undefined,
    ids: undefined,
  }
  const make = async (...args: readonly unknown[]): Promise<void> => {
    const runtime = await createRuntime(...(args as Parameters<typeof createRuntime>))
    await runtime.close()
  }
  const trials = [...variants([options])].map(one => ({ name: one.name, call: () => make(...one.args) }))
  expect(await broken(trials)).toEqual([])
})
