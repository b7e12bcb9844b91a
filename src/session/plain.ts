/**
 * Recognises parameters that are plainly valid, without the schemas.
 *
 * The schemas of the operations table say what an operation takes, but loading them takes longer than a turn takes to
 * run. What a program sends on its way to the first answer is mostly text and short ids, and can be recognised at
 * once. This is sound and not complete: what passes here would pass the schema unchanged, and everything else is
 * judged by the schema. A test checks that.
 */
import { MAX_ID_CHARS, PRINTABLE } from '../names.ts'

type Check = (value: unknown) => boolean

/** How to recognise valid parameters of an operation. */
export interface Form {
  readonly required: readonly string[]
  readonly fields: ReadonlyMap<string, Check>
}

/** A form with these required and optional fields. */
export function form(required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Form {
  const fields = new Map([...Object.entries(required), ...Object.entries(optional)])
  return { required: Object.keys(required), fields }
}

export const name: Check = value =>
  typeof value === 'string' && value !== '' && value.length <= MAX_ID_CHARS && PRINTABLE.test(value)
export const text: Check = value => typeof value === 'string' && value !== '' && value.isWellFormed()
export const flag: Check = value => typeof value === 'boolean'
export const oneOf =
  (...choices: readonly string[]): Check =>
  value =>
    typeof value === 'string' && choices.includes(value)
export const whole =
  (least: number, most: number): Check =>
  value =>
    Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most

export const waitMs: Check = whole(0, 600_000)
export const limit: Check = whole(1, 1_000)
export const count: Check = whole(1, 2 ** 31)
/** The one field that most operations have. */
export const session = { sessionId: name }

/** A copy of the parameters if they are plainly valid; undefined where the schema has to judge. */
export function plainly(known: Form, params: object): Readonly<Record<string, unknown>> | undefined {
  if (Array.isArray(params)) return undefined
  const copy: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(params)) {
    if (value === undefined) continue
    if (known.fields.get(key)?.(value) !== true) return undefined
    copy[key] = value
  }
  return known.required.every(key => Object.hasOwn(copy, key)) ? copy : undefined
}
