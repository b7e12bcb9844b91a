/** Schemas for sessions: opening, listing, reading, forking and explaining them. */
import { z } from 'zod'
import type { OperationSchemas } from '../operation.ts'
import { after, duration, limit, name, next, positive, sessionId } from './fields.ts'
import { message, session } from './shapes.ts'

const labels = z
  .record(name(100), z.string().max(500))
  .refine(value => Object.keys(value).length <= 64, 'must be at most 64 entries long')

const budget = z.strictObject({
  maxTokens: z.exactOptional(positive),
  maxToolCalls: z.exactOptional(positive),
  maxRunMs: z.exactOptional(duration),
  maxTurns: z.exactOptional(positive),
})

const title = z.string().min(1).max(500)
const tools = z.array(name()).max(1000)

const open = {
  doc: 'Opens a session; opening an existing id again with equal or no options answers it, with others `onConflict` decides.',
  input: z.strictObject({
    sessionId: z.exactOptional(name()).describe('Its id; one is made when absent.'),
    title: z.exactOptional(title),
    labels: z.exactOptional(labels).describe('Your own key-value pairs, to find it by.'),
    model: z.exactOptional(name()).describe('`provider/model`.'),
    system: z.exactOptional(z.string()).describe('The system prompt.'),
    keepAlive: z.exactOptional(z.boolean()).describe('Keep it loaded and its peers served while idle.'),
    silentIntents: z
      .exactOptional(z.array(name()).max(200))
      .describe('Peer intents that are recorded but start no turn.'),
    budget: z.exactOptional(budget).describe('What its runs may use.'),
    merge: z.exactOptional(z.boolean()).describe('Let queued prompts share a run.'),
    mcpServers: z.exactOptional(z.array(z.unknown()).max(100)),
    tools: z.exactOptional(tools).describe('Names of the tools it may use; all when absent.'),
    onConflict: z
      .exactOptional(z.enum(['keep', 'update', 'refuse']))
      .describe(
        'Where it exists with other options: `refuse` (default) is a `session-conflict`, `keep` answers it as it is, `update` changes what is given and different.',
      ),
  }),
  output: z.object({ session }),
} satisfies OperationSchemas

const update = {
  doc: 'Changes how a session is served from its next turn on; a turn in progress keeps what it began with. `null` takes a field away.',
  input: z.strictObject({
    sessionId,
    revision: z
      .exactOptional(positive)
      .describe('The revision that this changes; a `conflict` where the session has another by now.'),
    title: z.exactOptional(title.nullable()),
    labels: z.exactOptional(labels.nullable()).describe('All of them: labels that are not named go.'),
    model: z.exactOptional(name().nullable()).describe('`provider/model`.'),
    system: z.exactOptional(z.string().nullable()).describe('The system prompt.'),
    tools: z.exactOptional(tools.nullable()).describe('Names of the tools it may use; `null`: all.'),
    budget: z.exactOptional(budget.nullable()).describe('What its runs may use.'),
  }),
  output: z.object({ session }),
} satisfies OperationSchemas

const get = {
  doc: 'Answers one session.',
  input: z.strictObject({ sessionId }),
  output: z.object({ session }),
} satisfies OperationSchemas

const list = {
  doc: 'Lists sessions.',
  input: z.strictObject({
    after: z.exactOptional(after),
    limit,
    phase: z
      .exactOptional(z.enum(['initializing', 'idle', 'attached', 'running', 'retired', 'stopped', 'destroyed']))
      .describe('Only those in this phase.'),
    label: z.exactOptional(name(700)).describe('Only those with this label: `key` or `key=value`.'),
  }),
  output: z.object({ sessions: z.array(session), next }),
} satisfies OperationSchemas

const history = {
  doc: 'Reads the transcript: committed messages only, oldest first.',
  input: z.strictObject({
    sessionId,
    after: z.exactOptional(z.int().min(0)).describe('Continue behind the message of this index.'),
    limit,
  }),
  output: z.object({
    messages: z.array(message),
    next: z.int().optional().describe('Give it as `after` for the next page; absent on the last one.'),
  }),
} satisfies OperationSchemas

const fork = {
  doc: "Opens a new session that continues another one's transcript.",
  input: z.strictObject({
    sessionId,
    atMessage: z.exactOptional(z.int().min(0)).describe('Take messages before this index; all when absent.'),
    newSessionId: z.exactOptional(name()).describe('Id of the new session; one is made when absent.'),
  }),
  output: z.object({ session }),
} satisfies OperationSchemas

const explain = {
  doc: 'Names what keeps a session from moving, and whose turn it is.',
  input: z.strictObject({ sessionId }),
  output: z.object({
    runnable: z.boolean(),
    phase: z.string(),
    summary: z.string().describe('What it does or waits for, as the end of a sentence that begins with the session.'),
    waitingFor: z.array(
      z.object({
        guard: z.string().describe('The condition that is not met.'),
        owner: z.string().describe('Who can meet it.'),
        sinceMs: z.number().optional(),
        inputId: z.string().optional(),
        callId: z.string().optional().describe('The call that waits for a person.'),
        text: z.string().describe('What that means, as the end of "it waits for".'),
        command: z.string().optional().describe('A command that changes it.'),
      }),
    ),
  }),
} satisfies OperationSchemas

const audit = {
  doc: "Runs a session's log through the kernel again and says whether every step was legal.",
  input: z.strictObject({ sessionId }),
  output: z.object({
    ok: z.boolean(),
    steps: z.int().describe('Kernel inputs that were run.'),
    firstIllegal: z
      .object({ position: z.int(), step: z.int(), input: z.string(), kind: z.string(), reason: z.string() })
      .optional(),
  }),
  isLong: true,
} satisfies OperationSchemas

export const sessionOperations = {
  'session/open': open,
  'session/update': update,
  'session/get': get,
  'session/list': list,
  'session/history': history,
  'session/fork': fork,
  'session/explain': explain,
  'session/audit': audit,
}
