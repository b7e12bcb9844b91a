/** Functions that the package exports and that take options: nonsense is refused at once, and by its name. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { createClient } from '../../src/client/index.ts'
import {
  agent,
  demoModel,
  demoTools,
  guardProcess,
  resolveModel,
  stillRunning,
  tool,
} from '../../src/executor/agent/index.ts'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime, type Runtime, SentInput } from '../../src/index.ts'
import { Deadline, exportSession, importSession, moveSession, uuidIds } from '../../src/runtime.ts'
import { fetchHandler, serve, serveStdio } from '../../src/server.ts'
import { memory } from '../../src/store/memory.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import { backupSqlite, sqlite } from '../../src/store/sqlite/index.ts'
import type { Store } from '../../src/store/store.ts'
import { openTelemetry } from '../../src/telemetry/index.ts'
import {
  checkHistory,
  faultyStore,
  manualClock,
  onSqlite,
  Random,
  reportText,
  scriptedExecutor,
  simulate,
  simulateMany,
  storeContract,
} from '../../src/testing/index.ts'
import { systemClock } from '../../src/time.ts'
import { nextTurn } from '../../src/turns.ts'
import { type Door, factDoors } from './facts.ts'
import { variants } from './hostile.ts'
import { broken, outcomeOf } from './try-door.ts'

const ROOT = join(import.meta.dirname, '../..')

const nothing = (): void => {}
const URL_OF_NONE = 'postgres://user@127.0.0.1:1/none'

async function closed(made: Promise<{ readonly close: () => Promise<void> }>): Promise<void> {
  await (await made).close()
}

type Doors = Readonly<Record<string, Door>>

const doors = (runtime: Runtime, folder: string): Doors => ({
  ...serving(runtime),
  ...storing(folder),
  ...working(),
  ...testing(folder),
  ...embedding(),
  ...factDoors,
  echo: { args: [], call: echo, options: -1 },
})

/** An input that has ended, however often it is read. */
const nothingToRead = { on: nothing, destroy: nothing, [Symbol.asyncIterator]: async function* () {} }

function serving(runtime: Runtime): Doors {
  const handler = {
    runtime,
    token: 'sesame',
    authorize: undefined,
    allowedHosts: ['a.example'],
    allowedOrigins: ['https://a.example'],
    maxBodyBytes: 1000,
    heartbeatMs: 1000,
    log: nothing,
  }
  const socket = { host: '127.0.0.1', port: 0, requestTimeoutMs: 1000, graceMs: 10 }
  return {
    fetchHandler: { args: [{ ...handler, closing: undefined }], call: fetchHandler, options: 0 },
    serve: {
      args: [{ ...handler, ...socket }],
      call: (...args: Parameters<typeof serve>) => closed(serve(...args)),
      options: 0,
    },
    serveStdio: {
      args: [
        runtime,
        { input: nothingToRead, output: new PassThrough(), maxLineBytes: 10, maxInFlight: 2, log: nothing },
      ],
      // Without an input it reads this process's, for as long as that lasts.
      call: (...args: Parameters<typeof serveStdio>) => Promise.race([serveStdio(...args), nextTurn()]),
      options: 1,
    },
    createRuntime: {
      args: [{ executor: echo(), recover: false, idleMs: 1000 }],
      call: (...args: Parameters<typeof createRuntime>) => closed(createRuntime(...args)),
      options: 0,
    },
    createClient: {
      args: [{ url: 'http://127.0.0.1:4747', token: 'sesame', fetch, retryDelayMs: () => 1 }],
      call: createClient,
      options: 0,
    },
    openTelemetry: { args: [{ tracer: undefined, meter: undefined }], call: openTelemetry, options: 0 },
  }
}

function storing(folder: string): Doors {
  return {
    sqlite: {
      args: [
        join(folder, 'a.db'),
        {
          synchronous: 'full',
          lockTimeoutMs: 10,
          maxPages: 10_000,
          leaseMs: 1000,
          clock: systemClock,
          readOnly: false,
          driver: undefined,
          faults: {},
        },
      ],
      call: sqlite,
      options: 1,
    },
    backupSqlite: {
      args: [join(folder, 'none.db'), join(folder, 'copy.db'), { onProgress: nothing }],
      call: backupSqlite,
      options: 2,
    },
    postgres: {
      args: [
        URL_OF_NONE,
        {
          leaseMs: 1000,
          max: 1,
          schema: 's',
          applicationName: 'a',
          statementTimeoutMs: 10,
          poolTimeoutMs: 10,
          connectTimeoutMs: 10,
          faults: {},
        },
      ],
      call: postgres,
      options: 1,
    },
    memory: { args: [{ faults: {}, clock: systemClock }], call: memory, options: 0 },
  }
}

