/** A host's doors: every method of a machine and of what hangs on it, every command by name, and every handle of a session. */
import { expect, onTestFinished, test } from 'vitest'
import { echo } from '../../src/executor/echo.ts'
import { MeerkatMachine, machineCommandNames, type SessionId, standaloneBindings } from '../../src/runtime.ts'
import { VALUES } from './hostile.ts'
import { broken, outcomeOf } from './try-door.ts'

const S = 's' as SessionId
const PARTS = ['auth', 'drains', 'realtime', 'live', 'models', 'seam'] as const

type Method = (...args: readonly unknown[]) => unknown
type Trial = { readonly name: string; readonly call: () => unknown }

/** The methods that a class gives its instances, by name. */
function methodsOf(instance: object): readonly string[] {
  const names: string[] = []
  for (let at: unknown = Object.getPrototypeOf(instance); isProto(at); at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === 'function' && name !== 'constructor') names.push(name)
    }
  }
  return names
}

const isProto = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && value !== Object.prototype

function* trialsOf(instance: object, name: string): Generator<Trial> {
  const method = (instance as Readonly<Record<string, Method>>)[name]
  const call = (...args: readonly unknown[]): unknown => method?.apply(instance, [...args])
  yield { name: 'nothing', call: () => call() }
  yield { name: 'only a session', call: () => call(S) }
  for (const [what, make] of Object.entries(VALUES)) {
    yield { name: `all are ${what}`, call: () => call(make(), make(), make(), make()) }
    yield { name: `behind the session is ${what}`, call: () => call(S, make(), make(), make()) }
    yield { name: `behind a text is ${what}`, call: () => call(S, 'x', make(), make()) }
    yield { name: `before a text is ${what}`, call: () => call(make(), 'x') }
    if (!name.startsWith('accept')) continue
    const request = { type: 'Request', peerId: 'p', requestId: 'r', intent: 'i' }
    yield { name: `a peer is ${what}`, call: () => call(S, { content: 'x', peer: make() }) }
    yield { name: `a peer brings ${what}`, call: () => call(S, { peer: { ...request, payload: make() } }) }
    yield { name: `a peer names itself ${what}`, call: () => call(S, { peer: { ...request, displayName: make() } }) }
  }
}

async function machineWithSession(): Promise<MeerkatMachine> {
  const machine = await MeerkatMachine.ephemeral({ abortGraceMs: 50 })
  onTestFinished(() => machine.close())
  await machine.registerSessionWithExecutor(S, echo())
  return machine
}

/** Whatever was tried, another session of the same machine is registered, served and answered. */
async function bystanderIsWell(machine: MeerkatMachine): Promise<void> {
  const id = 'bystander' as SessionId
  await machine.ensureSessionWithExecutor(id, () => echo())
  const { completion } = await machine.acceptInputWithCompletion(id, { content: 'are you well?' })
  expect(await completion).toMatchObject({ status: 'consumed' })
}

const sample = await MeerkatMachine.ephemeral()
const names = methodsOf(sample).filter(name => name !== 'close')
const parts = PARTS.flatMap(part => methodsOf(sample[part]).map(name => [part, name] as const))
await sample.close()

test.each(names)('machine.%s', { timeout: 120_000 }, async name => {
  const machine = await machineWithSession()
  expect(await broken(trialsOf(machine, name))).toEqual([])
  await bystanderIsWell(machine)
})

test.each(parts)('machine.%s.%s', { timeout: 120_000 }, async (part, name) => {
  const machine = await machineWithSession()
  expect(await broken(trialsOf(machine[part], name))).toEqual([])
  await bystanderIsWell(machine)
})

/** Every parameter that any command takes: one that a command does not take must be refused or passed over. */
const PARAMS = (
  'options make placement intents runId input work event keepAlive reason limitMs inputId boundary target request ' +
  'fallback refusal operationId seen end filter witnesses authorities revision'
).split(' ')

test.each([...machineCommandNames, 'toString', 'constructor', '__proto__', 'NoSuchCommand', ''])(
  'machine.command(%j)',
  { timeout: 120_000 },
  async name => {
    const machine = await machineWithSession()
    const command = (params?: unknown): unknown => machine.command(name as 'Retire', params as { sessionId: SessionId })
    const trials: Trial[] = [{ name: 'no parameters', call: () => command() }]
    for (const [what, make] of Object.entries(VALUES)) {
      trials.push(
        { name: `the parameters are ${what}`, call: () => command(make()) },
        { name: `sessionId is ${what}`, call: () => command({ sessionId: make() }) },
        {
          name: `every parameter is ${what}`,
          call: () => command({ sessionId: S, ...Object.fromEntries(PARAMS.map(key => [key, make()])) }),
        },
      )
    }
    expect(await broken(trials)).toEqual([])
    if (!(machineCommandNames as readonly string[]).includes(name)) {
      expect(await outcomeOf(() => command({ sessionId: S }))).toMatchObject({
        type: 'refused',
        code: 'unknown-operation',
      })
    }
    await bystanderIsWell(machine)
  },
)

test.each(Object.entries(VALUES))('a command named by %s', async (_, make) => {
  const machine = await machineWithSession()
  const outcome = await outcomeOf(() => machine.command(make() as 'Retire', { sessionId: S }))
  expect(outcome).toMatchObject({ type: 'refused' })
})

const HANDLES = Object.entries(standaloneBindings(S)).flatMap(([handle, value]: [string, unknown]) =>
  typeof value === 'object' && value !== null ? methodsOf(value).map(name => [handle, name] as const) : [],
)

test.each(HANDLES)('bindings.%s.%s', { timeout: 120_000 }, async (handle, name) => {
  const machine = await machineWithSession()
  const bindings: object = await machine.prepareBindings(S)
  for (const bundle of [bindings, standaloneBindings(S)]) {
    const instance = (bundle as Readonly<Record<string, unknown>>)[handle]
    if (typeof instance !== 'object' || instance === null) continue
    expect(await broken(trialsOf(instance, name))).toEqual([])
  }
  await bystanderIsWell(machine)
})
