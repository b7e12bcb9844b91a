/**
 * A state as text, for snapshots, and back.
 *
 * Only facts that differ from the initial state are written, tries as lists of their entries, so an idle session
 * takes a few hundred bytes. A decoded state has to satisfy every invariant before anyone acts on it.
 */
import type { InputId } from './ids.ts'
import { meerkat } from './machine.ts'
import { packed, unpacked } from './pack.ts'
import { mapEntries, mapOf, mapValues } from './persistent-map.ts'
import type { CallEntry, Calls } from './regions/calls/state.ts'
import type { Endings, GivenUp } from './regions/endings/state.ts'
import type { LaneState } from './regions/lane.ts'
import { type Lane, type Ledger, type LedgerEntry, unfinishedInputs } from './regions/ledger/state.ts'
import { isEnded, type OperationEntry, type Operations, wakes } from './regions/operations/state.ts'
import type { ScheduleEntry, Schedules } from './regions/schedules/state.ts'
import { schedulesOf } from './regions/schedules/table.ts'
import type { MeerkatState } from './state.ts'

const VERSION = 1

interface EncodedLane {
  readonly front: number
  readonly back: number
}

interface EncodedLedger {
  readonly entries: readonly LedgerEntry[]
  readonly queue: EncodedLane
  readonly steer: EncodedLane
  /** In the order in which they would be replaced. */
  readonly keyed: Keyed
}

interface EncodedGroup extends Pick<GivenUp, 'reason'> {
  readonly entries: readonly LedgerEntry[]
  readonly queue: EncodedLane
  readonly steer: EncodedLane
}

/** What can't be told from the entries. */
interface EncodedOperations
  extends Pick<Operations, 'completions' | 'droppedThrough' | 'cursors' | 'announcement' | 'wait'> {
  /** By id. */
  readonly entries: readonly OperationEntry[]
}

type Keyed = readonly (readonly [string, readonly InputId[]])[]

type Key = keyof MeerkatState

/** Conditions stay behind: they end with the process that wrote this. */
const KEYS = meerkat.regions.filter(({ condition }) => condition === undefined).map(({ name }) => name)

/** The state as JSON; equal states have equal texts, whatever their history was. */
export function encodeState(state: MeerkatState): string {
  const slices = [`"v":${VERSION}`]
  for (const key of KEYS) {
    if (state[key] === meerkat.initial[key]) continue
    const text = sliceText(state, key)
    if (text !== INITIAL[key]) slices.push(`"${key}":${text}`)
  }
  return `{${slices.join(',')}}`
}

/** Whether two states would be written alike. */
export function hasSameFacts(one: MeerkatState, other: MeerkatState): boolean {
  return KEYS.every(key => one[key] === other[key] || sliceText(one, key) === sliceText(other, key))
}

/** How a slice is written, and read again, whose parts follow from each other. The others are written as they are. */
interface Codec<Slice> {
  readonly encode: (slice: Slice) => unknown
  readonly decode: (encoded: never) => Slice
}

const CODECS: { readonly [Name in Key]?: Codec<MeerkatState[Name]> } = {
  ledger: { encode: encodeLedger, decode: decodeLedger },
  endings: { encode: encodeEndings, decode: decodeEndings },
  calls: { encode: encodeCalls, decode: decodeCalls },
  operations: { encode: encodeOperations, decode: decodeOperations },
  schedules: { encode: schedulesOf, decode: decodeSchedules },
}

function sliceText(state: MeerkatState, key: Key): string {
  const encode = CODECS[key]?.encode as ((slice: unknown) => unknown) | undefined
  return JSON.stringify(encode === undefined ? packed(state[key]) : encode(state[key]))
}

/** The state that `encodeState` wrote. Throws `StateDecodeError` if the text is damaged, newer, or breaks an invariant. */
export function decodeState(text: string): MeerkatState {
  const state = readState(text)
  const result = meerkat.recover(state)
  if (!result.ok) throw new StateDecodeError(`it breaks an invariant: ${result.reason}`)
  return state
}

/** The same, for whoever asks the invariants himself. */
export function readState(text: string): MeerkatState {
  const { v, ...slices } = parse(text)
  if (v !== VERSION) {
    throw new StateDecodeError(`version ${String(v)}, this release reads ${VERSION}`, Number(v) > VERSION)
  }
  const unknown = Object.keys(slices).find(key => !Object.hasOwn(meerkat.initial, key))
  if (unknown !== undefined) throw new StateDecodeError(`it holds ${unknown}, which this release does not know`, true)
  // A slice that is not there is as it began: it was so, or the release that wrote this did not know it.
  const read = Object.entries(slices).map(([key, encoded]) => {
    const decode = CODECS[key as Key]?.decode
    return [key, decode === undefined ? unpacked(encoded) : decode(encoded as never)] as const
  })
  return { ...meerkat.initial, ...Object.fromEntries(read) }
}

