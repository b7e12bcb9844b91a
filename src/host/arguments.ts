/**
 * Checks what a host passes to a machine: a method is called with the arguments that its row describes, or not at all.
 *
 * A wrong argument is `invalid-params` that names it. Plain data is passed on as a copy, so that the host can't change
 * it later and no getter of it can throw later.
 */
import { z } from 'zod'
import { MeerkatError } from '../errors.ts'
import { isFileData, MAX_FILE_CHARS, MEDIA_TYPE } from '../file-data.ts'
import { messageOf } from '../foreign.ts'
import { peerSaid } from '../handles/peer-said.ts'
import { INPUT_DURABILITIES, INPUT_ORIGINS } from '../kernel/regions/ledger/input.ts'
import { INPUT_KINDS } from '../kernel/regions/ledger/state.ts'
import { MAX_ID_CHARS, MAX_KEY_CHARS, NOT_PRINTABLE, PRINTABLE } from '../names.ts'
import { fieldsOf } from '../session/door.ts'
import { problemsOf } from '../surfaces/invalid-params.ts'

/** The arguments of a method. */
export interface Signature {
  /** One schema for each argument, in order; further arguments are dropped. */
  readonly takes: readonly z.ZodType[]
  /** Whether the method answers a promise: then its refusal is a rejection. */
  readonly later: boolean
}

/** A method that answers a promise. */
export const later = (...takes: readonly z.ZodType[]): Signature => ({ takes, later: true })
/** A method that answers at once. */
export const now = (...takes: readonly z.ZodType[]): Signature => ({ takes, later: false })

/** Replaces the methods of a class by ones that check their arguments. */
export function checkArguments(
  made: { readonly prototype: object },
  signatures: Readonly<Record<string, Signature>>,
): void {
  for (const [name, signature] of Object.entries(signatures)) {
    const method: unknown = Reflect.get(made.prototype, name)
    if (typeof method !== 'function') throw new Error(`there is no method ${name} to check the arguments of`)
    const checked = function (this: unknown, ...given: readonly unknown[]): unknown {
      const known = argumentsOf(name, signature.takes, given)
      if (known instanceof MeerkatError) throw known
      return Reflect.apply(method, this, known)
    }
    // A method that answers a promise never throws, whatever is wrong.
    const later = async function (this: unknown, ...given: readonly unknown[]): Promise<unknown> {
      return Reflect.apply(checked, this, given)
    }
    const value = signature.later ? later : checked
    Object.defineProperty(made.prototype, name, { value, configurable: true, writable: true })
  }
}

function argumentsOf(name: string, takes: readonly z.ZodType[], given: readonly unknown[]): unknown[] | MeerkatError {
  const known: unknown[] = []
  for (const [index, schema] of takes.entries()) {
    const checked = checkedBy(schema, given[index])
    if ('problem' in checked) return refusal(`argument ${index + 1} of ${name}`, checked.problem)
    known.push(checked.value)
  }
  return known
}

type Checked = { readonly value: unknown } | { readonly problem: string }

function checkedBy(schema: z.ZodType, value: unknown): Checked {
  try {
    const parsed = schema.safeParse(value)
    if (parsed.success) return { value: parsed.data }
    const [first] = parsed.error.issues.flatMap(issue => problemsOf(issue, value))
    return { problem: `${first?.path ?? ''} ${first?.message ?? 'is of another form'}`.trim() }
  } catch (error) {
    // A getter of the caller's object threw.
    return { problem: `can't be read: ${messageOf(error)}` }
  }
}

function refusal(what: string, problem: string): MeerkatError {
  return new MeerkatError('invalid-params', `${what} is not valid: ${problem}`, {
    details: { argument: what, problem },
  })
}

/** A copy of a command's parameters: an object with these fields and no others. Throws `invalid-params`. */
export function commandFields(command: string, fields: readonly string[], params: unknown): object {
  const given = fieldsOf(params, `the parameters of ${command}`)
  const unknown = Object.keys(given).find(key => !fields.includes(key))
  if (unknown === undefined) return given
  throw refusal(`the parameters of ${command}`, `${JSON.stringify(unknown.slice(0, MAX_ID_CHARS))} is not one of them`)
}

