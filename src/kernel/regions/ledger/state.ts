/**
 * The ledger's data and the few ways to change it. The region (table.ts) says when, this says how.
 *
 * Every function here keeps one promise: what it returns has each queued entry in exactly one lane slot.
 */
import type { InputId, RunId } from '../../ids.ts'
import { mapDelete, mapGet, mapSet, mapValues, type PersistentMap } from '../../persistent-map.ts'
import { type LaneState, pushBack, pushFront, takeOut } from '../lane.ts'

export type Lane = 'queue' | 'steer'

/** Why an input was given up. */
export type AbandonReason =
  | 'retired'
  | 'reset'
  | 'stopped'
  | 'destroyed'
  | 'cancelled'
  | 'max-attempts'
  | 'never-executed'
  | 'unregistered'
  /** It was not to outlast the process that it was sent to. */
  | 'owner-lost'

/** The one end of an input. */
export type Terminal =
  | { readonly status: 'consumed' }
  | { readonly status: 'superseded'; readonly by: InputId }
  | { readonly status: 'coalesced'; readonly by: InputId }
  | { readonly status: 'abandoned'; readonly reason: AbandonReason }
  | { readonly status: 'withdrawn' }

export interface EntryFacts {
  readonly id: InputId
  readonly kind: InputKind
  /** The lane it waits in, or returns to. */
  readonly lane: Lane
  /** Whether it may start a turn by itself. */
  readonly wake: boolean
  /** Times it was staged for a run. */
  readonly attempts: number
  readonly at: number
  readonly supersessionKey?: string
  /** Inputs that joined this one's work; they share its end. */
  readonly carries: readonly InputId[]
  /** An earlier attempt left a journal, so the next one continues it and takes nothing else along. */
  readonly progressed?: true
  /** A run of it ended without an outcome, and nobody said what that run had cost. */
  readonly unreported?: true
  /** It starts no turn, whatever is done to the session. */
  readonly silent?: true
  /** It goes with the process that it was sent to, unless there is work of it to continue. */
  readonly ephemeral?: true
}

export type LedgerEntry =
  | (EntryFacts & { readonly status: 'queued'; readonly slot: number })
  /** Joined the work of `carrier`, which waits for its next attempt. */
  | (EntryFacts & { readonly status: 'carried'; readonly carrier: InputId })
  | (EntryFacts & { readonly status: 'staged'; readonly runId: RunId })
  /** Its content entered the run's conversation at a committed boundary. */
  | (EntryFacts & { readonly status: 'applied'; readonly runId: RunId; readonly boundary: number })

export interface Ledger {
  readonly entries: PersistentMap<InputId, LedgerEntry>
  readonly queue: LaneState
  readonly steer: LaneState
  /** Queued inputs that may start a turn. */
  readonly waking: number
  /** Queued inputs of a supersession key. */
  readonly keyed: PersistentMap<string, readonly InputId[]>
}

/** Times an input is staged before it is given up. */
export const MAX_ATTEMPTS = 3

/** The entry of an unfinished input. */
export function entryOf(ledger: Ledger, id: InputId): LedgerEntry | undefined {
  return mapGet(ledger.entries, id)
}

/** Of two unfinished inputs, which was accepted first: negative if it was `a`. */
export function byAcceptance(a: EntryFacts, b: EntryFacts): number {
  return a.at - b.at || (a.id < b.id ? -1 : a.id === b.id ? 0 : 1)
}

/** Unfinished inputs, in order of acceptance. */
export function unfinishedInputs(ledger: Pick<Ledger, 'entries'>): readonly LedgerEntry[] {
  return mapValues(ledger.entries).toSorted(byAcceptance)
}

/** The ledger with other entries. Every run passes here often, and a literal costs a fraction of a spread. */
export function withEntries({ queue, steer, waking, keyed }: Ledger, entries: Ledger['entries']): Ledger {
  return { entries, queue, steer, waking, keyed }
}

/** The ledger with the entry in its lane's back or front; the entry must not be in a lane. */
export function enqueue(ledger: Ledger, facts: EntryFacts, where: 'front' | 'back'): Ledger {
  const [lane, slot] = (where === 'back' ? pushBack : pushFront)(ledger[facts.lane], facts.id)
  const { supersessionKey: key } = facts
  return {
    entries: mapSet(ledger.entries, facts.id, queuedAs(facts, slot)),
    queue: facts.lane === 'queue' ? lane : ledger.queue,
    steer: facts.lane === 'steer' ? lane : ledger.steer,
    waking: ledger.waking + (facts.wake ? 1 : 0),
    keyed:
      key === undefined ? ledger.keyed : mapSet(ledger.keyed, key, [...(mapGet(ledger.keyed, key) ?? []), facts.id]),
  }
}

