/**
 * Writes a session as lines of text, complete and self-contained.
 *
 * Nothing is claimed: the export has the session as of its newest record when the export began, even if its owner
 * goes on writing.
 */
import { createHash } from 'node:crypto'
import { MeerkatError } from '../../errors.ts'
import { aSignal, aStore, aWord, checkArgument, checkOptions, type Fields, optional } from '../../options.ts'
import type { Position } from '../../store/records.ts'
import type { LoadedSession, LocatedId, LogRow, SessionIndex, Store } from '../../store/store.ts'
import { base64Of, readBlob } from '../blobs.ts'
import { type LogQuery, rowsOf } from '../log-pages.ts'
import { summaryOf } from '../reads.ts'
import { type BlobLine, type Counts, FORMAT, FORMAT_VERSION, type Line, type RecordLine } from './format.ts'

export interface ExportOptions {
  /** Ends the export, which fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

const EXPORT: Fields<ExportOptions> = { signal: optional(aSignal) }

/** The lines of the session's export, without line ends. `session-not-found`; `conflict` if it is removed meanwhile. */
export async function* exportSession(
  store: Store,
  sessionId: string,
  options: ExportOptions = {},
): AsyncGenerator<string> {
  checkArgument('exportSession', 'store', store, aStore)
  checkArgument('exportSession', 'sessionId', sessionId, aWord)
  checkOptions('exportSession', options, EXPORT)
  const { signal } = options
  signal?.throwIfAborted()
  const { id } = await summaryOf(store, sessionId)
  const loaded = await store.load(id)
  const hash = createHash('sha256')
  const counts = { header: 0, records: 0, blobs: 0, journal: 0 }
  for await (const line of linesOf(store, loaded, signal)) {
    const text = JSON.stringify(line)
    hash.update(text).update('\n')
    counts[COUNTED[line.type]]++
    yield text
  }
  if (counts.records !== loaded.head.commits) {
    const message = `session ${id} was removed while it was exported (${counts.records} of ${loaded.head.commits} records)`
    throw new MeerkatError('conflict', message, { details: { sessionId: id } })
  }
  const { records, blobs, journal } = counts
  yield JSON.stringify({ type: 'end', records, blobs, journal, sha256: hash.digest('hex') } satisfies Line)
}

type Body = Exclude<Line, { readonly type: 'end' }>

const COUNTED = { header: 'header', record: 'records', blob: 'blobs', journal: 'journal' } as const satisfies Record<
  Body['type'],
  keyof Counts | 'header'
>

async function* linesOf(store: Store, loaded: LoadedSession, signal: AbortSignal | undefined): AsyncGenerator<Body> {
  const { session, head, journal, rows, snapshot } = loaded
  const { id } = session
  const end = rows.at(-1)?.position ?? snapshot?.position ?? 0
  yield {
    type: 'header',
    format: FORMAT,
    version: FORMAT_VERSION,
    session,
    head,
  }
  const index = await store.index(id)
  const places = placesIn(index, end)
  const left = new Set(index.blobs)
  for await (const row of rowsTo(store, { sessionId: id, signal }, end)) {
    for (const digest of left.size === 0 ? [] : digestsIn(row)) if (left.delete(digest)) yield blobLine(store, digest)
    yield { type: 'record', record: row.record, ...places.get(row.position) }
  }
  for (const digest of left) {
    signal?.throwIfAborted()
    yield blobLine(store, digest)
  }
  for (const entry of journal) yield { type: 'journal', ...entry }
}

async function* rowsTo(store: Store, query: LogQuery, end: Position): AsyncGenerator<LogRow> {
  for await (const row of rowsOf(store, query)) {
    if (row.position > end) return
    yield row
    if (row.position === end) return
  }
}

/** What the store indexed with each record. */
function placesIn(
  { refs, keys }: SessionIndex,
  end: Position,
): ReadonlyMap<Position, Omit<RecordLine, 'type' | 'record'>> {
  const places = new Map<
    Position,
    { opened?: LocatedId[]; closed?: LocatedId[]; keys?: SessionIndex['keys'][number][] }
  >()
  const at = (position: Position) => places.get(position) ?? places.set(position, {}).get(position) ?? {}
  const firsts = new Map<LocatedId, Position>()
  for (const { id, first, last } of refs) {
    firsts.set(id, first)
    ;(at(first).opened ??= []).push(id)
    if (last !== undefined && last <= end) (at(last).closed ??= []).push(id)
  }
  for (const key of keys) {
    const first = firsts.get(key.inputId)
    if (first !== undefined) (at(first).keys ??= []).push(key)
  }
  return places
}

const DIGEST = /"blob":"(sha256:[0-9a-f]{64})"/g

function digestsIn({ record }: LogRow): readonly string[] {
  return [...JSON.stringify(record).matchAll(DIGEST)].flatMap(([, digest]) => digest ?? [])
}

async function blobLine(store: Store, digest: string): Promise<BlobLine> {
  return { type: 'blob', digest, data: base64Of((await readBlob(store, digest)).data) }
}
