/**
 * The slice of the region `ledger`, and the functions that change it. table.ts says when they apply.
 *
 * Every function here returns a ledger in which each queued entry has exactly one lane slot.
 */
import type { InputId, RunId } from '../../ids.ts'
import { mapDelete, mapGet, mapSet, mapValues, type PersistentMap } from '../../persistent-map.ts'
import { type LaneState, pushBack, pushFront, takeOut } from '../lane.ts'

export type Lane = 'queue' | 'steer'

/** Why an input was abandoned. */
export type AbandonReason =
  | 'retired'
  | 'reset'
  | 'stopped'
  | 'destroyed'
  | 'cancelled'
  | 'max-attempts'
  | 'never-executed'
  | 'unregistered'
  /** It was ephemeral, and the process that it was sent to ended. */
  | 'owner-lost'

/** How an input ended. */
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
  /** How often it was staged for a run. */
  readonly attempts: number
  readonly at: number
  readonly supersessionKey?: string
  /** Inputs that joined this one's work; they share its end. */
  readonly carries: readonly InputId[]
  /** An earlier attempt left a journal, so the next one continues that and takes no other inputs. */
  readonly progressed?: true
  /** A run of it ended without an outcome and without a report of its cost. */
  readonly unreported?: true
  /** It never starts a turn, not even after `WakeQueued`. */
  readonly silent?: true
  /** It ends with the process that it was sent to, unless its work has begun. */
  readonly ephemeral?: true
}

export type QueuedEntry = EntryFacts & { readonly status: 'queued'; readonly slot: number }
export type LedgerEntry =
  | QueuedEntry
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

/** After this many attempts an input is abandoned. */
export const MAX_ATTEMPTS = 3

/** The entry of an unfinished input. */
export function entryOf(ledger: Ledger, id: InputId): LedgerEntry | undefined {
  return mapGet(ledger.entries, id)
}

/** Compares by acceptance: negative if `a` was accepted first. */
export function byAcceptance(a: EntryFacts, b: EntryFacts): number {
  return a.at - b.at || (a.id < b.id ? -1 : a.id === b.id ? 0 : 1)
}

/** Unfinished inputs, in order of acceptance. */
export function unfinishedInputs(ledger: Pick<Ledger, 'entries'>): readonly LedgerEntry[] {
  return mapValues(ledger.entries).toSorted(byAcceptance)
}

/** Replaces the entries. Every run calls this often, and a literal costs a fraction of a spread. */
export function withEntries({ queue, steer, waking, keyed }: Ledger, entries: Ledger['entries']): Ledger {
  return { entries, queue, steer, waking, keyed }
}

/** Puts an entry at the back or front of its lane; it must not be in a lane. */
export function enqueue(ledger: Ledger, facts: EntryFacts, where: 'front' | 'back'): Ledger {
  const { supersessionKey: key } = facts
  const before = ledger[facts.lane]
  const lane = where === 'back' ? pushBack(before, facts.id) : pushFront(before, facts.id)
  const slot = where === 'back' ? before.back : lane.front
  return {
    entries: mapSet(ledger.entries, facts.id, queuedAs(facts, slot)),
    queue: facts.lane === 'queue' ? lane : ledger.queue,
    steer: facts.lane === 'steer' ? lane : ledger.steer,
    waking: ledger.waking + (facts.wake ? 1 : 0),
    keyed:
      key === undefined ? ledger.keyed : mapSet(ledger.keyed, key, [...(mapGet(ledger.keyed, key) ?? []), facts.id]),
  }
}

/** Takes a queued entry out of its lane; it stays in `entries`. */
export function dequeue(ledger: Ledger, entry: QueuedEntry): Ledger {
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

// Every input passes these three functions. Plain entries are built by literals, which cost a fraction of a spread.
function queuedAs(facts: EntryFacts, slot: number): LedgerEntry {
  const { id, kind, lane, wake, attempts, at, carries } = facts
  if (!isPlain(facts)) return { ...factsOf(facts), status: 'queued', slot }
  return { id, kind, lane, wake, attempts, at, carries, status: 'queued', slot }
}

/** The entry as staged for a run, which takes it with the inputs that it carries. */
export function stagedAs(facts: EntryFacts, wake: boolean, runId: RunId): LedgerEntry {
  const { id, kind, lane, at } = facts
  const attempts = facts.attempts + 1
  if (!isPlain(facts)) return { ...factsOf(facts), wake, attempts, carries: [], status: 'staged', runId }
  return { id, kind, lane, wake, attempts, at, carries: [], status: 'staged', runId }
}

/** The entry as applied: its content is in the conversation. */
export function appliedAs(facts: EntryFacts, attempts: number, runId: RunId, boundary: number): LedgerEntry {
  const { id, kind, lane, wake, at, carries } = facts
  if (!isPlain(facts)) return { ...factsOf(facts), attempts, status: 'applied', runId, boundary }
  return { id, kind, lane, wake, attempts, at, carries, status: 'applied', runId, boundary }
}

function isPlain({ supersessionKey, progressed, unreported, silent, ephemeral }: EntryFacts): boolean {
  return (supersessionKey ?? progressed ?? unreported ?? silent ?? ephemeral) === undefined
}

/** The fields that an entry has in every status. */
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

/** Lets passive inputs start a turn, except silent ones. */
export function wakeAll(ledger: Ledger): Ledger {
  let { entries, waking } = ledger
  for (const entry of mapValues(ledger.entries)) {
    if (entry.wake || entry.silent === true) continue
    entries = mapSet(entries, entry.id, { ...entry, wake: true })
    if (entry.status === 'queued') waking++
  }
  return entries === ledger.entries ? ledger : { ...ledger, entries, waking }
}

/** Ephemeral inputs that wait and whose work has not begun. */
export function ephemeralInputs(ledger: Ledger): readonly InputId[] {
  const isDoomed = ({ status, ephemeral, progressed }: LedgerEntry): boolean =>
    status === 'queued' && ephemeral === true && progressed !== true
  // Called whenever a session is loaded; most have no such input, so it filters before it sorts.
  return mapValues(ledger.entries)
    .filter(isDoomed)
    .toSorted(byAcceptance)
    .map(({ id }) => id)
}

/** Removes an input and those that it carries. */
export function drop(ledger: Ledger, id: InputId): Ledger {
  const entry = mapGet(ledger.entries, id)
  if (entry === undefined) return ledger
  let next = entry.status === 'queued' ? dequeue(ledger, entry) : ledger
  next = withEntries(next, mapDelete(next.entries, id))
  return entry.carries.reduce(drop, next)
}

/** The kinds of inputs, by sender and content. */
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