function working(): Doors {
  return {
    agent: { args: [{ model: 'demo/agent', tools: [], maxTurns: 1, clock: systemClock }], call: agent, options: 0 },
    tool: {
      args: [{ name: 't', description: 'd', input: z.object({}), onLost: 'ask', execute: nothing }],
      call: tool,
      options: 0,
    },
    stillRunning: { args: [{ title: 'build', handle: 1, maxMs: 10 }], call: stillRunning, options: 0 },
    demoModel: { args: [{ clock: systemClock, wordDelayMs: 1 }], call: demoModel, options: 0 },
    demoTools: { args: [{ clock: systemClock, seed: 1, notesFile: 'notes', notes: [] }], call: demoTools, options: 0 },
    guardProcess: {
      args: [{ onStray: nothing, onFault: nothing }],
      call: (...args: Parameters<typeof guardProcess>) => guardProcess(...args)(),
      options: 0,
    },
    resolveModel: {
      args: ['compatible/m', { baseUrl: 'http://127.0.0.1:1/v1', env: {} }],
      call: resolveModel,
      options: 1,
    },
  }
}

function embedding(): Doors {
  const open = async (): Promise<Store> => memory().open()
  type Rest<Args extends readonly unknown[]> = Args extends readonly [unknown, ...infer Others] ? Others : never
  return {
    exportSession: {
      args: ['s', { signal: undefined }],
      call: async (...args: Rest<Parameters<typeof exportSession>>) => exportSession(await open(), ...args).next(),
      options: 1,
    },
    importSession: {
      args: [[], { owner: 'me', as: 'other' }],
      call: async (...args: Rest<Parameters<typeof importSession>>) => importSession(await open(), ...args),
      options: 1,
    },
    moveSession: {
      args: ['s', { owner: 'me', clock: systemClock }],
      call: async (...args: Rest<Rest<Parameters<typeof moveSession>>>) =>
        moveSession(await open(), await open(), ...args),
      options: 1,
    },
    uuidIds: { args: [systemClock, nothing], call: uuidIds, options: -1 },
    deadlineIn: { args: [systemClock, 10], call: Deadline.in.bind(Deadline), options: -1 },
  }
}

test.each([null, undefined, 5, {}, { session: nothing }])(
  '%o is no store to export from, import to or move between',
  async one => {
    const store = one as never
    for (const act of [
      () => exportSession(store, 's').next(),
      () => importSession(store, [], { owner: 'me' }),
      () => moveSession(store, store, 's', { owner: 'me' }),
    ])
      expect(await outcomeOf(act)).toEqual({ type: 'refused', code: 'invalid-params' })
  },
)

test('an input that was sent is made of a runtime and its answer, and of nothing else', async () => {
  const runtime = await createRuntime({ recover: false })
  onTestFinished(() => runtime.close())
  const args = [runtime, 's', { outcome: 'accepted', inputId: 'i', cursor: '0', status: 'queued' }]
  const make = (...given: readonly unknown[]): unknown =>
    new SentInput(...(given as unknown as ConstructorParameters<typeof SentInput>)).inputId
  const trials = [...variants(args)].map(one => ({ name: one.name, call: () => make(...one.args) }))
  expect(await broken(trials)).toEqual([])
})

function testing(folder: string): Doors {
  const world = { seed: 1, steps: 1, owners: 1, sessions: 1, clients: 1, faults: { kill: 0 } }
  return {
    faultyStore: { args: [memory(), { onCommit: undefined, readsFail: false }], call: faultyStore, options: 1 },
    scriptedExecutor: { args: [nothing, { hearsWhileParked: true }], call: scriptedExecutor, options: 1 },
    simulate: { args: [world], call: simulate, options: 0 },
    simulateMany: {
      args: [{ ...world, seed: undefined, seeds: 1, from: 1, onReport: nothing }],
      call: simulateMany,
      options: 0,
    },
    checkHistory: {
      args: [{ told: [], sessions: [], effects: [], settled: true, excused: [], startWithinMs: 1 }],
      call: checkHistory,
      options: -1,
    },
    reportText: {
      args: [{ seed: 1, hash: 'h', violations: [{ rule: 'r', text: 't' }], trace: ['a'], replay: 'again' }],
      call: reportText,
      options: -1,
    },
    random: {
      args: [1],
      call: (...args: ConstructorParameters<typeof Random>) => new Random(...args).next(),
      options: -1,
    },
    manualClock: { args: [0], call: manualClock, options: -1 },
    onSqlite: { args: [join(folder, 'sim.db')], call: onSqlite, options: -1 },
    storeContract: {
      args: [{ describe: nothing, test: nothing, expect }, 'mine', nothing],
      call: storeContract,
      options: 0,
    },
  }
}

