/**
 * The shapes of results. Objects are open: a later release may add fields, and clients skip fields that they don't
 * know.
 */
import { z } from 'zod'
import { json, strings, time } from './fields.ts'

const filePart = z.object({
  type: z.literal('file'),
  mediaType: z.string(),
  data: z.string().optional().describe('Base64, or an address; absent on a long file, which has `blob` and `bytes`.'),
  blob: z.string().optional().describe('Digest of a long file; `blob/get` answers its data.'),
  bytes: z.int().optional(),
  filename: z.string().optional(),
})
const textPart = z.object({ type: z.literal('text'), text: z.string() })
const jsonPart = z.object({ type: z.literal('json'), value: json })
const reasoningPart = z.object({ type: z.literal('reasoning'), text: z.string(), meta: json.optional() })
const toolCallPart = z.object({
  type: z.literal('tool-call'),
  callId: z.string(),
  name: z.string(),
  args: json,
  meta: json.optional(),
})
const toolResultPart = z.object({
  type: z.literal('tool-result'),
  callId: z.string(),
  name: z.string(),
  output: json,
  isError: z.boolean().optional(),
})

const content = z.union([z.string(), z.array(z.discriminatedUnion('type', [textPart, filePart, jsonPart]))])
const messageContent = z.union([
  z.string(),
  z.array(z.discriminatedUnion('type', [textPart, filePart, jsonPart, reasoningPart, toolCallPart, toolResultPart])),
])

export const inputStatus = z.enum([
  'queued',
  'staged',
  'applied',
  'consumed',
  'superseded',
  'coalesced',
  'abandoned',
  'withdrawn',
])

export const session = z.object({
  id: z.string(),
  phase: z.string().describe('initializing, idle, attached, running, retired, stopped or destroyed.'),
  createdAt: time,
  updatedAt: time,
  revision: z.int().describe('Rises with every `session/update`, from 1.'),
  messages: z.int().describe('Messages in the transcript.'),
  unfinished: z.int().describe('Inputs accepted and not ended.'),
  forkOf: z.object({ sessionId: z.string(), messages: z.int() }).optional(),
  unreadable: z
    .literal(true)
    .optional()
    .describe('What the store has of it is damaged; what can not be read is absent.'),
  title: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  model: z.string().optional(),
  system: z.string().optional(),
  keepAlive: z.boolean().optional(),
  silentIntents: strings.optional(),
  budget: z
    .object({
      maxTokens: z.int().optional(),
      maxToolCalls: z.int().optional(),
      maxRunMs: z.int().optional(),
      maxTurns: z.int().optional(),
    })
    .optional(),
  merge: z.boolean().optional(),
  tools: strings.optional(),
  mcpServers: z.array(json).optional(),
})

const usage = z.object({
  inputTokens: z.int().optional(),
  outputTokens: z.int().optional(),
  totalTokens: z.int().optional(),
  cachedInputTokens: z.int().optional(),
  reasoningTokens: z.int().optional(),
  calls: z.int().optional().describe('Model calls made.'),
  unmeasured: z
    .literal(true)
    .optional()
    .describe('More was spent than is counted: of some call or attempt the cost is unknown.'),
})

export const runResult = z.object({
  outcome: z.enum(['completed', 'failed', 'cancelled']),
  runId: z.string(),
  text: z.string().optional(),
  output: json.optional().describe('The structured answer, where `outputSchema` asked for one.'),
  usage: usage.optional().describe('Of all attempts. A count that no provider reported is absent.'),
  error: z.object({ code: z.string(), message: z.string(), cause: z.string() }).optional(),
})

const steerReceipt = z.discriminatedUnion('type', [
  z.object({ type: z.literal('steered'), runId: z.string(), boundary: z.int() }),
  z.object({ type: z.literal('queued') }),
])

export const input = z.object({
  id: z.string(),
  status: inputStatus,
  reason: z.string().optional().describe('Why it ended badly.'),
  attempts: z.int(),
  mode: z.enum(['queue', 'steer', 'supersede']),
  kind: z.string(),
  content,
  acceptedAt: time,
  idempotencyKey: z.string().optional(),
  supersessionKey: z.string().optional(),
  runId: z.string().optional().describe('The run that holds it or ended it.'),
  receipt: steerReceipt.optional().describe('What became of a steer.'),
  result: runResult.optional(),
  by: z.string().optional().describe('The input that replaced it.'),
})

