/** Schemas for work beside the runs: schedules and background operations. */
import { z } from 'zod'
import { MAX_KEY_CHARS } from '../../names.ts'
import type { OperationSchemas } from '../operation.ts'
import { duration, json, name, sessionId, time } from './fields.ts'
import { content } from './inputs.ts'
import { backgroundOperation, schedule } from './shapes.ts'

const scheduleId = name().describe('The schedule, as `schedule/create` answered it.')
const operationId = name().describe('The operation, as `operation/list` answered it.')

const createSchedule = {
  doc: 'Has the session get an input at a time: once (`inMs`, `at`), or again and again (`everyMs`, `cron`).',
  input: z.strictObject({
    sessionId,
    content: content.describe('What the session gets each time.'),
    title: z.exactOptional(name(500)),
    idempotencyKey: z
      .exactOptional(name(MAX_KEY_CHARS))
      .describe('Asking again with it answers the first schedule instead of making a second one, for ever.'),
    inMs: z.exactOptional(duration).describe('Once, this long from now.'),
    at: z.exactOptional(time).describe('Once, then.'),
    everyMs: z.exactOptional(duration.min(1000)).describe('Again and again, this far apart.'),
    cron: z
      .exactOptional(z.string().min(1).max(200))
      .describe('Again and again, by a pattern of five fields (or six, seconds first).'),
    timeZone: z.exactOptional(name(100)).describe('IANA zone of the pattern; UTC when absent.'),
    until: z.exactOptional(time).describe('Nothing is due after this.'),
    overlap: z
      .exactOptional(z.enum(['skip', 'queue', 'replace']))
      .describe(
        'While its last input is unfinished: not this time (default), one more waits, or it replaces a waiting one.',
      ),
    misfire: z
      .exactOptional(z.enum(['skip', 'once', 'all']))
      .describe(
        'What becomes of due times at which no process could fire it: `skip` leaves them out, `once` (default) gives one input for all, `all` one for each.',
      ),
  }),
  output: z.object({ schedule }),
} satisfies OperationSchemas

const listSchedules = {
  doc: "Lists a session's schedules.",
  input: z.strictObject({ sessionId }),
  output: z.object({ schedules: z.array(schedule) }),
} satisfies OperationSchemas

const cancelSchedule = {
  doc: 'Ends a schedule; an input that it gave already stays.',
  input: z.strictObject({ sessionId, scheduleId }),
  output: z.object({ cancelled: z.boolean().describe('False when there was none any more.') }),
} satisfies OperationSchemas

const listOperations = {
  doc: "Lists a session's background operations, running ones and the newest that ended.",
  input: z.strictObject({ sessionId }),
  output: z.object({ operations: z.array(backgroundOperation) }),
} satisfies OperationSchemas

const getOperation = {
  doc: 'Answers one background operation.',
  input: z.strictObject({ sessionId, operationId }),
  output: z.object({ operation: backgroundOperation }),
} satisfies OperationSchemas

const finishOperation = {
  doc: 'Says how a background operation ended; the session hears of it, and is woken if it is idle.',
  input: z.strictObject({
    sessionId,
    operationId,
    outcome: z.enum(['completed', 'failed']),
    output: z.exactOptional(json).describe('What it came to.'),
    error: z.exactOptional(z.string().min(1).max(10_000)).describe('Why it failed.'),
  }),
  output: z.object({ operation: backgroundOperation }),
} satisfies OperationSchemas

const cancelOperation = {
  doc: 'Cancels a background operation.',
  input: z.strictObject({ sessionId, operationId }),
  output: z.object({ operation: backgroundOperation }),
} satisfies OperationSchemas

export const backgroundOperations = {
  'schedule/create': createSchedule,
  'schedule/list': listSchedules,
  'schedule/cancel': cancelSchedule,
  'operation/list': listOperations,
  'operation/get': getOperation,
  'operation/finish': finishOperation,
  'operation/cancel': cancelOperation,
}
