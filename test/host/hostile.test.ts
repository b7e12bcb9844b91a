/** Whatever a host is given by whoever calls it: it is refused in words that programs can read, and harms nobody. */
import { MeerkatError } from 'meerkat-ts'
import { expect, test } from 'vitest'
import { RuntimeBindingsError } from '../../src/host/bindings.ts'
import { machineCommandNames } from '../../src/host/commands.ts'
import type { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { OpsLifecycleError } from '../../src/host/operations.ts'
import { DslTransitionError } from '../../src/kernel/authority.ts'
import { answering, ephemeral, failure, S } from './support/machines.ts'

const throwing = {
  get content(): never {
    throw new Error('a getter of the caller')
  },
  get sessionId(): never {
    throw new Error('a getter of the caller')
  },
}
const cyclic: Record<string, unknown> = {}
cyclic['self'] = cyclic

/** What nobody should give, and somebody will. */
const HOSTILE: readonly unknown[] = [
  undefined,
  null,
  42,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  10n,
  true,
  '',
  '\0',
  '\ud800',
  'x'.repeat(100_000),
  Symbol('s'),
  () => {},
  [],
  [null],
  {},
  { content: 42 },
  { content: null },
  { content: [null] },
  { content: 'x', mode: 'bogus' },
  { content: 'x', inputId: 7 },
  { content: 'x', maxRunMs: Number.NaN },
  { runtimeId: '', fence: Number.NaN },
  { type: '__proto__' },
  { name: 5 },
  { name: 'e', data: 'no object' },
  Object.create(null),
  new Map(),
  throwing,
  cyclic,
]

function isTyped(error: unknown): boolean {
  return (
    error instanceof MeerkatError ||
    error instanceof DslTransitionError ||
    error instanceof OpsLifecycleError ||
    error instanceof RuntimeBindingsError
  )
}

const shown = (value: unknown): string =>
  typeof value === 'symbol'
    ? 'symbol'
    : typeof value === 'object' && value !== null
      ? Object.prototype.toString.call(value)
      : String(value).slice(0, 20)

/** What a call fails with, or `taken`. */
async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
    return 'taken'
  } catch (error) {
    return error
  }
}

/** Calls every method of an object with hostile arguments in each place; answers what went wrong otherwise than said. */
async function tried(what: object, except: readonly string[], valid: readonly unknown[]): Promise<readonly string[]> {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(what)).filter(
    name => name !== 'constructor' && !except.includes(name),
  )
  const calls = methods.flatMap(name =>
    HOSTILE.flatMap(hostile => [0, 1, 2].map(place => ({ name, args: [...valid.slice(0, place), hostile] }))),
  )
  const wrong: string[] = []
  for (const { name, args } of calls) {
    const method: unknown = Reflect.get(what, name)
    const outcome = await outcomeOf(() =>
      typeof method === 'function' ? Reflect.apply(method, what, args) : undefined,
    )
    if (outcome !== 'taken' && !isTyped(outcome))
      wrong.push(`${name}(${args.map(shown).join(', ')}): ${String(outcome)}`)
  }
  return wrong
}

async function aServed(): Promise<MeerkatMachine> {
  const machine = await ephemeral({ abortGraceMs: 5 })
  await machine.registerSessionWithExecutor(S, answering())
  return machine
}

test('no method of a machine throws anything but what it says', async () => {
  const machine = await aServed()
  const wrong = await tried(machine, ['close'], [S, 'x', 'y'])
  expect(wrong).toEqual([])
})

test.each(['models', 'drains', 'seam', 'realtime', 'live'] as const)('nor does any of its %s', async part => {
  const machine = await aServed()
  expect(await tried(machine[part], ['surface', 'followModel'], [S, 'x', 'y'])).toEqual([])
})

test('nor does the registry of a session’s operations', async () => {
  const machine = await aServed()
  const ops = machine.opsLifecycleRegistry(S)
  expect(await tried(ops, ['watch', 'waitAll'], ['o', 'x', 'y'])).toEqual([])
})

test.each(['toString', 'constructor', '__proto__', 'hasOwnProperty', 'nope', '', 42, null, undefined, {}])(
  'a command that there is not is an unknown operation: %s',
  async name => {
    const machine = await aServed()
    expect(await failure(machine.command(name as never, {} as never))).toMatchObject({ code: 'unknown-operation' })
  },
)

test('the parameters of every command are an object of its own fields, each as its method takes it', async () => {
  const machine = await aServed()
  const wrong: string[] = []
  for (const [name, params] of machineCommandNames.flatMap(one => HOSTILE.map(given => [one, given] as const))) {
    const outcome = await outcomeOf(() => machine.command(name, params as never))
    const isSaid = outcome instanceof MeerkatError && outcome.code === 'invalid-params'
    if (!isSaid && (name !== 'AbortAll' || outcome !== 'taken')) {
      wrong.push(`${name}(${shown(params)}): ${String(outcome)}`)
    }
  }
  expect(wrong).toEqual([])
  const input = { content: 'x' }
  expect(await failure(machine.command('RegisterSession', {} as never))).toMatchObject({ code: 'invalid-params' })
  expect(await failure(machine.command('RegisterSession', { sessionId: 's2', bogus: 1 } as never))).toMatchObject({
    code: 'invalid-params',
  })
  const bogus = { sessionId: S, input: { ...input, mode: 'bogus' } } as never
  expect(await failure(machine.command('AcceptWithCompletion', bogus))).toMatchObject({ code: 'invalid-params' })
  expect(machine.containsSession('undefined' as never)).toBe(false)
})

test('an executor that is none is refused, and the session may have another', async () => {
  const machine = await ephemeral()
  for (const made of [undefined, null, {}, 42, { apply: 'no' }]) {
    expect(await failure(machine.ensureSessionWithExecutor(S, () => made as never))).toMatchObject({
      code: 'invalid-params',
    })
    expect(machine.sessionHasExecutor(S)).toBe(false)
  }
  await machine.registerSessionWithExecutor(S, answering())
  const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
  expect(await completion).toMatchObject({ status: 'consumed' })
})
