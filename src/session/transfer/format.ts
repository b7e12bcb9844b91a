/** The lines of an exported session. docs/export-format.md describes them for other programs. */
import { defined } from '../../defined.ts'
import { MeerkatError } from '../../errors.ts'
import type { CommitRecord, SessionRecord } from '../../store/records.ts'
import type { Head, JournalEntry, LocatedId, SessionIndex } from '../../store/store.ts'

export const FORMAT = 'meerkat-session'
/** The version that this release writes, and the newest one that it reads. */
export const FORMAT_VERSION = 1

export interface HeaderLine {
  readonly type: 'header'
  readonly format: typeof FORMAT
  readonly version: number
  readonly session: SessionRecord
  readonly head: Head
}

/** A file that records behind this line may refer to. */
export interface BlobLine {
  readonly type: 'blob'
  readonly digest: string
  /** Base64. */
  readonly data: string
}

/** One commit: its record, and what the store indexed with it. */
export interface RecordLine {
  readonly type: 'record'
  readonly record: CommitRecord
  readonly opened?: readonly LocatedId[]
  readonly closed?: readonly LocatedId[]
  readonly keys?: SessionIndex['keys']
}

/** A message of unfinished work. */
export type JournalLine = { readonly type: 'journal' } & JournalEntry

/** How many lines of each kind came before. */
export interface Counts {
  readonly records: number
  readonly blobs: number
  readonly journal: number
}

export interface EndLine extends Counts {
  readonly type: 'end'
  /** The digest of every byte before this line, line ends included; hexadecimal. */
  readonly sha256: string
}

export type Line = HeaderLine | BlobLine | RecordLine | JournalLine | EndLine

/** The refusal of a line, named by its number from 1. */
export function badLine(line: number, why: string, cause?: unknown): MeerkatError {
  return new MeerkatError('invalid-params', `line ${line} of the export ${why}: nothing was imported`, {
    details: { line },
    ...defined({ cause }),
  })
}

/** Parses a line of an export; `problemOf` says what is wrong with a value for a line of its type. */
export function parseLine(
  text: string,
  number: number,
  problemOf: (type: string, line: unknown) => string | undefined,
): Line {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw badLine(number, 'is not JSON', error)
  }
  if (!isRecord(value) || typeof value['type'] !== 'string') throw badLine(number, 'is not an object with a type')
  const problem = problemOf(value['type'], value)
  if (problem !== undefined) throw badLine(number, problem)
  return value as unknown as Line
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
