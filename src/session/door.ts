/**
 * Checks what a program passes to the runtime by the same rules as what comes over the wire.
 *
 * 1. The rules are the schemas of the operations table. They are loaded when something has to be judged by them;
 *    parameters that are plainly valid (`plain.ts`) pass without.
 * 2. An id or key that some store, terminal or process could not tell from another is refused. Text is mended
 *    instead: a lone half of a surrogate pair becomes U+FFFD here, so that no provider refuses the session for it
 *    later.
 * 3. What is passed on is a copy of plain JSON. A caller that changes its own object later changes nothing here.
 */
import { type Defined, defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import { jsonOf, messageOf, wellFormed } from '../foreign.ts'
import { invalidParams, type Problem } from '../surfaces/invalid-params.ts'
import type * as Operations from '../surfaces/operations.ts'
import type { OperationName, OperationParams } from '../surfaces/operations.ts'
import { type Form, plainly } from './plain.ts'

type Table = typeof Operations
/** The schemas, once a call needed them. */
let loading: Promise<Table> | undefined
let table: Table | undefined

/** Loads the schemas now, for the simulator, whose runs must not depend on when the file system answers. */
export function loadSchemas(): Promise<Table> {
  loading ??= import('../surfaces/operations.ts').then(found => (table = found))
  return loading
}

type Checked<Name extends OperationName> = Defined<OperationParams<Name>>

/** The parameters of an operation as a copy, or `invalid-params` that names what is wrong. */
export async function checked<Name extends OperationName>(
  name: Name,
  params: unknown,
  plain: Form | undefined,
): Promise<Checked<Name>> {
  // While the schemas are being loaded all callers wait for the same promise, and later none waits at all: so two
  // inputs are accepted in the order in which they were sent.
  if (table === undefined && loading !== undefined) await loading
  const copy = plain && read(() => plainly(plain, asObject(params)))
  // `plainly` answers what the schema would have answered: test/session/doors.test.ts checks that.
  if (copy !== undefined) return copy as Checked<Name>
  const { paramsOf } = table ?? (await loadSchemas())
  return read(() => mended(defined(paramsOf(name, params))))
}

/** Joins the arguments of a method, a session id and an object, into the parameters of an operation. */
export function ofSession<Params extends object>(
  sessionId: string | undefined,
  params?: Params,
): Params & { readonly sessionId: string } {
  const given: object = { ...(params !== undefined && fieldsOf(params)) }
  if (Object.hasOwn(given, 'sessionId')) throw invalidParams([{ path: 'sessionId', message: 'is given twice' }])
  // The types say what the caller promises; `checked` finds out whether it is true.
  return { ...given, sessionId } as Params & { readonly sessionId: string }
}

/** An abort signal, or `invalid-params`. */
export function checkedSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return signal
  if (read(() => signal instanceof AbortSignal)) return signal as AbortSignal
  throw invalidParams([{ path: 'signal', message: 'must be an AbortSignal' }])
}

/** A whole number from `least` on. */
export function checkedCount(path: string, value: unknown, least = 0): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least) return value
  throw invalidParams([{ path, message: `must be a whole number, at least ${least}` }])
}

/** A copy of the fields of a caller's object; `invalid-params` where it is no object, or can't be read. */
export function fieldsOf(value: unknown, path = ''): object {
  return read(() => ({ ...asObject(value, path) }))
}

/** The value as an object; `invalid-params` where it is none. */
function asObject(value: unknown, path = ''): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw invalidParams([{ path, message: 'must be an object' }])
}

/** Reads a caller's own object: its getters may throw anything. */
export function read<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof MeerkatError) throw error
    throw invalidParams([{ path: '', message: `can't be read: ${messageOf(error)}` }])
  }
}

function mended<Params extends object>(params: Params): Params {
  const problems: Problem[] = []
  const copy = Object.entries(params).map(([key, value]: [string, unknown]) => {
    if (typeof value === 'string') return [key, wellFormed(value)]
    if (typeof value !== 'object' || value === null) return [key, value]
    const json = jsonOf(value)
    if ('problem' in json) problems.push({ path: key, message: `can't be written as JSON: ${json.problem}` })
    return [key, 'value' in json ? json.value : undefined]
  })
  if (problems.length > 0) throw invalidParams(problems)
  return Object.fromEntries(copy) as Params
}
