/** Schemas for the runtime as a whole. */
import { z } from 'zod'
import type { OperationSchemas } from '../operation.ts'
import { strings } from './fields.ts'

const info = {
  doc: 'Says what answers here: name, version, protocol, store and features.',
  input: z.strictObject({}),
  output: z.object({
    name: z.string(),
    version: z.string(),
    protocol: z.int(),
    store: z.string(),
    executor: z.string(),
    features: strings,
  }),
} satisfies OperationSchemas

const health = {
  doc: "Reads the scheduler's own facts: whether work that could run does run, and what stands in its way.",
  input: z.strictObject({}),
  output: z.object({
    status: z.enum(['ok', 'degraded', 'failing']),
    reasons: strings,
    oldestRunnableMs: z.number().describe('Age of the oldest input that could run and does not; 0 when there is none.'),
    sessions: z.object({ loaded: z.int(), running: z.int(), unfinished: z.int() }),
    loops: z
      .object({ performing: z.int(), waiting: z.int(), overdue: z.int(), limit: z.int().optional() })
      .describe('Runs under way, and those that wait until fewer are under way than may be (`limit`).'),
    schedules: z.object({ overdue: z.int() }).describe('Due times that passed without their input.'),
    store: z.object({ name: z.string(), failing: z.boolean(), lastError: z.string().optional() }),
  }),
} satisfies OperationSchemas

export const runtimeOperations = { 'runtime/info': info, 'runtime/health': health }