/** The ledger with a queued entry out of its lane, but still in `entries`. */
export function dequeue(ledger: Ledger, entry: LedgerEntry & { readonly status: 'queued' }): Ledger {
  const { supersessionKey: key } = entry
  const lane = takeOut(ledger[entry.lane], entry.slot)
  return {
    entries: ledger.entries,
    queue: entry.lane === 'queue' ? lane : ledger.queue,
    steer: entry.lane === 'steer' ? lane : ledger.steer,
    waking: ledger.waking - (entry.wake ? 1 : 0),
    keyed: key === undefined ? ledger.keyed : withoutKeyed(ledger.keyed, key, entry.id),
  }
}

function withoutKeyed(keyed: Ledger['keyed'], key: string, id: InputId): Ledger['keyed'] {
  const rest = (mapGet(keyed, key) ?? []).filter(one => one !== id)
  return rest.length === 0 ? mapDelete(keyed, key) : mapSet(keyed, key, rest)
}

// Every input passes these three, and a literal costs a fraction of a spread: that is for the entries with more to them.
function queuedAs(facts: EntryFacts, slot: number): LedgerEntry {
  const { id, kind, lane, wake, attempts, at, carries } = facts
  if (!isPlain(facts)) return { ...factsOf(facts), status: 'queued', slot }
  return { id, kind, lane, wake, attempts, at, carries, status: 'queued', slot }
}

/** The entry as one of the run that takes it, and with it what it carried. */
export function stagedAs(facts: EntryFacts, wake: boolean, runId: RunId): LedgerEntry {
  const { id, kind, lane, at } = facts
  const attempts = facts.attempts + 1
  if (!isPlain(facts)) return { ...factsOf(facts), wake, attempts, carries: [], status: 'staged', runId }
  return { id, kind, lane, wake, attempts, at, carries: [], status: 'staged', runId }
}

/** The entry as one whose content is in the conversation. */
export function appliedAs(facts: EntryFacts, attempts: number, runId: RunId, boundary: number): LedgerEntry {
  const { id, kind, lane, wake, at, carries } = facts
  if (!isPlain(facts)) return { ...factsOf(facts), attempts, status: 'applied', runId, boundary }
  return { id, kind, lane, wake, attempts, at, carries, status: 'applied', runId, boundary }
}

function isPlain({ supersessionKey, progressed, unreported, silent, ephemeral }: EntryFacts): boolean {
  return (supersessionKey ?? progressed ?? unreported ?? silent ?? ephemeral) === undefined
}

/** What an entry is whatever its status. */
export function factsOf(entry: EntryFacts): EntryFacts {
  const { id, kind, lane, wake, attempts, at, supersessionKey, carries, progressed, unreported, silent, ephemeral } =
    entry
  return {
    id,
    kind,
    lane,
    wake,
    attempts,
    at,
    carries,
    ...(supersessionKey && { supersessionKey }),
    ...(progressed && { progressed }),
    ...(unreported && { unreported }),
    ...(silent && { silent }),
    ...(ephemeral && { ephemeral }),
  }
}

/** The ledger with its passive inputs as good as others, but for the silent ones. */
export function wakeAll(ledger: Ledger): Ledger {
  let { entries, waking } = ledger
  for (const entry of mapValues(ledger.entries)) {
    if (entry.wake || entry.silent === true) continue
    entries = mapSet(entries, entry.id, { ...entry, wake: true })
    if (entry.status === 'queued') waking++
  }
  return entries === ledger.entries ? ledger : { ...ledger, entries, waking }
}

/** Waiting inputs that were not to outlast their process, and of which no work is left to continue. */
export function ephemeralInputs(ledger: Ledger): readonly InputId[] {
  const isDoomed = ({ status, ephemeral, progressed }: LedgerEntry): boolean =>
    status === 'queued' && ephemeral === true && progressed !== true
  // Asked whenever a session is taken up: most have none, and what is not asked for is not sorted.
  return mapValues(ledger.entries)
    .filter(isDoomed)
    .toSorted(byAcceptance)
    .map(({ id }) => id)
}

/** The ledger without an input and what it carries, wherever they are. */
export function drop(ledger: Ledger, id: InputId): Ledger {
  const entry = mapGet(ledger.entries, id)
  if (entry === undefined) return ledger
  let next = entry.status === 'queued' ? dequeue(ledger, entry) : ledger
  next = withEntries(next, mapDelete(next.entries, id))
  return entry.carries.reduce(drop, next)
}

/** Who speaks. Everything comes through the same door. */
export const INPUT_KINDS = [
  'prompt',
  'peer-message',
  'peer-request',
  'peer-response-progress',
  'peer-response-terminal',
  'flow-step',
  'external-event',
  'continuation',
  'operation',
] as const
export type InputKind = (typeof INPUT_KINDS)[number]
