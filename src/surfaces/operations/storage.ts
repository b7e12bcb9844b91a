/** Schemas for what is stored, and for how long. */
import { z } from 'zod'
import type { OperationSchemas } from '../operation.ts'
import { sessionId } from './fields.ts'

const age = z.int().min(0).optional()

const prune = {
  doc: 'Takes off what need not be kept any more: pieces of streamed texts, old events, sessions that are over.',
  input: z.strictObject({
    deltasAfterMs: age.describe('Join the pieces of texts whose run ended longer ago.'),
    eventsAfterMs: age.describe('Drop older events, apart from those that say how runs went.'),
    destroyedAfterMs: age.describe('Forget sessions that were destroyed longer ago.'),
    retiredAfterMs: age.describe('Forget retired sessions that owe nothing and changed longer ago.'),
    dryRun: z.boolean().default(false).describe('Only say what would go.'),
    compact: z.boolean().default(false).describe('Then give free space back to the file system.'),
  }),
  output: z.object({
    dryRun: z.boolean(),
    sessions: z.int().describe('Sessions looked at.'),
    removed: z.int().describe('Sessions forgotten as a whole.'),
    amended: z.int().describe('Records that got lighter.'),
    bytes: z.int().describe('Characters of JSON that those records lost.'),
    skipped: z.int().describe('Sessions left alone: another process owns them, or they are busy.'),
  }),
} satisfies OperationSchemas

const getBlob = {
  doc: 'Answers the data of a long file that inputs and messages refer to by its digest.',
  input: z.strictObject({
    sessionId,
    digest: z
      .string()
      .regex(/^sha256:[0-9a-f]{64}$/, 'must be `sha256:` and 64 hexadecimal digits')
      .describe('The `blob` of a file part.'),
  }),
  output: z.object({ digest: z.string(), bytes: z.int(), data: z.string().describe('Base64.') }),
} satisfies OperationSchemas

export const storageOperations = { 'store/prune': prune, 'blob/get': getBlob }
