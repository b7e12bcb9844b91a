/** The lines of an exported session. docs/export-format.md describes them for everybody else. */
import { MeerkatError } from '../../errors.ts'
import type { CommitRecord, SessionRecord } from '../../store/records.ts'
import type { Head, JournalEntry, LocatedId, SessionIndex } from '../../store/store.ts'

export const FORMAT = 'meerkat-session'
/** What this release writes and the newest that it reads. */
export const FORMAT_VERSION = 1

export interface HeaderLine {
  readonly type: 'header'
  readonly format: typeof FORMAT
  readonly version: number
  readonly session: SessionRecord
  readonly head: Head
}

/** A file that the records from here on may speak of. */
export interface BlobLine {
  readonly type: 'blob'
  readonly digest: string
  /** Base64. */
  readonly data: string
}

/** One commit: its record, and what was indexed with it. */
export interface RecordLine {
  readonly type: 'record'
  readonly record: CommitRecord
  readonly opened?: readonly LocatedId[]
  readonly closed?: readonly LocatedId[]
  readonly keys?: SessionIndex['keys']
}

/** A message of unfinished work. */
export type JournalLine = { readonly type: 'journal' } & JournalEntry

/** How much of everything came before. */
export interface Counts {
  readonly records: number
  readonly blobs: number
  readonly journal: number
}

export interface EndLine extends Counts {
  readonly type: 'end'
  /** Of every byte before this line, line ends included; hexadecimal. */
  readonly sha256: string
}

export type Line = HeaderLine | BlobLine | RecordLine | JournalLine | EndLine

/** What is wrong with a line, named by its number from 1. */
export function badLine(line: number, why: string, cause?: unknown): MeerkatError {
  return new MeerkatError('invalid-params', `line ${line} of the export ${why}: nothing was imported`, {
    details: { line },
    ...(cause !== undefined && { cause }),
  })
}

/** A line that may be one of ours; what stands in it is checked by whoever takes it. */
export function parseLine(text: string, number: number): Line {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw badLine(number, 'is not JSON', error)
  }
  if (!isRecord(value) || typeof value['type'] !== 'string') throw badLine(number, 'is not an object with a type')
  const isOurs = SHAPES[value['type']]
  if (isOurs === undefined) throw badLine(number, `has the unknown type ${JSON.stringify(value['type'].slice(0, 40))}`)
  if (!isOurs(value)) throw badLine(number, `is no ${value['type']} line of this format`)
  return value as unknown as Line
}

type Fields = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0
const areTexts = (value: unknown): boolean => value === undefined || (Array.isArray(value) && value.every(isText))

const areObjects = (value: unknown): boolean => value === undefined || (Array.isArray(value) && value.every(isRecord))

const LISTS = ['steps', 'events', 'inputs', 'ended', 'schedules', 'operations', 'operationsEnded', 'messages']

const SHAPES: Readonly<Record<string, (line: Fields) => boolean>> = {
  header: ({ format, version, session, head }) =>
    format === FORMAT && isCount(version) && isSession(session) && isHead(head),
  blob: ({ digest, data }) => isText(digest) && typeof data === 'string',
  record: ({ record, opened, closed, keys }) =>
    isRecord(record) &&
    isCount(record['v']) &&
    isCount(record['at']) &&
    LISTS.every(name => areObjects(record[name])) &&
    areTexts(opened) &&
    areTexts(closed) &&
    areKeys(keys),
  journal: ({ work, index, message }) => isText(work) && isCount(index) && isRecord(message),
  end: ({ records, blobs, journal, sha256 }) =>
    isCount(records) && isCount(blobs) && isCount(journal) && isText(sha256),
}

function isSession(value: unknown): boolean {
  return isRecord(value) && isText(value['id']) && isCount(value['createdAt']) && isRecord(value['options'])
}

function isHead(value: unknown): boolean {
  return isRecord(value) && isCount(value['commits']) && isCount(value['messages']) && isCount(value['unfinished'])
}

function areKeys(value: unknown): boolean {
  const isKey = (one: unknown): boolean =>
    isRecord(one) && isText(one['key']) && isText(one['inputId']) && isText(one['digest'])
  return value === undefined || (Array.isArray(value) && value.every(isKey))
}
