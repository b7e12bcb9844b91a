/**
 * A state as text, for snapshots, and back.
 *
 * Only slices that differ from the initial state are written, tries as lists of their entries, so an idle session
 * takes a few hundred bytes. A decoded state has to satisfy every invariant before anyone acts on it.
 */
import type { InputId } from './ids.ts'
import { type MeerkatState, meerkat } from './machine.ts'
import { mapEntries, mapOf, mapValues } from './persistent-map.ts'
import type { CallEntry, Calls } from './regions/calls.ts'
import type { LaneState } from './regions/lane.ts'
import type { Ledger, LedgerEntry } from './regions/ledger-entries.ts'

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

type Keyed = readonly (readonly [string, readonly InputId[]])[]

type Key = keyof MeerkatState

const KEYS = Object.keys(meerkat.initial) as readonly Key[]

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

function sliceText(state: MeerkatState, key: Key): string {
  if (key === 'ledger') return JSON.stringify(encodeLedger(state.ledger))
  return JSON.stringify(key === 'calls' ? encodeCalls(state.calls) : state[key])
}

/** The state that `encodeState` wrote. Throws `StateDecodeError` if the text is damaged, newer, or breaks an invariant. */
export function decodeState(text: string): MeerkatState {
  const slices = parse(text)
  const { v, ledger, calls, ...rest } = slices
  if (v !== VERSION) throw new StateDecodeError(`it has version ${String(v)}, this release reads ${VERSION}`)
  const state = {
    ...meerkat.initial,
    ...rest,
    ...(ledger !== undefined && { ledger: decodeLedger(ledger as EncodedLedger) }),
    ...(calls !== undefined && { calls: decodeCalls(calls as readonly CallEntry[]) }),
  } as MeerkatState
  const result = meerkat.recover(state)
  if (!result.ok) throw new StateDecodeError(`it breaks an invariant: ${result.reason}`)
  return state
}

/** A state text that can't be served from. */
export class StateDecodeError extends Error {
  override readonly name = 'StateDecodeError'
  constructor(reason: string) {
    super(`the session's snapshot can't be used: ${reason}`)
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
  const entries = [...mapValues(ledger.entries)].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
  const keyed = [...mapEntries(ledger.keyed)].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return { entries, queue: bounds(ledger.queue), steer: bounds(ledger.steer), keyed }
}

const bounds = ({ front, back }: LaneState): EncodedLane => ({ front, back })

function decodeLedger({ entries, queue, steer, keyed }: EncodedLedger): Ledger {
  const queued = entries.filter(entry => entry.status === 'queued')
  const lane = (name: 'queue' | 'steer', { front, back }: EncodedLane): LaneState => ({
    front,
    back,
    slots: mapOf(queued.filter(entry => entry.lane === name).map(entry => [entry.slot, entry.id] as const)),
  })
  return {
    entries: mapOf(entries.map(entry => [entry.id, entry] as const)),
    queue: lane('queue', queue),
    steer: lane('steer', steer),
    waking: queued.filter(entry => entry.wake).length,
    keyed: mapOf(keyed),
  }
}

function encodeCalls(calls: Calls): readonly CallEntry[] {
  return [...mapEntries(calls.open)].map(([, entry]) => entry).sort((a, b) => (a.id < b.id ? -1 : 1))
}

function decodeCalls(entries: readonly CallEntry[]): Calls {
  const unsettled = entries.filter(({ state }) => state === 'unknown' || state === 'awaitingApproval').length
  return { open: mapOf(entries.map(entry => [entry.id, entry] as const)), unsettled }
}

const INITIAL: Readonly<Record<string, string>> = Object.fromEntries(
  KEYS.map(key => [key, sliceText(meerkat.initial, key)]),
)
