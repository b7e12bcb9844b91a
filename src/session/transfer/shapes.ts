/**
 * The form of the lines of an export. Lines are foreign, so they are held to the rules of every door before anything is
 * made of them. Unknown fields are kept: a newer release of the same version may have added them, and nothing reads
 * them. Only a session's options are limited to known fields, because people read them.
 */
import { z } from 'zod'
import { MAX_KEY_CHARS, NOT_PRINTABLE, PRINTABLE } from '../../names.ts'
import { LONGEST_MS } from '../../time.ts'
import { FORMAT } from './format.ts'

/** The furthest time from the epoch that a `Date` can be. */
const MAX_TIME_MS = 8.64e15
/** How deeply a value may be nested. */
const MAX_DEPTH = 200

const name = (maxChars: number) => z.string().min(1).max(maxChars).regex(PRINTABLE, NOT_PRINTABLE)
const id = name(MAX_KEY_CHARS)
const ids = z.array(id)
const time = z.int().min(0).max(MAX_TIME_MS)
const count = z.int().min(0)
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be the SHA-256 of a file')
/** Any value, which must be present. */
const json = z.unknown().refine(value => value !== undefined, 'is missing')

const text = z.looseObject({ type: z.literal('text'), text: z.string() })
const file = z.looseObject({ type: z.literal('file'), mediaType: name(MAX_KEY_CHARS), data: z.string() })
const blobPart = z.looseObject({ type: z.literal('file'), mediaType: name(MAX_KEY_CHARS), blob: digest, bytes: count })
const jsonPart = z.looseObject({ type: z.literal('json'), value: json })
const contentPart = z.union([text, file, blobPart, jsonPart])
const messagePart = z.union([
  contentPart,
  z.looseObject({ type: z.literal('reasoning'), text: z.string() }),
  z.looseObject({ type: z.literal('tool-call'), callId: id, name: z.string(), args: json }),
  z.looseObject({
    type: z.literal('tool-result'),
    callId: id,
    name: z.string(),
    output: json,
    isError: z.boolean().optional(),
  }),
])
const content = z.union([z.string(), z.array(contentPart)])

const usage = z.looseObject({
  inputTokens: z.number().optional(),
  outputTokens: z.number().optional(),
  totalTokens: z.number().optional(),
  calls: z.number().optional(),
  unmeasured: z.literal(true).optional(),
})

const message = z.looseObject({
  role: z.enum(['system', 'user', 'assistant', 'tool', 'notice']),
  content: z.union([z.string(), z.array(messagePart)]).optional(),
  runId: id.optional(),
  inputIds: ids.optional(),
  compactsBefore: count.optional(),
  usage: usage.optional(),
})

const event = z.looseObject({
  type: name(200),
  runId: id.optional(),
  inputId: id.optional(),
  turn: count.optional(),
  message: count.optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  place: count.max(999_999).optional(),
})

const input = z.looseObject({
  id,
  at: time,
  mode: z.enum(['queue', 'steer', 'supersede']),
  kind: name(200),
  content,
  idempotencyKey: id.optional(),
  supersessionKey: id.optional(),
  model: z.string().optional(),
  maxRunMs: z.number().optional(),
  scheduleId: id.optional(),
})

const result = z.looseObject({
  outcome: z.enum(['completed', 'failed', 'cancelled']),
  runId: id,
  message: count.optional(),
  text: z.string().optional(),
  usage: usage.optional(),
  error: z.looseObject({ code: z.string(), message: z.string(), cause: z.string() }).optional(),
})

const ended = z.looseObject({
  id,
  status: z.enum(['consumed', 'superseded', 'coalesced', 'abandoned', 'withdrawn']),
  reason: z.string().optional(),
  by: id.optional(),
  attempts: count,
  result: result.optional(),
})

const until = time.optional()
const rule = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('once'), at: time, until }),
  z.looseObject({ type: z.literal('every'), everyMs: z.number().positive(), from: time, until }),
  z.looseObject({ type: z.literal('cron'), pattern: z.string().max(200), timeZone: name(100), until }),
])
const schedule = z.looseObject({ id, at: time, title: z.string().optional(), rule, content })

const operation = z.looseObject({
  id,
  at: time,
  kind: z.string(),
  title: z.string(),
  callId: id.optional(),
  tool: z.string().optional(),
  maxMs: z.number().min(0).max(LONGEST_MS).optional(),
})

