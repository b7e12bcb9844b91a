/**
 * Reads a session from its records: without a claim, without loading it, and never in the way of its owner.
 */

import { cursorAt } from '../cursor.ts'
import { defined } from '../defined.ts'
import { inherits } from '../driver/inherits.ts'
import type { TailEvent } from '../driver/tail.ts'
import { MeerkatError } from '../errors.ts'
import type { EventView } from '../events.ts'
import type { InputId, RunId, SessionId } from '../kernel/ids.ts'
import { PAGE_BYTES, PAGE_ROWS } from '../store/pages.ts'
import type {
  Content,
  EventRecord,
  InputRecord,
  MessagePart,
  MessageRecord,
  Position,
  ResultRecord,
} from '../store/records.ts'
import type { LogRow, SessionSummary, Store } from '../store/store.ts'
import { eventText, messageText } from '../text.ts'
import { nextTurn } from '../turns.ts'
import { isArriving, notWhole } from './arrival.ts'
import { rowsOf } from './log-pages.ts'
import type { HistoryMessage, ReceiptView, RunResult, RunView, SessionView } from './views.ts'

/** Whether it is a time that a `Date` can be. */
const isTime = (ms: number): boolean => Math.abs(ms) <= 8.64e15

/** The time as ISO 8601. An invalid one becomes the epoch, because one bad row must not hide the others. */
export function iso(ms: number): string {
  // Events of a stream mostly share the millisecond of the one before.
  if (ms !== newest.ms) newest = { ms, text: new Date(isTime(ms) ? ms : 0).toISOString() }
  return newest.text
}
let newest = { ms: Number.NaN, text: '' }

/** The summary of a session that exists. `not-ready` while it is being imported, or if that was cut short. */
export async function summaryOf(store: Store, sessionId: string): Promise<SessionSummary> {
  const found = await store.session(sessionId as SessionId)
  if (found !== undefined && isArriving(found.phase)) throw notWhole(found.id)
  if (found !== undefined) return found
  throw new MeerkatError('session-not-found', `there is no session ${sessionId}: \`session/list\` lists all`, {
    details: { sessionId },
  })
}

/**
 * A session as people see it. Without an owner in this process, `attached` may be the condition of a process that
 * died.
 */
export function sessionView(summary: SessionSummary, livePhase?: string): SessionView {
  const phase = livePhase ?? (summary.phase === 'attached' ? 'idle' : summary.phase)
  const { id, options, revision = 1, createdAt, updatedAt, messages, unfinished, forkOf } = summary
  const isBad = summary.unreadable === true || !isTime(createdAt) || !isTime(updatedAt)
  const times = { createdAt: iso(createdAt), updatedAt: iso(updatedAt) }
  return {
    ...options,
    id,
    revision,
    phase,
    ...times,
    messages,
    unfinished,
    ...(forkOf && { forkOf }),
    ...(isBad && { unreadable: true }),
  }
}

/** How many ids are looked up in one turn of the event loop. */
const IDS_A_TURN = 64

/** The records of these inputs, read from where they were accepted. */
export async function inputRecords(store: Store, ids: readonly InputId[]): Promise<readonly InputRecord[]> {
  const found: InputRecord[] = []
  let row: LogRow | undefined
  for (const [index, id] of ids.entries()) {
    if (index % IDS_A_TURN === IDS_A_TURN - 1) await nextTurn()
    const first = (await store.locate(id))?.first
    // Inputs that were accepted together stand in one record.
    if (first !== row?.position) row = first === undefined ? undefined : await store.row(first)
    const record = row?.record.inputs?.find(input => input.id === id)
    if (record !== undefined) found.push(record)
  }
  return found
}

/** A message with fields that only the runtime reads. */
export interface TranscriptMessage extends HistoryMessage {
  /** On the summary of a compaction: the index before which it replaces the messages. */
  readonly compactsBefore?: number
}