/** A state text that can't be served from. */
export class StateDecodeError extends Error {
  override readonly name = 'StateDecodeError'
  /** Why, in words. */
  readonly reason: string
  /** Whether a newer release wrote it: then it is not damaged. */
  readonly isNewer: boolean
  constructor(reason: string, isNewer = false) {
    super(`the session's snapshot can't be used: ${reason}`)
    this.reason = reason
    this.isNewer = isNewer
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    throw new StateDecodeError('it is not JSON')
  }
}

function encodeLedger(ledger: Ledger): EncodedLedger {
  const keyed = mapEntries(ledger.keyed).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return { entries: unfinishedInputs(ledger), queue: bounds(ledger.queue), steer: bounds(ledger.steer), keyed }
}

const bounds = ({ front, back }: LaneState): EncodedLane => ({ front, back })

function decodeLedger({ entries, queue, steer, keyed }: EncodedLedger): Ledger {
  return {
    entries: entriesOf(entries),
    queue: laneOf(entries, 'queue', queue),
    steer: laneOf(entries, 'steer', steer),
    waking: entries.filter(({ status, wake }) => status === 'queued' && wake).length,
    keyed: mapOf(keyed),
  }
}

function encodeEndings({ groups }: Endings): readonly EncodedGroup[] {
  return groups.map(({ reason, entries, queue, steer }) => ({
    reason,
    entries: unfinishedInputs({ entries }),
    queue: bounds(queue),
    steer: bounds(steer),
  }))
}

function decodeEndings(groups: readonly EncodedGroup[]): Endings {
  return {
    groups: groups.map(({ reason, entries, queue, steer }) => ({
      reason,
      entries: entriesOf(entries),
      queue: laneOf(entries, 'queue', queue),
      steer: laneOf(entries, 'steer', steer),
    })),
  }
}

const entriesOf = (entries: readonly LedgerEntry[]): Ledger['entries'] =>
  mapOf(entries.map(entry => [entry.id, entry] as const))

function laneOf(entries: readonly LedgerEntry[], name: Lane, { front, back }: EncodedLane): LaneState {
  const queued = entries.flatMap(entry =>
    entry.status === 'queued' && entry.lane === name ? [[entry.slot, entry.id] as const] : [],
  )
  return { front, back, slots: mapOf(queued) }
}

function encodeCalls(calls: Calls): readonly CallEntry[] {
  return [...mapEntries(calls.open)].map(([, entry]) => entry).sort((a, b) => (a.id < b.id ? -1 : 1))
}

function decodeCalls(entries: readonly CallEntry[]): Calls {
  const unsettled = entries.filter(({ state }) => state === 'unknown' || state === 'awaitingApproval').length
  return { open: mapOf(entries.map(entry => [entry.id, entry] as const)), unsettled }
}

function encodeOperations(operations: Operations): EncodedOperations {
  const entries = [...mapValues(operations.entries)].sort((a, b) => (a.id < b.id ? -1 : 1))
  const { completions, droppedThrough, cursors, announcement, wait } = operations
  const more = { ...(announcement !== undefined && { announcement }), ...(wait !== undefined && { wait }) }
  return { entries, completions, droppedThrough, cursors, ...more }
}

function decodeOperations({ entries, ...rest }: EncodedOperations): Operations {
  const ended = entries.filter(isEnded)
  return {
    ...rest,
    entries: mapOf(entries.map(entry => [entry.id, entry] as const)),
    active: entries.length - ended.length,
    feed: mapOf(ended.map(({ id, seq }) => [seq, id] as const)),
    newestWaking: Math.max(0, ...ended.flatMap(({ kind, seq }) => (wakes(kind) ? [seq] : []))),
  }
}

function decodeSchedules(entries: readonly ScheduleEntry[]): Schedules {
  return { entries: mapOf(entries.map(entry => [entry.id, entry] as const)) }
}

const INITIAL: Readonly<Record<string, string>> = Object.fromEntries(
  KEYS.map(key => [key, sliceText(meerkat.initial, key)]),
)