const text = (max: number): z.ZodString => z.string().min(1).max(max).regex(PRINTABLE, NOT_PRINTABLE)
export const id: z.ZodString = text(MAX_ID_CHARS)
const key = text(MAX_KEY_CHARS)
export const words: z.ZodString = z.string()
export const flag: z.ZodBoolean = z.boolean()
export const count: z.ZodInt = z.int().min(0)
export const positive: z.ZodInt = z.int().min(1)
export const time: z.ZodNumber = z.number()
const duration = z.number().min(0)
export const optional = (schema: z.ZodType): z.ZodType => z.optional(schema)
export const oneOf = (...values: readonly string[]): z.ZodType => z.enum(values)
const record = z.record(z.string(), z.unknown())

/** An object of the caller's that is passed on as it is. */
export const anObject: z.ZodType = z.custom<object>(
  value => typeof value === 'object' && value !== null,
  'it must be an object',
)
/** The same, with these methods. */
export const withMethods = (...methods: readonly string[]): z.ZodType =>
  z.custom<object>(
    value =>
      typeof value === 'object' &&
      value !== null &&
      methods.every(name => typeof Reflect.get(value, name) === 'function'),
    `it must be an object with the methods ${methods.join(' and ')}`,
  )
export const aFunction: z.ZodType = z.custom<() => unknown>(
  value => typeof value === 'function',
  'it must be a function',
)
export const executor: z.ZodType = withMethods('apply')

const part = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string().min(1) }),
  z.strictObject({
    type: z.literal('file'),
    mediaType: id.regex(MEDIA_TYPE, 'it must be a media type such as image/png'),
    data: z.string().min(1).max(MAX_FILE_CHARS).refine(isFileData, 'it must be base64, or a data: or https: URL'),
    filename: z.optional(text(MAX_KEY_CHARS)),
  }),
  z.strictObject({ type: z.literal('json'), value: z.unknown() }),
])

const hostInputFields = z.strictObject({
  content: z.optional(z.union([z.string().min(1), z.array(part).min(1).max(1_000)])),
  peer: z.optional(peerSaid),
  mode: z.optional(z.enum(['queue', 'steer', 'supersede'])),
  inputId: z.optional(id),
  idempotencyKey: z.optional(key),
  supersessionKey: z.optional(key),
  outputSchema: z.unknown().optional(),
  model: z.optional(id),
  maxRunMs: z.optional(positive),
  resume: z.optional(flag),
  kind: z.optional(z.enum(INPUT_KINDS)),
  origin: z.optional(z.enum(INPUT_ORIGINS)),
  durability: z.optional(z.enum(INPUT_DURABILITIES)),
  intent: z.optional(id),
  withoutWake: z.optional(flag),
  continuation: z.optional(z.enum(['ordinary', 'workgraph-attention'])),
  injectsContext: z.optional(flag),
  malformedTerminal: z.optional(flag),
})
export const hostInput: z.ZodType = hostInputFields.refine(
  ({ content, peer }) => content !== undefined || (peer !== undefined && peer.type !== 'Message'),
  { path: ['content'], message: 'it must say something' },
)

export const intents: z.ZodType = z.array(id).max(1_000)
export const sessionOptions: z.ZodType = z.strictObject({
  title: z.optional(z.string().max(500)),
  labels: z.optional(z.record(id, z.string().max(MAX_KEY_CHARS))),
  model: z.optional(id),
  system: z.optional(z.string()),
  keepAlive: z.optional(flag),
  silentIntents: z.optional(intents),
  budget: z.optional(
    z.strictObject({
      maxTokens: z.optional(positive),
      maxToolCalls: z.optional(count),
      maxRunMs: z.optional(positive),
      maxTurns: z.optional(positive),
    }),
  ),
  merge: z.optional(flag),
  tools: z.optional(z.array(id)),
  mcpServers: z.optional(z.array(z.unknown())),
})