/**
 * Committed messages from an index on, with the content of their inputs.
 *
 * @param maxPages At most this many pages of text are read: where messages are long, fewer than `limit` are answered.
 */
export async function readMessages(
  store: Store,
  sessionId: SessionId,
  from: number,
  limit: number,
  maxPages: number = Number.POSITIVE_INFINITY,
): Promise<readonly TranscriptMessage[]> {
  const found: Placed[] = []
  const known = new Map<InputId, InputRecord>()
  let pages = 0
  for (let next = from; found.length < limit && pages < maxPages; pages++) {
    if (pages > 0) await nextTurn()
    const rows = await store.readMessages({ sessionId, index: next, limit: PAGE_ROWS, maxBytes: PAGE_BYTES })
    for (const input of rows.flatMap(({ record }) => record.inputs ?? [])) known.set(input.id, input)
    const page = rows.flatMap(placed).filter(one => one.index >= next)
    const last = page.at(-1)
    if (last === undefined) break
    found.push(...page.slice(0, limit - found.length))
    next = last.index + 1
  }
  const asked = found.flatMap(({ message }) => (message.content === undefined ? (message.inputIds ?? []) : []))
  for (const record of await inputRecords(
    store,
    asked.filter(id => !known.has(id)),
  ))
    known.set(record.id, record)
  return found.map(({ message, index, at }) => ({
    id: `${sessionId}/${index}`,
    index,
    role: message.role,
    content: contentOf(message, known),
    at: iso(at),
    ...defined({ runId: message.runId, inputIds: message.inputIds, compactsBefore: message.compactsBefore }),
  }))
}

/** A message with its place in the transcript. */
interface Placed {
  readonly message: MessageRecord
  readonly index: number
  readonly at: number
}

function placed({ record }: LogRow): readonly Placed[] {
  const { messages = [], messagesFrom = 0, at } = record
  return messages.map((message, place) => ({ message, index: messagesFrom + place, at }))
}

function contentOf(message: MessageRecord, known: ReadonlyMap<InputId, InputRecord>): string | readonly MessagePart[] {
  if (message.content !== undefined) return message.content
  const contents: readonly Content[] = (message.inputIds ?? []).map(id => known.get(id)?.content ?? '')
  if (contents.length === 1) return contents[0] ?? ''
  return contents.flatMap(one => (typeof one === 'string' ? [{ type: 'text' as const, text: one }] : one))
}

/** The events of a record as observers see them. */
export function eventsOf(row: LogRow): readonly EventView[] {
  return (row.record.events ?? []).map((event, index) => eventView(row, event, index))
}

/** The fields of an event that belong to the runtime. No other field of an event can set, shadow or replace them. */
export const ENVELOPE: readonly string[] = ['cursor', 'sessionId', 'at', 'type', 'runId', 'inputId', 'turn']

/** A streamed event that stands in no record yet, as observers see it. */
export function liveView(sessionId: SessionId, position: Position, { event, at, seen }: TailEvent): EventView {
  const { type, runId, turn, data } = event
  const view = {
    cursor: cursorAt(position, seen),
    sessionId,
    at: iso(at),
    type,
    ...(runId && { runId }),
    ...(turn !== undefined && { turn }),
    ...(data && saidBy(data)),
  }
  return Object.freeze(view) as unknown as EventView
}

function eventView({ position, sessionId, record }: LogRow, event: EventRecord, index: number): EventView {
  const rule = inherits(event.type)
  const runId = event.runId ?? (rule.run ? record.runId : undefined)
  const inputId = event.inputId ?? (rule.input ? record.inputId : undefined)
  const view = {
    cursor: `${position}.${event.place ?? index}`,
    sessionId,
    at: iso(record.at),
    type: event.type,
    ...(runId && { runId }),
    ...(inputId && { inputId }),
    ...(event.turn !== undefined && { turn: event.turn }),
    ...((event.message !== undefined || event.of !== undefined) && { text: eventText(record, event) }),
    ...(event.data && saidBy(event.data)),
  }
  // This release writes only events of the table; readers pass over unknown types of a newer one.
  return view as EventView
}

