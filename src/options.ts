/**
 * Checks options where they enter: each field has to be of its kind, and unknown fields are refused.
 *
 * Options are objects of the caller's program, so reading them may throw. Every exported function that takes options
 * checks them by a table of these fields.
 */
import { MeerkatError } from './errors.ts'
import { errorOf, messageOf } from './foreign.ts'
import { isDuration, LONGEST_MS } from './time.ts'

/** The kind of a field. */
export interface Field {
  readonly wanted: string
  readonly fits: (value: unknown) => boolean
  readonly optional?: true
}

export type Fields<Of> = { readonly [Name in keyof Required<Of>]: Field }

export const optional = (field: Field): Field => ({ ...field, optional: true })
export const isFunction = (value: unknown): boolean => typeof value === 'function'
export const aFunction: Field = { wanted: 'a function', fits: isFunction }
export const aText: Field = { wanted: 'a text', fits: value => typeof value === 'string' }
export const aBoolean: Field = { wanted: 'true or false', fits: value => typeof value === 'boolean' }
export const aDuration: Field = {
  wanted: `a number of milliseconds above 0, at most ${LONGEST_MS}`,
  fits: value => isDuration(value) && value > 0,
}
/** A duration, or 0. */
export const aDelay: Field = {
  wanted: `a number of milliseconds from 0 to ${LONGEST_MS}`,
  fits: value => isDuration(value),
}
export const aCount: Field = {
  wanted: 'a whole number, at least 0',
  fits: value => Number.isSafeInteger(value) && Number(value) >= 0,
}
export const aNumber: Field = { wanted: 'a number', fits: value => Number.isFinite(value) }
export const anObject: Field = {
  wanted: 'an object',
  fits: value => typeof value === 'object' && value !== null && !Array.isArray(value),
}

/** A text that is not empty, and that stores and providers accept unchanged. */
export const aWord: Field = {
  wanted: 'a text that is not empty',
  fits: value => typeof value === 'string' && value !== '' && !value.includes('\0'),
}
export const aSignal: Field = { wanted: 'an AbortSignal', fits: value => value instanceof AbortSignal }
/** Whether it can stand in a header unchanged. */
export const isToken = (text: string): boolean => /^[\x21-\x7e]+$/.test(text)
export const aToken: Field = {
  wanted: 'printable ASCII without spaces',
  fits: value => typeof value === 'string' && isToken(value),
}
/** An object with these methods. */
export const withMethods = (what: string, ...names: readonly string[]): Field => ({
  wanted: `${what}: an object with ${names.map(name => `${name}()`).join(', ')}`,
  fits: value =>
    typeof value === 'object' && value !== null && names.every(name => isFunction(Reflect.get(value, name))),
})
export const aClock: Field = withMethods('a clock', 'now', 'after')
/** A store that is open. */
export const aStore: Field = withMethods('an open store', 'session', 'load', 'claim', 'commit')
export const aStoreSource: Field = withMethods('a store', 'open')

/** Environment variables, such as `process.env`. */
export const anEnvironment: Field = {
  wanted: 'an object of texts',
  fits: value =>
    isObject(value) && Object.values(value).every((one: unknown) => one === undefined || typeof one === 'string'),
}

/** A list whose items pass the check. */
export const aListOf = (what: string, fits: (one: unknown) => boolean): Field => ({
  wanted: `a list of ${what}`,
  fits: value => Array.isArray(value) && value.every(one => fits(one)),
})

export const oneOf = (...choices: readonly string[]): Field => ({
  wanted: `one of ${choices.join(', ')}`,
  fits: value => choices.some(choice => choice === value),
})

export const either = (...fields: readonly Field[]): Field => ({
  wanted: fields.map(({ wanted }) => wanted).join(' or '),
  fits: value => fields.some(({ fits }) => fits(value)),
})

/** Throws `invalid-params` unless the options are an object with these fields and no others. */
export function checkOptions(whose: string, options: unknown, fields: Readonly<Record<string, Field>>): void {
  checkFields(whose, options, fields)
  const [first] = namesIn(whose, options).filter(key => !Object.hasOwn(fields, key))
  if (first === undefined) return
  const known = Object.keys(fields).join(', ')
  throw invalidOption(whose, first, `is no option; there are ${known}`)
}

/** The same for an object that may have other fields too. */
export function checkFields(whose: string, options: unknown, fields: Readonly<Record<string, Field>>): void {
  if (!isObject(options)) throw invalidOption(whose, '', 'must be an object')
  for (const [name, { fits, wanted, optional: mayLack = false }] of Object.entries(fields)) {
    const problem = problemOf(() => {
      const value: unknown = Reflect.get(options, name)
      return (value === undefined && mayLack) || fits(value)
    })
    if (problem !== undefined) throw invalidOption(whose, name, problem ?? `must be ${wanted}`)
  }
}

/** Throws `invalid-params` unless an argument is of its kind. */
export function checkArgument(whose: string, name: string, value: unknown, field: Field): void {
  checkFields(whose, { [name]: value }, { [name]: field })
}

/** An argument: its name, and what it has to be; of an object of options, what each of its fields has to be. */
export type Argument = readonly [name: string, takes: Field | Readonly<Record<string, Field>>]

/** A function that is called with what its arguments have to be, or not at all. */
export function checkedFunction<Args extends readonly unknown[], Answer>(
  name: string,
  act: (...args: Args) => Answer,
  ...takes: readonly Argument[]
): (...args: Args) => Answer {
  return readable(name, (...args) => {
    for (const [index, [what, takesIt]] of takes.entries()) {
      if (isField(takesIt)) checkArgument(name, what, args[index], takesIt)
      else checkOptions(name, args[index], takesIt)
    }
    return act(...args)
  })
}

function isField(takes: Argument[1]): takes is Field {
  return typeof takes['fits'] === 'function'
}

/** A function that answers `invalid-params` to a value that it can't read, and not an error of the engine. */
export function readable<Args extends readonly unknown[], Answer>(
  name: string,
  act: (...args: Args) => Answer,
): (...args: Args) => Answer {
  return (...args) => {
    try {
      return act(...args)
    } catch (error) {
      throw unreadable(name, error)
    }
  }
}

/** The refusal of what the engine says of a caller's value; any other error stays what it is. */
export function unreadable(name: string, thrown: unknown): unknown {
  const { constructor } = errorOf(thrown)
  if (constructor !== Error && !ENGINE.has(constructor)) return thrown
  const problem = messageOf(thrown)
  return new MeerkatError('invalid-params', `${name} can't read what it was given: ${problem}`, {
    cause: thrown,
    details: { issues: [{ path: name, message: problem }] },
  })
}

const ENGINE: ReadonlySet<unknown> = new Set([TypeError, RangeError, SyntaxError, ReferenceError, URIError])

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !isListOf(value)
}

/** Even asking for the kind of a value may throw. */
function isListOf(value: object): boolean {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

function namesIn(whose: string, options: unknown): readonly string[] {
  try {
    return Object.keys(options as object)
  } catch (error) {
    throw invalidOption(whose, '', `can't be read: ${messageOf(error)}`)
  }
}

/** Undefined where it fits, null where it doesn't, or the reason why it can't be read. */
function problemOf(fits: () => boolean): string | null | undefined {
  try {
    return fits() ? undefined : null
  } catch (error) {
    return `can't be read: ${messageOf(error)}`
  }
}

export function invalidOption(whose: string, path: string, problem: string): MeerkatError {
  const details = { issues: [{ path, message: problem }] }
  return new MeerkatError('invalid-params', `${whose}: ${path === '' ? 'it' : path} ${problem}`, { details })
}
