/** Schemas for inputs: the one door for everything that a session is to answer. */
import { z } from 'zod'
import { isFileData, MAX_FILE_CHARS, MEDIA_TYPE } from '../../file-data.ts'
import { MAX_KEY_CHARS } from '../../names.ts'
import { isTraceparent } from '../../observer.ts'
import type { OperationSchemas } from '../operation.ts'
import { after, cursor, duration, inputId, json, limit, name, next, sessionId, waitMs } from './fields.ts'
import { input, inputStatus, runResult } from './shapes.ts'

const contentPart = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string().min(1) }),
  z.strictObject({
    type: z.literal('file'),
    mediaType: name().regex(MEDIA_TYPE, 'must be a media type such as image/png'),
    data: z
      .string()
      .min(1)
      .max(MAX_FILE_CHARS)
      .refine(isFileData, 'must be base64, or a data: or https: URL')
      .describe('Base64, or a `data:` or `https:` URL.'),
    filename: z.exactOptional(name(500)),
  }),
  z.strictObject({ type: z.literal('json'), value: json }),
])

/** The content of an input, as callers write it. */
export const content = z.union([z.string().min(1), z.array(contentPart).min(1).max(1000)])

const send = {
  doc: 'Gives a session something to answer; the answer to this call means it is accepted durably.',
  input: z
    .strictObject({
      sessionId,
      content: content.describe('Text, or parts of text, files and JSON.'),
      mode: z
        .exactOptional(z.enum(['queue', 'steer', 'supersede']))
        .describe(
          '`queue` (default) waits for its own turn, `steer` joins the running turn at its next boundary, `supersede` replaces queued inputs of the same key.',
        ),
      idempotencyKey: z
        .exactOptional(name(MAX_KEY_CHARS))
        .describe('Sending it again answers the first input instead of making a second one, for ever.'),
      supersessionKey: z.exactOptional(name(MAX_KEY_CHARS)).describe('What `supersede` replaces.'),
      outputSchema: z
        .exactOptional(z.record(z.string(), json))
        .describe('JSON Schema of the answer. Of inputs that share a run the newest that names one has the say.'),
      model: z.exactOptional(name()).describe('`provider/model` for this input only.'),
      maxRunMs: z.exactOptional(duration).describe('Deadline of its run, and of a run that it joins from then on.'),
      traceparent: z
        .exactOptional(z.string().refine(isTraceparent, 'must be a W3C traceparent'))
        .describe('The span that it is sent in, parent of its run; over HTTP the header of that name.'),
      waitMs: z.exactOptional(waitMs).describe('Answer when the input ended or this time passed; the run goes on.'),
      resume: z.exactOptional(z.boolean()).describe('Revive the session if it is stopped.'),
    })
    .refine(params => params.mode !== 'supersede' || params.supersessionKey !== undefined, {
      path: ['supersessionKey'],
      message: 'is missing: mode "supersede" replaces the queued inputs of one key',
    }),
  output: z.object({
    outcome: z.enum(['accepted', 'deduplicated']),
    inputId: z.string(),
    status: inputStatus,
    reason: z.string().optional().describe('Why it ended badly.'),
    result: runResult.optional(),
    cursor,
  }),
} satisfies OperationSchemas

const get = {
  doc: 'Answers one input, by its id or by the idempotency key it was sent with.',
  input: z
    .strictObject({
      sessionId,
      inputId: z.exactOptional(inputId),
      idempotencyKey: z.exactOptional(name(MAX_KEY_CHARS)).describe('The key it was sent with.'),
    })
    .refine(params => (params.inputId === undefined) !== (params.idempotencyKey === undefined), {
      path: ['inputId'],
      message: 'or idempotencyKey must be given, and only one of them',
    }),
  output: z.object({ input }),
} satisfies OperationSchemas

const list = {
  doc: "Lists a session's inputs, oldest first.",
  input: z.strictObject({
    sessionId,
    status: z.exactOptional(inputStatus).describe('Only those in this state.'),
    after: z.exactOptional(after),
    limit,
  }),
  output: z.object({ inputs: z.array(input), next }),
} satisfies OperationSchemas

const withdraw = {
  doc: 'Takes back an input that no run has taken up yet.',
  input: z.strictObject({ sessionId, inputId }),
  output: z.object({ withdrawn: z.boolean(), input }),
} satisfies OperationSchemas

const wait = {
  doc: 'Waits until an input ended; waiting bounds only the watching, the run goes on.',
  input: z.strictObject({
    sessionId,
    inputId,
    waitMs: waitMs.describe('Answer with the present status after this time at the latest.'),
  }),
  output: z.object({
    status: inputStatus,
    reason: z.string().optional().describe('Why it ended badly.'),
    result: runResult.optional(),
  }),
} satisfies OperationSchemas

export const inputOperations = {
  'input/send': send,
  'input/get': get,
  'input/list': list,
  'input/withdraw': withdraw,
  'input/wait': wait,
}
