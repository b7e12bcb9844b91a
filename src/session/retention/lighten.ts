/**
 * Removes events from a session's older records.
 *
 * 1. Steps, inputs, ends and messages stay: the log replays as before, and history is the same to the byte.
 * 2. Only runs that ended are touched: a pass stops at the first run that has not.
 * 3. No event moves: a reader that has seen an event does not get it again.
 */
import type { RunId, SessionId } from '../../kernel/ids.ts'
import type { EventRecord, Position } from '../../store/records.ts'
import type { Claim, LogRow, Store } from '../../store/store.ts'
import { eventText } from '../../text.ts'
import { rowsOf } from '../log-pages.ts'
import { isAnsweredFrom, RUN_ENDS } from '../reads.ts'
import { Amendments, type Spot, type Weight } from './amendments.ts'

/** Rows are written when this many wait, or more where one text spans them. */
const WRITE_FROM = 1_000

export interface Pass {
  readonly store: Store
  readonly sessionId: SessionId
  /** Absent: nothing is written, only counted. */
  readonly claim?: Claim | undefined
  /** The pass begins behind this record. */
  readonly after: Position
  /** Only records older than this are touched, ms since the epoch. */
  readonly before: number
  /** How many rows to look at; a text that begins within them is followed to its end. */
  readonly rows: number
}

export interface Passed extends Weight {
  /** The next pass begins behind this record. */
  readonly after: Position
  /** How many rows were looked at. */
  readonly rows: number
}

/**
 * Removes events that only served an observer of the run. Those that other operations are answered from stay: how a
 * run ended, which boundary a steer joined.
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

/** Joins the pieces of each completed text into one event, and keeps only the last progress of a call. */
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

/** Whether all runs that a row mentions ended, and before the limit; read from the log, not from the clock. */
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

/** The texts being streamed at one place of the log. */
class Streams {
  readonly #amendments: Amendments
  readonly #texts = new Map<string, Spot[]>()
  readonly #progress = new Map<string, Spot>()

  constructor(amendments: Amendments) {
    this.#amendments = amendments
  }

  /** Whether a text has begun that neither ended nor ended with its run. */
  get open(): boolean {
    return this.#texts.size > 0
  }

  hear(spot: Spot, event: EventRecord): void {
    const { type } = event
    if (type === 'tool.progress') this.#progressed(spot, event)
    else if (type === 'text.delta' || type === 'reasoning.delta') this.#piece(spot, event)
    else if (type === 'text.completed' || type === 'reasoning.completed') this.#whole(spot, event)
    else if (type in RUN_ENDS) {
      // A text that was cut off exists only in its pieces: they stay.
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
