/** Fields that several operations share, each with its bounds and its description for the documents. */
import { z } from 'zod'
import { MAX_ID_CHARS, NOT_PRINTABLE, PRINTABLE } from '../../names.ts'
import { LONGEST_MS } from '../../time.ts'

/** A short text without control characters. */
export function name(maxLength = MAX_ID_CHARS): z.ZodString {
  return z.string().min(1).max(maxLength).regex(PRINTABLE, NOT_PRINTABLE)
}

export const sessionId: z.ZodString = name().describe('The session.')
export const inputId: z.ZodString = name().describe('The input, as `input/send` answered it.')
export const runId: z.ZodString = name().describe('The run.')
export const after: z.ZodString = name(500).describe('Continue behind this cursor: the `next` of the page before.')
export const limit: z.ZodDefault<z.ZodInt> = z.int().min(1).max(1000).default(100).describe('Most entries to answer.')

/** The longest wait of a request; a caller that wants to wait longer asks again. */
export const MAX_WAIT_MS: number = 600_000
export const waitMs: z.ZodInt = z.int().min(0).max(MAX_WAIT_MS)

/** A count that makes no sense at zero. */
export const positive: z.ZodInt = z.int().min(1)
/** A duration that makes no sense at zero. */
export const duration: z.ZodInt = z.int().min(1).max(LONGEST_MS)

export const cursor: z.ZodString = z.string().describe('Events behind this cursor are newer than the answer.')
export const next: z.ZodOptional<z.ZodString> = z
  .string()
  .optional()
  .describe('Give it as `after` for the next page; absent on the last one.')
export const time: z.ZodISODateTime = z.iso.datetime('must be a time such as 2027-01-31T12:00:00Z')

/** Any JSON value. */
export const json: z.ZodUnknown = z.unknown()
export const strings: z.ZodArray<z.ZodString> = z.array(z.string())
