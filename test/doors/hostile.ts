/** What comes through doors from outside: one list for every door. Values are made anew for each use. */

export type Make = () => unknown

const trap = (): never => {
  throw new Error('a trap was touched')
}

function cyclic(): unknown {
  const value: Record<string, unknown> = {}
  value['self'] = value
  return value
}

function nested(depth: number): unknown {
  let value: unknown = 'deep'
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

/** Values of wrong types, forms and sizes. */
export const VALUES: Readonly<Record<string, Make>> = {
  nothing: () => undefined,
  null: () => null,
  true: () => true,
  zero: () => 0,
  'a number': () => 42,
  NaN: () => Number.NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  'a negative number': () => -1,
  'a fraction': () => 1.5,
  'an absurd number': () => 9e15,
  'no safe integer': () => 2 ** 60,
  'a BigInt': () => 10n,
  'an empty text': () => '',
  'a space': () => ' ',
  NUL: () => 'a\0b',
  'a control character': () => 'a\u001b[2Jb',
  'half a surrogate pair': () => 'a\ud83d',
  'a long text': () => 'x'.repeat(10_000),
  'a name of the prototype': () => '__proto__',
  'a method of the prototype': () => 'toString',
  'an empty list': () => [],
  'a list of null': () => [null],
  'a list of itself': () => {
    const list: unknown[] = []
    list.push(list)
    return list
  },
  'an empty object': () => ({}),
  'a cyclic object': cyclic,
  'an own __proto__': () => JSON.parse('{"__proto__":{"polluted":true}}') as unknown,
  'an object without a prototype': () => Object.create(null) as unknown,
  'a getter that throws': () => Object.defineProperty({}, 'type', { get: trap, enumerable: true }),
  'a proxy that throws': () => new Proxy({}, { get: trap, ownKeys: trap, has: trap, getPrototypeOf: trap }),
  'deep nesting': () => nested(5_000),
  'a symbol': () => Symbol('s'),
  'a function': () => () => {},
  'a Date that is none': () => new Date(Number.NaN),
  'a Map': () => new Map([[1, 2]]),
  bytes: () => new Uint8Array([0, 255]),
  'a promise': () => Promise.resolve(1),
}

/** Those of them that JSON can carry, for doors behind a wire. */
export const JSON_VALUES: Readonly<Record<string, Make>> = Object.fromEntries(
  Object.entries(VALUES).filter(([, make]) => isPlainJson(make())),
)

function isPlainJson(value: unknown): boolean {
  try {
    const text: unknown = JSON.stringify(value)
    return typeof text === 'string' && (typeof value !== 'object' || Object.getPrototypeOf(value) !== Date.prototype)
  } catch {
    return false
  }
}

/** What code that is called may do instead of answering. */
export const ANSWERS: Readonly<Record<string, () => unknown>> = {
  ...VALUES,
  'a throw of an error': () => {
    throw new Error('thrown')
  },
  'a throw of a text': () => {
    throw 'thrown' as unknown as Error
  },
  'a throw of nothing': () => {
    throw undefined as unknown as Error
  },
  'a throw of an object without a prototype': () => {
    throw Object.create(null) as unknown as Error
  },
  'a rejection with null': () =>
    // What is rejected with is the point here.
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors
    Promise.reject(null),
  'a rejection with a trap': () => Promise.reject(new Proxy(new Error('trap'), { get: trap, getPrototypeOf: trap })),
  // Thenables are the point here.
  // oxlint-disable-next-line unicorn/no-thenable
  'a thenable that throws': () => ({ then: trap }),
  'a thenable that answers twice': () => ({
    // oxlint-disable-next-line unicorn/no-thenable
    then: (resolve: (value: unknown) => void) => {
      resolve({ type: 'done' })
      resolve({ type: 'done' })
    },
  }),
  'a type that nobody knows': () => ({ type: 'done' }),
  'a promise of a wrong type': () => Promise.resolve({ type: 7 }),
}

/** Arguments with one of them, or one field of one of them, replaced by each value; and too few of them. */
export function* variants(
  args: readonly unknown[],
  values: Readonly<Record<string, Make>> = VALUES,
): Generator<{ readonly name: string; readonly args: readonly unknown[] }> {
  for (const [index, arg] of args.entries()) {
    yield { name: `only ${index} arguments`, args: args.slice(0, index) }
    for (const [value, make] of Object.entries(values)) {
      yield { name: `argument ${index} is ${value}`, args: args.with(index, make()) }
    }
    if (typeof arg !== 'object' || arg === null || Array.isArray(arg)) continue
    yield { name: `argument ${index} has a surplus field`, args: args.with(index, { ...arg, surprise: 1 }) }
    for (const field of Object.keys(arg)) {
      for (const [value, make] of Object.entries(values)) {
        yield { name: `argument ${index}, ${field} is ${value}`, args: args.with(index, { ...arg, [field]: make() }) }
      }
    }
  }
}