async function house(): Promise<Readonly<Record<string, Door>>> {
  const runtime = await createRuntime({ executor: echo() })
  const folder = await mkdtemp(join(tmpdir(), 'meerkat-options-'))
  onTestFinished(async () => {
    await runtime.close()
    await rm(folder, { recursive: true, force: true })
  })
  return doors(runtime, folder)
}

const NAMES = Object.keys(doors({} as Runtime, ''))

test.each(NAMES)('%s takes or refuses whatever it is given', { timeout: 120_000 }, async name => {
  const door = (await house())[name]
  if (door === undefined) return
  const call = door.call as (...args: readonly unknown[]) => unknown
  // A simulation of 9e15 steps is one that was asked for.
  const asked = [...variants(door.args)].filter(
    one => !name.startsWith('simulate') || !/ is (an absurd|no safe)/.test(one.name),
  )
  const trials = asked.map(one => ({ name: one.name, call: () => call(...one.args) }))
  expect(await broken(trials)).toEqual([])
})

test.each(NAMES)('%s refuses an option that it does not know', async name => {
  const door = (await house())[name]
  if (door === undefined || door.options < 0) return
  const call = door.call as (...args: readonly unknown[]) => unknown
  const surplus = { ...(door.args[door.options] as object), surprise: 1 }
  const outcome = await outcomeOf(() => call(...door.args.with(door.options, surplus)))
  if (name === 'storeContract') return expect(outcome.type).toBe('answered') // A test runner brings more than we use.
  expect(outcome).toMatchObject({ type: 'refused', code: 'invalid-params' })
})

test('every function that the package exports is tried here, or says why not', async () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, { readonly default: string }>>
  }
  const untried: string[] = []
  for (const [entry, { default: file }] of Object.entries(exports)) {
    if (entry === './package.json') continue
    const path = join(ROOT, file.replace('./dist/', 'src/').replace(/\.js$/, '.ts'))
    const found = (await import(path)) as Readonly<Record<string, unknown>>
    for (const [name, value] of Object.entries(found)) {
      if (typeof value !== 'function' || String(value).startsWith('class')) continue
      if (!NAMES.includes(name)) untried.push(`${name} of ${entry}`)
    }
  }
  expect(untried).toEqual([])
})

test('a client says what is wrong with what it is given before it asks anybody', async () => {
  const signal = AbortSignal.abort()
  const client = createClient({
    url: 'http://127.0.0.1:4747',
    fetch: async () => {
      throw signal.reason as Error
    },
    retryDelayMs: () => 1,
  })
  const first = async (events: AsyncIterable<unknown>): Promise<unknown> => events[Symbol.asyncIterator]().next()
  const methods: Readonly<Record<string, readonly [readonly unknown[], (...args: never[]) => unknown]>> = {
    call: [['session/get', { sessionId: 'a' }, { signal }], client.call],
    events: [[{ sessionId: 'a', after: '0', signal }], (options: never) => first(client.events(options))],
    inputEvents: [
      [{ sessionId: 'a', inputId: 'i', after: '0', signal }],
      (options: never) => first(client.inputEvents(options)),
    ],
  }
  for (const [name, [args, method]] of Object.entries(methods)) {
    const call = method as (...args: readonly unknown[]) => unknown
    // With a signal that is aborted, whatever is taken ends at once: as the abort, or as an empty iteration.
    const trials = [...variants(args)].filter(
      one => one.args.length === args.length && !/ signal |argument 2 is|0 is/.test(one.name),
    )
    const found = await broken(trials.map(one => ({ name: `${name}: ${one.name}`, call: () => call(...one.args) })))
    expect(found.filter(text => !text.endsWith('AbortError: This operation was aborted'))).toEqual([])
  }
})

test('a driver that fails or opens nothing is named, and is no fault of the store', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'meerkat-driver-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const opened = (driver: () => unknown): Promise<unknown> =>
    createRuntime({ store: sqlite(join(folder, 'a.db'), { driver: driver as never }) }).catch((error: unknown) => error)
  const failing = (): never => {
    throw new Error('no such library')
  }
  expect(await opened(failing)).toMatchObject({
    code: 'store-unavailable',
    message: expect.stringContaining('no such library') as string,
  })
  for (const nonsense of [undefined, null, 5, {}, () => {}])
    expect(await opened(() => nonsense)).toMatchObject({
      code: 'invalid-params',
      message: expect.stringContaining('driver') as string,
    })
})
