/**
 * Plainly fine parameters, told without the schemas.
 *
 * What an operation takes is said by the schemas of the operations table; to load them takes longer than a turn takes
 * to run. What a program asks on its way to the first answer is mostly text and short ids, and can be told to be fine at
 * a glance. Sound, not complete: what this passes the schema would pass unchanged, everything else is the schema's to
 * judge. A test holds that.
 */
import { MAX_ID_CHARS, PRINTABLE } from '../names.ts'

type Check = (value: unknown) => boolean

interface Form {
  readonly required: readonly string[]
  readonly fields: ReadonlyMap<string, Check>
}

const form = (required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Form => ({
  required: Object.keys(required),
  fields: new Map([...Object.entries(required), ...Object.entries(optional)]),
})

const name: Check = value =>
  typeof value === 'string' && value !== '' && value.length <= MAX_ID_CHARS && PRINTABLE.test(value)
const text: Check = value => typeof value === 'string' && value !== '' && value.isWellFormed()
const flag: Check = value => typeof value === 'boolean'
const oneOf =
  (...choices: readonly string[]): Check =>
  value =>
    typeof value === 'string' && choices.includes(value)
const whole =
  (least: number, most: number): Check =>
  value =>
    Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most

const waitMs = whole(0, 600_000)
const limit = whole(1, 1_000)
const count = whole(1, 2 ** 31)
const session = { sessionId: name }

const FORMS: ReadonlyMap<string, Form> = new Map([
  ['session/open', form({}, { sessionId: name, title: name, model: name, system: text, merge: flag })],
  ['session/get', form(session)],
  ['session/history', form(session, { after: whole(0, 2 ** 31), limit })],
  ['session/explain', form(session)],
  [
    'input/send',
    form(
      { ...session, content: text },
      { mode: oneOf('queue', 'steer'), idempotencyKey: name, model: name, maxRunMs: count, waitMs, resume: flag },
    ),
  ],
  ['input/get', form({ ...session, inputId: name })],
  ['input/wait', form({ ...session, inputId: name, waitMs })],
  ['run/cancel', form({ ...session, when: oneOf('now', 'boundary') }, { runId: name, queue: oneOf('keep', 'drop') })],
  ['events/read', form({}, { ...session, after: name, limit, waitMs })],
  ['call/list', form(session)],
  ['approval/list', form(session)],
])

/** Operations whose parameters can be told to be fine at a glance. */
export const plainOperations: readonly string[] = [...FORMS.keys()]

/** A copy of the parameters if they are plainly fine; undefined where the schema has to tell. */
export function plainly(operation: string, params: object): Readonly<Record<string, unknown>> | undefined {
  const known = FORMS.get(operation)
  if (known === undefined || Array.isArray(params)) return undefined
  const copy: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(params)) {
    if (value === undefined) continue
    if (known.fields.get(key)?.(value) !== true) return undefined
    copy[key] = value
  }
  return known.required.every(key => Object.hasOwn(copy, key)) ? copy : undefined
}