export const message = z.object({
  id: z.string(),
  index: z.int(),
  role: z.enum(['system', 'user', 'assistant', 'tool', 'notice']),
  content: messageContent,
  runId: z.string().optional(),
  inputIds: strings.optional(),
  at: time,
})

/** docs/events.md lists the fields of each type; readers skip what they don't know. */
export const event = z.looseObject({
  cursor: z.string(),
  sessionId: z.string(),
  at: time,
  type: z.string(),
  runId: z.string().optional(),
  inputId: z.string().optional(),
  turn: z.int().optional(),
})

export const run = z.object({
  id: z.string(),
  state: z.enum(['running', 'completed', 'failed', 'cancelled', 'interrupted']),
  inputIds: strings,
  startedAt: time,
  endedAt: time.optional(),
  cause: z.string().optional(),
})

export const receipt = z.object({
  runId: z.string(),
  boundary: z.int().describe('Dense from 1 within the run.'),
  inputIds: strings,
  steered: strings.optional().describe('Steers that joined here.'),
  at: time,
})

export const callState = z.enum(['awaitingApproval', 'owed', 'dispatched', 'succeeded', 'failed', 'unknown'])

const expiry = {
  expiresAt: time.optional().describe('When `onExpiry` counts as decided, where the tool declares that.'),
  onExpiry: z.enum(['allow', 'deny']).optional(),
}

export const call = z.object({
  id: z.string(),
  inputId: z.string(),
  tool: z.string(),
  policy: z.enum(['retry', 'ask', 'fail']),
  state: callState,
  since: time,
  crashes: z.int().optional().describe('Processes that ended while it was in flight.'),
  ...expiry,
  args: json.optional(),
  output: json.optional(),
})

export const approval = z.object({
  id: z.string().describe('Equals the id of the call.'),
  tool: z.string(),
  args: json.optional(),
  inputId: z.string(),
  since: time,
  ...expiry,
})

export const tool = z.object({
  name: z.string(),
  description: z.string().optional(),
  inputSchema: json.optional(),
  policy: z.string(),
  needsApproval: z.boolean(),
  state: z.string().describe('visible, hidden, deferred, requested or unavailable.'),
  deferred: z.boolean().optional().describe('Hidden until the model or a caller requests it.'),
  surface: z.string().optional().describe('The external surface that it belongs to.'),
  shadowedBy: z.string().optional().describe("The surface whose tool has its bare name; empty: the executor's own."),
})

const until = time.optional()

export const schedule = z.object({
  id: z.string(),
  title: z.string().optional(),
  content,
  rule: z.discriminatedUnion('type', [
    z.object({ type: z.literal('once'), at: time, until }),
    z.object({ type: z.literal('every'), everyMs: z.int(), from: time, until }),
    z.object({ type: z.literal('cron'), pattern: z.string(), timeZone: z.string(), until }),
  ]),
  nextDueAt: time.optional(),
  overlap: z.enum(['skip', 'queue', 'replace']),
  misfire: z.enum(['skip', 'once', 'all']),
  lastInputId: z.string().optional().describe('The input that it gave last.'),
  createdAt: time,
})

export const backgroundOperation = z.object({
  id: z.string(),
  kind: z.string(),
  title: z.string(),
  status: z.string().describe('provisioning, running, retiring, or how it ended.'),
  tool: z.string().optional(),
  callId: z.string().optional(),
  startedAt: time,
  endedAt: time.optional(),
  progress: z.int().describe('Progress reports so far.'),
  output: json.optional(),
  error: z.string().optional(),
  reason: z
    .string()
    .optional()
    .describe('Why it was given up or ended by its session: timed-out, crashed-process, owner-lost, …'),
})

/** Shapes that several results share, by their names in the OpenAPI document. */
export const namedShapes = {
  Session: session,
  Input: input,
  RunResult: runResult,
  Message: message,
  Event: event,
  Run: run,
  Receipt: receipt,
  Call: call,
  Approval: approval,
  Tool: tool,
  Schedule: schedule,
  Operation: backgroundOperation,
}