/** What an event says beside its envelope. */
function saidBy(data: NonNullable<EventRecord['data']>): NonNullable<EventRecord['data']> {
  if (!ENVELOPE.some(field => Object.hasOwn(data, field))) return data
  return Object.fromEntries(Object.entries(data).filter(([field]) => !ENVELOPE.includes(field)))
}

/** A result with its text, which its record keeps once, among the messages. */
export function resultView(result: ResultRecord, messages: readonly MessageRecord[] | undefined): RunResult {
  const { message, ...rest } = result
  return message === undefined ? rest : { ...rest, text: messageText(messages?.[message]) }
}

/** A run, from its start to its end. */
export async function runView(store: Store, sessionId: string, runId: string): Promise<RunView> {
  const place = await store.locate(runId as RunId)
  const here = place?.sessionId === sessionId ? place : undefined
  const started = await eventAt(store, here?.first, event => event.type === 'run.started' && event.runId === runId)
  if (started === undefined) {
    throw new MeerkatError('run-not-found', `session ${sessionId} has no run ${runId}: \`run/list\` lists its runs`, {
      details: { sessionId, runId },
    })
  }
  const ended = await eventAt(store, here?.last, event => Object.hasOwn(RUN_ENDS, event.type) && event.runId === runId)
  const cause = ended?.['cause']
  return {
    id: runId as RunId,
    state: ended === undefined ? 'running' : (RUN_ENDS[ended.type] ?? 'interrupted'),
    inputIds: (started['inputIds'] as readonly InputId[] | undefined) ?? [],
    startedAt: started.at,
    ...defined({ endedAt: ended?.at, cause: typeof cause === 'string' ? cause : undefined }),
  }
}

async function eventAt(
  store: Store,
  position: Position | undefined,
  matches: (event: EventView) => boolean,
): Promise<EventView | undefined> {
  const row = position === undefined ? undefined : await store.row(position)
  return row === undefined ? undefined : eventsOf(row).find(matches)
}

/** Whether other operations are answered from events of this type, so that retention has to keep them. */
export function isAnsweredFrom(type: string): boolean {
  return type.startsWith('run.') || Object.hasOwn(STEER_ENDS, type)
}

/** Events that decide what the receipt of a steer says, or that it gets none. */
export const STEER_ENDS = {
  'input.staged': true,
  'input.steered': true,
  'input.withdrawn': true,
  'input.abandoned': true,
}

/** Events that end a run, and the state that the run has then. */
export const RUN_ENDS: Readonly<Record<string, RunView['state']>> = {
  'run.completed': 'completed',
  'run.failed': 'failed',
  'run.cancelled': 'cancelled',
  'run.parked': 'interrupted',
  'run.interrupted': 'interrupted',
}

/** The receipts of a run's boundaries, in order: what its `run.boundary` events say. */
export async function receiptsOf(store: Store, sessionId: SessionId, runId: RunId): Promise<readonly ReceiptView[]> {
  const place = await store.locate(runId)
  const found: ReceiptView[] = []
  if (place === undefined) return found
  for await (const row of rowsOf(store, { sessionId, after: place.first - 1 })) {
    if (place.last !== undefined && row.position > place.last) break
    found.push(...eventsOf(row).flatMap(event => receiptOf(event, runId)))
  }
  return found
}

function receiptOf(event: EventView, runId: RunId): readonly ReceiptView[] {
  if (event.type !== 'run.boundary' || event.runId !== runId) return []
  const { steered } = event
  const inputIds = (event['inputIds'] as readonly InputId[] | undefined) ?? []
  return [{ runId, boundary: Number(event['boundary']), inputIds, ...(steered && { steered }), at: event.at }]
}