const placed = { runtimeId: id, fence: count, generation: z.optional(count), epochId: z.optional(id) }
export const placement: z.ZodType = z.strictObject(placed)
export const work: z.ZodType = z.strictObject({
  ...placed,
  workId: key,
  origin: z.enum(['Tcp', 'Uds', 'Stdin', 'Webhook', 'Rpc', 'Mob']),
})
export const hostEvent: z.ZodType = z.strictObject({ name: id, data: z.optional(record) })
export const leaving: z.ZodType = z.strictObject({ graceMs: z.optional(duration) })
export const limitMs: z.ZodType = duration

const model = z.strictObject({ model: id, realtime: flag })
export const target: z.ZodType = model
const identityOf = z.strictObject({
  model: id,
  provider: id,
  selfHostedServerId: z.optional(id),
  providerParams: z.optional(z.string()),
  authBinding: z.optional(id),
})
export const identity: z.ZodType = identityOf
const surface = z.strictObject({
  supportsTemperature: flag,
  supportsThinking: flag,
  supportsReasoning: flag,
  inlineVideo: flag,
  vision: flag,
  imageInput: flag,
  imageToolResults: flag,
  supportsWebSearch: flag,
  imageGeneration: flag,
  realtime: flag,
  callTimeoutMs: z.optional(positive),
})
const sessionLlm = { identity: identityOf, surface: z.optional(surface) }
export const llm: z.ZodType = z.strictObject(sessionLlm)
export const fallback: z.ZodType = z.strictObject({
  ...sessionLlm,
  runId: id,
  retryAttempt: positive,
  previous: z.optional(z.strictObject(sessionLlm)),
  profile: z.optional(record),
})
const approval = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('notRequired') }),
  z.strictObject({ type: z.literal('approved') }),
  z.strictObject({ type: z.literal('unavailable') }),
  z.strictObject({ type: z.literal('denied'), reason: z.string() }),
])
const asked = {
  target: model,
  approval: z.optional(approval),
  realtimeTransport: z.optional(z.enum(['detachable', 'required'])),
}
export const switchRequest: z.ZodType = z.strictObject({ ...asked, requestId: id, turns: z.optional(positive) })
export const imageRequest: z.ZodType = z.strictObject({ ...asked, operationId: id, requiresScopedOverride: flag })
/** An image operation; the kernel checks the rest. */
export const ofImage: z.ZodType = z.looseObject({ operationId: id })
export const filter: z.ZodType = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('all') }),
  z.strictObject({ type: z.literal('allow'), names: z.array(z.string()) }),
  z.strictObject({ type: z.literal('deny'), names: z.array(z.string()) }),
])
export const authorities: z.ZodType = z.array(
  z.strictObject({ name: z.string(), kind: z.string(), sourceId: z.string() }),
)
/** Whether a verdict is genuine is checked by its mint. */
export const ofSession: z.ZodType = z.custom<object>(
  value => typeof value === 'object' && value !== null && typeof Reflect.get(value, 'sessionId') === 'string',
  'it must be an authority of a session',
)
export const anything: z.ZodType = z.unknown()
/** Any value; an object is copied, so that no getter of it throws later. */
export const copied: z.ZodType = z.union([z.looseObject({}), z.unknown()])
export const inputNamed: z.ZodType = z.strictObject({ inputId: z.optional(id), idempotencyKey: z.optional(key) })
export const reconnectTimes: z.ZodType = z.strictObject({
  nextRetryAtMs: z.optional(time),
  deadlineAtMs: z.optional(time),
})
export const ids: z.ZodType = z.array(id)
export const aSignal: z.ZodType = z.instanceof(AbortSignal)
export const operation: z.ZodType = z.looseObject({
  kind: id,
  title: z.string(),
  maxConcurrent: z.optional(positive),
})
export const operationEnd: z.ZodType = z.strictObject({ output: z.unknown().optional(), error: z.optional(z.string()) })
/** The state of a session. */
export const aState: z.ZodType = z.custom<object>(
  value =>
    typeof value === 'object' &&
    value !== null &&
    ['binding', 'lifecycle'].every(slice => typeof Reflect.get(value, slice) === 'object'),
  'it must be a state',
)
export const list: z.ZodType = z.array(z.looseObject({ type: z.string() }))
