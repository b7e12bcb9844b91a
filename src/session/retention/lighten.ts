/**
 * Takes weight off a session's older records.
 *
 * 1. Steps, inputs, ends and messages stay: the log replays as before, and history is the same to the byte.
 * 2. Only runs that ended are touched, and a pass goes no further than the first one that has not.
 * 3. No event moves: one that a reader has seen is not shown to it again.
 */
import type { RunId, SessionId } from '../../kernel/ids.ts'
import type { EventRecord, Position } from '../../store/records.ts'
import type { Claim, LogRow, Store } from '../../store/store.ts'
import { eventText } from '../../text.ts'
import { rowsOf } from '../log-pages.ts'
import { isAnsweredFrom, RUN_ENDS } from '../reads.ts'
import { Amendments, type Spot, type Weight } from './amendments.ts'

/** Rows that wait to be written at most, unless one text is longer. */
const WRITE_FROM = 1_000

export interface Pass {
  readonly store: Store
  readonly sessionId: SessionId
  /** Absent: nothing is written, only counted. */
  readonly claim?: Claim | undefined
  /** Goes on behind this record. */
  readonly after: Position
  /** Only what happened before, ms since the epoch. */
  readonly before: number
  /** Rows to look at; a text that is begun is followed to its end. */
  readonly rows: number
}

export interface Passed extends Weight {
  /** The next pass goes on behind this record. */
  readonly after: Position
  /** Rows looked at. */
  readonly rows: number
}

/**
 * Drops the events that only somebody who watched had a use for; those that answer other questions (how a run ended,
 * which boundary took a steer in) stay.
 */
export async function dropEvents(pass: Pass): Promise<Passed> {
  const amendments = new Amendments(pass.store, pass.claim)
  let { after, rows } = { after: pass.after, rows: 0 }
  for await (const row of oldRows(pass)) {
    for (const [index, event] of (row.record.events ?? []).entries()) {
      if (!isAnsweredFrom(event.type)) amendments.drop({ row, index })
    }
    after = row.position
    if (amendments.size >= WRITE_FROM) await amendments.write()
    if (++rows >= pass.rows) break
  }
  await amendments.write()
  return { after, rows, ...amendments.weight }
}

/** Puts each text that was streamed in pieces and completed together again, and keeps the last progress of a call. */
export async function joinDeltas(pass: Pass): Promise<Passed> {
  const amendments = new Amendments(pass.store, pass.claim)
  const streams = new Streams(amendments)
  const ended = new Set<RunId>()
  let { after, rows } = { after: pass.after, rows: 0 }
  for await (const row of oldRows(pass)) {
    const isOver = await everyRunEnded(pass, row, ended)
    if (!isOver) break
    for (const [index, event] of (row.record.events ?? []).entries()) streams.hear({ row, index }, event)
    after = row.position
    rows++
    if (streams.open) continue
    if (amendments.size >= WRITE_FROM) await amendments.write()
    if (rows >= pass.rows) break
  }
  await amendments.write()
  return { after, rows, ...amendments.weight }
}

async function* oldRows({ store, sessionId, after, before }: Pass): AsyncGenerator<LogRow> {
  for await (const row of rowsOf(store, { sessionId, after })) {
    if (row.record.at >= before) return
    yield row
  }
}

/** Whether the runs that a row speaks of ended, and long enough ago; the log says so, not the clock. */
async function everyRunEnded({ store, before }: Pass, { record }: LogRow, known: Set<RunId>): Promise<boolean> {
  for (const runId of [record.runId, ...(record.events ?? []).map(event => event.runId)]) {
    if (runId === undefined || known.has(runId)) continue
    const last = (await store.locate(runId))?.last
    const row = last === undefined ? undefined : await store.row(last)
    if (row === undefined || row.record.at >= before) return false
    known.add(runId)
  }
  return true
}

/** What is being streamed at a point of the log. */
class Streams {
  readonly #amendments: Amendments
  readonly #texts = new Map<string, Spot[]>()
  readonly #progress = new Map<string, Spot>()

  constructor(amendments: Amendments) {
    this.#amendments = amendments
  }

  /** Whether a text has begun and neither it nor its run has ended. */
  get open(): boolean {
    return this.#texts.size > 0
  }

  hear(spot: Spot, event: EventRecord): void {
    const { type } = event
    if (type === 'tool.progress') this.#progressed(spot, event)
    else if (type === 'text.delta' || type === 'reasoning.delta') this.#piece(spot, event)
    else if (type === 'text.completed' || type === 'reasoning.completed') this.#whole(spot, event)
    else if (type in RUN_ENDS) {
      // A text that was cut short is nowhere but in its pieces: they stay.
      this.#texts.clear()
      this.#progress.clear()
    }
  }

  #piece(spot: Spot, event: EventRecord): void {
    const key = keyOf(spot, event)
    const pieces = this.#texts.get(key)
    if (pieces === undefined) this.#texts.set(key, [spot])
    else pieces.push(spot)
  }

  #whole(spot: Spot, event: EventRecord): void {
    const key = keyOf(spot, event)
    const [first, ...others] = this.#texts.get(key) ?? []
    this.#texts.delete(key)
    const text = eventText(spot.row.record, event)
    if (first === undefined || text === undefined) return
    for (const one of others) this.#amendments.drop(one)
    const begun = first.row.record.events?.[first.index]
    if (begun !== undefined && eventText(first.row.record, begun) !== text) this.#amendments.retell(first, text)
  }

  #progressed(spot: Spot, event: EventRecord): void {
    const key = `${event.runId ?? spot.row.record.runId} ${String(event.data?.['callId'])}`
    const former = this.#progress.get(key)
    if (former !== undefined) this.#amendments.drop(former)
    this.#progress.set(key, spot)
  }
}

const keyOf = ({ row }: Spot, { type, runId, turn }: EventRecord): string =>
  `${runId ?? row.record.runId} ${turn} ${type.slice(0, type.indexOf('.'))}`
