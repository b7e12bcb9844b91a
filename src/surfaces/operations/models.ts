/** Schemas for the model of a session. */
import { z } from 'zod'
import type { OperationSchemas } from '../operation.ts'
import { name, positive, sessionId } from './fields.ts'

const model = name().describe('`provider/model`.')

const view = z.object({
  source: z
    .enum(['image', 'turn', 'baseline', 'default'])
    .describe(
      "Whose say it is: an image operation's, a switch's, the session's own model, or the executor's default. An input that names a model goes before the last three.",
    ),
  model: z
    .string()
    .optional()
    .describe('The model of the next call; absent where the executor does not say its default.'),
  identity: z
    .object({
      provider: z.string().describe('Empty where the id names none.'),
      model: z.string(),
      selfHostedServerId: z.string().optional(),
      providerParams: z.string().optional(),
      authBinding: z.string().optional(),
    })
    .optional()
    .describe('The same in its parts.'),
  capabilities: z
    .object({
      supportsTemperature: z.boolean(),
      supportsThinking: z.boolean(),
      supportsReasoning: z.boolean(),
      inlineVideo: z.boolean(),
      vision: z.boolean(),
      imageInput: z.boolean(),
      imageToolResults: z.boolean(),
      supportsWebSearch: z.boolean(),
      imageGeneration: z.boolean(),
      realtime: z.boolean(),
      callTimeoutMs: z.int().optional(),
    })
    .optional()
    .describe('What it can do, where that is known.'),
  own: z.string().optional().describe("The session's own model; absent where it has the default."),
  standsIn: z
    .literal(true)
    .optional()
    .describe('`own` answered where the model that was named had failed, and stays until one is named.'),
  default: z.string().optional().describe('The default of the executor, where it says so.'),
  override: z
    .object({
      requestId: z.string(),
      model: z.string(),
      turnsLeft: z.int().describe('With the newest that has begun.'),
    })
    .optional()
    .describe('A switch that is in effect.'),
  pending: z
    .object({ requestId: z.string(), model: z.string(), turns: z.int().optional() })
    .optional()
    .describe('A switch that begins with the next assistant turn.'),
  images: z
    .array(z.object({ operationId: z.string(), model: z.string(), phase: z.string() }))
    .describe('Image operations under way.'),
  recent: z
    .array(z.object({ type: z.string(), id: z.string(), outcome: z.string(), reason: z.string().optional() }))
    .describe('How the newest switches and image operations ended, the last one last.'),
})

const get = {
  doc: 'Says which model answers next, why, and what is known of it.',
  input: z.strictObject({ sessionId }),
  output: view,
} satisfies OperationSchemas

const set = {
  doc: 'Gives the session another model from its next call on, as `session/update` does. A model that its executor does not have is refused.',
  input: z.strictObject({ sessionId, model }),
  output: view,
} satisfies OperationSchemas

const change = {
  doc: 'Has another model answer for some assistant turns, from the next one on. `rejected`, with the reason, where that may not be.',
  input: z.strictObject({
    sessionId,
    model,
    turns: positive.describe('How many. A turn is one message of the assistant: retries of it count once.'),
  }),
  output: view,
} satisfies OperationSchemas

export const modelOperations = {
  'model/get': get,
  'model/set': set,
  'model/switch': change,
}
