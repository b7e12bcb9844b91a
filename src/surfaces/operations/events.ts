/** Schemas for the event log, which is read by cursor. */
import { z } from 'zod'
import type { OperationSchemas } from '../operation.ts'
import { limit, name, waitMs } from './fields.ts'
import { event } from './shapes.ts'

/** The place of a reader of events. */
export const eventPosition = {
  sessionId: z.exactOptional(name()).describe('Only events of this session; of all sessions when absent.'),
  after: z.exactOptional(name(500)).describe('Read behind this cursor; from the first event when absent.'),
}

const read = {
  doc: 'Reads events behind a cursor, oldest first; with `waitMs` it waits for the first one that long.',
  input: z.strictObject({
    ...eventPosition,
    limit,
    waitMs: z.exactOptional(waitMs).describe('How long to wait if there is none yet.'),
  }),
  output: z.object({
    events: z.array(event),
    cursor: z.string().describe('Give it as `after` to read on; it moves even past events of other sessions.'),
  }),
} satisfies OperationSchemas

export const eventOperations = { 'events/read': read }
