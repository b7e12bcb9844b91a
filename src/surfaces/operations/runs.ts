/** Schemas for runs: each is one attempt to answer inputs. */
import { z } from 'zod'
import type { OperationSchemas } from '../operation.ts'
import { after, limit, next, runId, sessionId } from './fields.ts'
import { receipt, run } from './shapes.ts'

const cancel = {
  doc: 'Cancels one run and never its successor; a success that is committed stays one.',
  input: z.strictObject({
    sessionId,
    runId: z.exactOptional(runId).describe('The run that is meant; the current one when absent.'),
    when: z.enum(['now', 'boundary']).describe('`now` aborts work in flight, `boundary` lets the present step finish.'),
    queue: z.exactOptional(z.enum(['keep', 'drop'])).describe('What happens to queued inputs; `keep` when absent.'),
  }),
  output: z.object({
    cancelled: z.boolean(),
    runId: z.string().optional(),
    alreadyEnded: z.boolean().optional(),
    dropped: z.int().optional().describe('Queued inputs that were dropped.'),
    endedInputs: z
      .array(z.string())
      .describe('Inputs that ended at once: work that waited for a person, and the queue that was dropped.'),
  }),
} satisfies OperationSchemas

const list = {
  doc: "Lists a session's runs, oldest first.",
  input: z.strictObject({ sessionId, after: z.exactOptional(after), limit }),
  output: z.object({ runs: z.array(run), next }),
} satisfies OperationSchemas

const get = {
  doc: 'Answers one run with the receipts of its boundaries.',
  input: z.strictObject({ sessionId, runId }),
  output: z.object({ run, receipts: z.array(receipt) }),
} satisfies OperationSchemas

export const runOperations = { 'run/cancel': cancel, 'run/list': list, 'run/get': get }
