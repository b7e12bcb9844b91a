/**
 * The schema of an answer, as callers give it: a JSON Schema, or a schema of a library that speaks Standard Schema,
 * such as Zod. The JSON Schema is what is recorded and what models see; a library's schema also types and checks what
 * the caller gets back.
 *
 * Enforces: anything else is refused when the caller gives it, not when a model has answered.
 */
import { MeerkatError } from '../errors.ts'
import { jsonOf, messageOf } from '../foreign.ts'
import { systemClock } from '../time.ts'

/** The part that is used of a schema that follows https://standardschema.dev. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => Checked<Output> | PromiseLike<Checked<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

type Checked<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] }

/** The type of a schema's answers, where the schema says so. */
export type OutputOf<Schema> = Schema extends {
  readonly '~standard': { readonly types?: { readonly output: infer Output } | undefined }
}
  ? Output
  : unknown

/** A longer schema is refused. */
const MAX_SCHEMA_CHARS = 256 * 1024
/** A schema's check is the caller's own code: one that never answers must not block the caller for ever. */
const MAX_CHECK_MS = 10_000

/**
 * The schema as a JSON Schema, which is what is recorded. Throws `invalid-params` for anything else. Answers without
 * a promise where it can, so that two inputs of a caller are accepted in the order in which they were sent.
 */
export function recordedSchema(given: unknown): unknown {
  if (!isStandardSchema(given)) return plainSchema(given)
  const made = jsonSchemaOf(given)
  return made instanceof Promise ? made.then(plainSchema) : plainSchema(made)
}

function plainSchema(schema: unknown): unknown {
  const json = jsonOf(isPlainObject(schema) ? schema : undefined, MAX_SCHEMA_CHARS)
  if ('problem' in json) throw refused(json.problem)
  const problem = problemOf(schema, json.value)
  if (problem !== undefined) throw refused(problem)
  return json.value
}

function refused(problem: string): MeerkatError {
  const message = `must be a JSON Schema, or a schema of a library such as Zod: ${problem}`
  return new MeerkatError('invalid-params', `outputSchema ${message}`, {
    details: { issues: [{ path: 'outputSchema', message }] },
  })
}

/** Whether the value is a schema of a library. Never throws. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  try {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
    const standard: unknown = Reflect.get(value, '~standard')
    return typeof standard === 'object' && standard !== null && typeof Reflect.get(standard, 'validate') === 'function'
  } catch {
    return false
  }
}

/**
 * The JSON Schema that the library makes. It describes what goes into the schema, because a model's answer is checked
 * and transformed after it was written.
 */
function jsonSchemaOf(schema: StandardSchema): unknown {
  try {
    const made = madeBySchema(schema)
    // A promise is not waited for: foreign code may never settle it.
    if (isPlainObject(made)) return withoutDialect(made)
    if (made === undefined && '_zod' in schema) return madeByZod(schema)
  } catch (error) {
    throw refused(messageOf(error))
  }
  throw refused(`the schemas of ${messageOf(schema['~standard'].vendor)} can't be written as JSON Schema here`)
}

/** Zod's small build has the function as an export, not as a method of its schemas. */
async function madeByZod(schema: unknown): Promise<unknown> {
  const { toJSONSchema } = await import('zod')
  try {
    return withoutDialect(toJSONSchema(schema as Parameters<typeof toJSONSchema>[0], { io: 'input' }))
  } catch (error) {
    throw refused(messageOf(error))
  }
}

function madeBySchema(schema: StandardSchema): unknown {
  const maker: unknown = Reflect.get(schema['~standard'], 'jsonSchema')
  const input: unknown = typeof maker === 'object' && maker !== null ? Reflect.get(maker, 'input') : undefined
  if (typeof input === 'function') return Reflect.apply(input, maker, [{ target: 'draft-2020-12' }])
  const method: unknown = Reflect.get(schema, 'toJSONSchema')
  return typeof method === 'function' ? Reflect.apply(method, schema, [{ io: 'input' }]) : undefined
}

function withoutDialect(schema: object): object {
  const { $schema: _, ...rest } = schema as { readonly $schema?: unknown }
  return rest
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  try {
    const prototype: unknown = Object.getPrototypeOf(value)
    return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
  } catch {
    return false
  }
}

/** A schema that restricts anything has at least one of these keywords. */
const KEYWORDS =
  /^(?:\$ref|\$defs|\$id|\$schema|definitions|type|properties|required|items|prefixItems|enum|const|anyOf|oneOf|allOf|not|if|additionalProperties|patternProperties|format|pattern|minimum|maximum|minLength|maxLength|minItems|maxItems|title|description|default|examples)$/
const TYPES: readonly unknown[] = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']

/** What is wrong with it at first sight; the executor that compiles it finds the rest. */
function problemOf(given: unknown, schema: unknown): string | undefined {
  if (!isPlainObject(given) || !isPlainObject(schema) || Array.isArray(schema)) return 'it is not an object'
  const inner = Object.entries(given).find(([, value]) => isStandardSchema(value))
  if (inner !== undefined) return `it holds a schema under ${inner[0]}: wrap it, as z.object({ … }) does`
  if (isPlainObject(schema['def'])) return 'it is what JSON leaves of a schema of a library: send its JSON Schema'
  const keys = Object.keys(schema)
  if (keys.length > 0 && !keys.some(key => KEYWORDS.test(key))) return 'it has no keyword of JSON Schema'
  const { type } = schema
  const types: readonly unknown[] = Array.isArray(type) ? type : [type]
  const odd = type === undefined ? undefined : types.find(one => !TYPES.includes(one))
  return odd === undefined ? undefined : `there is no type ${messageOf(JSON.stringify(odd))}`
}

/** The answer as the schema makes it, or why the schema refuses it. Never rejects, and answers in bounded time. */
export async function checkedOutput<Output>(
  schema: StandardSchema<Output>,
  answer: unknown,
): Promise<{ readonly value: Output } | { readonly problem: string }> {
  const late = Promise.withResolvers<Checked<Output>>()
  const off = systemClock.after(MAX_CHECK_MS, () => late.resolve({ issues: [{ message: 'the check took too long' }] }))
  try {
    const checked = await Promise.race([schema['~standard'].validate(answer), late.promise])
    if (checked.issues === undefined) return { value: checked.value }
    return { problem: checked.issues.map(({ message }) => messageOf(message)).join('; ') }
  } catch (error) {
    return { problem: messageOf(error) }
  } finally {
    off()
  }
}