const operationEnded = z.looseObject({
  id,
  outcome: z.enum(['completed', 'failed', 'aborted', 'cancelled', 'retired', 'terminated']),
  error: z.string().optional(),
  reason: z.string().optional(),
  durationMs: z.number().optional(),
})

const options = z.strictObject({
  title: z.string().max(500).optional(),
  labels: z.record(z.string().max(MAX_KEY_CHARS), z.string().max(500)).optional(),
  model: z.string().max(MAX_KEY_CHARS).optional(),
  system: z.string().optional(),
  keepAlive: z.boolean().optional(),
  silentIntents: z.array(z.string()).optional(),
  budget: z
    .strictObject({
      maxTokens: z.number().optional(),
      maxToolCalls: z.number().optional(),
      maxRunMs: z.number().optional(),
      maxTurns: z.number().optional(),
    })
    .optional(),
  merge: z.boolean().optional(),
  tools: z.array(z.string()).optional(),
  mcpServers: z.array(z.unknown()).optional(),
})

const record = z.looseObject({
  v: count,
  at: time,
  runId: id.optional(),
  inputId: id.optional(),
  letters: ids.optional(),
  steps: z.array(z.looseObject({ type: name(200) })).optional(),
  events: z.array(event).optional(),
  inputs: z.array(input).optional(),
  ended: z.array(ended).optional(),
  schedules: z.array(schedule).optional(),
  operations: z.array(operation).optional(),
  operationsEnded: z.array(operationEnded).optional(),
  messages: z.array(message).optional(),
  messagesFrom: count.optional(),
  settings: z.looseObject({ revision: z.int().min(1), options }).optional(),
})

const LINES: Readonly<Record<string, z.ZodType>> = {
  header: z.looseObject({
    format: z.literal(FORMAT),
    version: count,
    session: z.looseObject({
      id: name(200),
      createdAt: time,
      options,
      revision: z.int().min(1).optional(),
      forkOf: z.looseObject({ sessionId: id, messages: count }).optional(),
    }),
    head: z.looseObject({ commits: count, messages: count, unfinished: count }),
  }),
  blob: z.looseObject({ digest, data: z.string() }),
  record: z.looseObject({
    record,
    opened: ids.optional(),
    closed: ids.optional(),
    keys: z.array(z.looseObject({ key: id, inputId: id, digest: z.string() })).optional(),
  }),
  journal: z.looseObject({ work: id, index: count, message }),
  end: z.looseObject({ records: count, blobs: count, journal: count, sha256: z.string() }),
}

/** What is wrong with a line of this type, as the end of a sentence; undefined: nothing. */
export function lineProblem(type: string, line: unknown): string | undefined {
  const shape = Object.hasOwn(LINES, type) ? LINES[type] : undefined
  if (shape === undefined) return `has the unknown type ${JSON.stringify(type.slice(0, 40))}`
  const problem = valueProblem(line)
  if (problem !== undefined) return problem
  const { error } = shape.safeParse(line)
  const [issue] = error?.issues ?? []
  if (issue === undefined) return undefined
  return `is no ${type} line of this format (${issue.path.join('.').slice(0, 200)}: ${issue.message.slice(0, 200)})`
}

/**
 * Checks what schemas don't: how deeply the line is nested and, above all in kernel inputs, that every field called a
 * time, an id or a number is one. Names tell the kind: `at` and `dueAt` are times, `runId` and `inputIds` are ids.
 */
function valueProblem(line: unknown): string | undefined {
  let level: readonly unknown[] = [line]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`
    if (level.some(value => typeof value === 'number' && !Number.isFinite(value))) return 'holds a number that is none'
    level = level.flatMap(innerOf)
  }
  return undefined
}

function innerOf(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return []
  const inner: readonly unknown[] = Object.values(value)
  return inner
}

/** What is wrong with the fields of a kernel input, as the end of a sentence; undefined: nothing. */
export function stepProblem(step: Readonly<Record<string, unknown>>): string | undefined {
  for (const [key, value] of Object.entries(step)) {
    if (value === undefined) continue
    if ((key === 'at' || key.endsWith('At')) && !time.safeParse(value).success) return `the time ${key} is none`
    if ((key === 'id' || key.endsWith('Id')) && !id.safeParse(value).success) return `the id ${key} is none`
    if (key.endsWith('Ids') && !ids.safeParse(value).success) return `the ids ${key} are none`
  }
  return undefined
}
