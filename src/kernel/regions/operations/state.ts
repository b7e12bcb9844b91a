/**
 * The operations' data and the few ways to change it. The region (table.ts) says when, this says how.
 *
 * Every function here keeps three promises: `active` counts what has not ended, `feed` holds exactly what has, and no
 * number is given twice.
 */
import type { InputId, OperationId, RunId, SessionId, WaitId } from '../../ids.ts'
import { emptyMap, mapDelete, mapGet, mapSet, mapValues, type PersistentMap } from '../../persistent-map.ts'

/** Whose completion may start a turn, and what survives a restart, is decided by this. */
export type OperationKind =
  /** A member of a mob, reached through a channel of its own. */
  | 'mob-member-child'
  | 'background-tool-op'
  /** Holds a place among the operations that may run at once; its end is nobody's news. */
  | 'background-tool-capacity-slot'
  /** Waits for a job that somebody outside owns. */
  | 'detached-job-wait'

/** How an operation ended. */
export type OperationTerminal = 'completed' | 'failed' | 'aborted' | 'cancelled' | 'retired' | 'terminated'
export type OperationStatus = 'absent' | OperationEntry['status']

/** What an operation stands for, by the ids under which its owner can be asked about it. */
export type OperationSource = SessionChild | BackendPeer | DetachedJob
interface SessionChild {
  readonly type: 'session-child'
  readonly sessionId: SessionId
}
interface BackendPeer {
  readonly type: 'backend-peer'
  readonly peerId: string
  readonly address: string
}
interface DetachedJob {
  readonly type: 'detached-job'
  readonly realmId: string
  readonly jobId: string
}

/** What each kind is registered with. */
export type OperationNature =
  | { readonly kind: 'mob-member-child'; readonly source?: SessionChild | BackendPeer }
  /** `resumable`: its work outlives the process that started it and is taken up by the next one. */
  | { readonly kind: 'background-tool-op'; readonly source?: OperationSource; readonly resumable?: boolean }
  | { readonly kind: 'background-tool-capacity-slot' }
  | { readonly kind: 'detached-job-wait'; readonly source: DetachedJob }

export interface UnfinishedOperation {
  readonly id: OperationId
  readonly kind: OperationKind
  readonly status: 'provisioning' | 'running' | 'retiring'
  /** When it was registered, ms since the epoch. */
  readonly at: number
  readonly displayName?: string
  readonly source?: OperationSource
  readonly resumable?: true
  /** How often it was taken up since it lasted: by processes that ended soon afterwards, and the present one. */
  readonly takeUps?: number
  /** Reports so far. */
  readonly progress: number
  /** A member child that can be reached. */
  readonly peerReady?: true
}

/** What is left of an operation that ended; its outcome is in the records. */
export interface EndedOperation {
  readonly id: OperationId
  readonly kind: Exclude<OperationKind, 'background-tool-capacity-slot'>
  readonly status: OperationTerminal
  readonly seq: number
  /** A run that waited for it has its result. */
  readonly taken?: true
}

export type OperationEntry = UnfinishedOperation | EndedOperation

/** How far each reader of the completions has come. They never go back. */
export interface OperationCursors {
  /** The results are in the conversation. */
  readonly agentApplied: number
  /** The shell has seen them. */
  readonly runtimeObserved: number
  /** An input that tells of them was accepted. */
  readonly runtimeInjected: number
}

/** A run that goes on when all of these have ended. */
export interface OperationWait {
  readonly id: WaitId
  readonly runId: RunId
  readonly operationIds: readonly OperationId[]
}

export interface Operations {
  /** The unfinished ones, and the newest of those that ended. */
  readonly entries: PersistentMap<OperationId, OperationEntry>
  readonly active: number
  /** Those that ended, by their number. Capacity slots take a number too, so a gap means nothing. */
  readonly feed: PersistentMap<number, OperationId>
  /** The newest number given. */
  readonly completions: number
  /** Completions up to this number have left the state. */
  readonly droppedThrough: number
  /** The newest number of a completion that may start a turn. */
  readonly newestWaking: number
  readonly cursors: OperationCursors
  /** The input that tells of the completions up to `runtimeInjected`. */
  readonly announcement?: InputId
  readonly wait?: OperationWait
}

/** Operations that ended and are kept; the oldest goes first. */
export const RETAINED_COMPLETIONS = 256

export const NO_OPERATIONS: Operations = {
  entries: emptyMap(),
  active: 0,
  feed: emptyMap(),
  completions: 0,
  droppedThrough: 0,
  newestWaking: 0,
  cursors: { agentApplied: 0, runtimeObserved: 0, runtimeInjected: 0 },
}

const WAKES: Readonly<Record<OperationKind, boolean>> = {
  'mob-member-child': false,
  'background-tool-op': true,
  'background-tool-capacity-slot': false,
  'detached-job-wait': true,
}

/** Whether the end of such an operation may start a turn. */
export function wakes(kind: OperationKind): boolean {
  return WAKES[kind]
}

export function isEnded(entry: OperationEntry): entry is EndedOperation {
  return 'seq' in entry
}

/** Whether this operation is registered and has not ended. */
export function isLive(slice: Operations, id: OperationId): boolean {
  const entry = mapGet(slice.entries, id)
  return entry !== undefined && !isEnded(entry)
}

/** The unfinished ones, in the order of their registration. */
export function unfinishedOperations(slice: Operations): readonly UnfinishedOperation[] {
  if (slice.active === 0) return []
  return [...mapValues(slice.entries)]
    .flatMap(entry => (isEnded(entry) ? [] : [entry]))
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
}

/** The ended ones that are kept, in the order of their ends, from a number on (exclusive). */
export function completionsAfter(slice: Operations, seq: number): readonly EndedOperation[] {
  if (slice.completions <= seq) return []
  return [...mapValues(slice.feed)]
    .flatMap(id => {
      const entry = mapGet(slice.entries, id)
      return entry !== undefined && isEnded(entry) && entry.seq > seq ? [entry] : []
    })
    .sort((a, b) => a.seq - b.seq)
}

/** Takes an unfinished operation in, new or changed. */
export function putOperation(slice: Operations, entry: UnfinishedOperation): Operations {
  const entries = mapSet(slice.entries, entry.id, entry)
  return { ...slice, entries, active: slice.active + entries.size - slice.entries.size }
}

/** Takes an unfinished operation out as if it never was. */
export function forget(slice: Operations, { id }: UnfinishedOperation): Operations {
  return { ...slice, entries: mapDelete(slice.entries, id), active: slice.active - 1 }
}

/** Ends an unfinished operation. A capacity slot leaves nothing but the number it took. */
export function end(slice: Operations, { id, kind }: UnfinishedOperation, status: OperationTerminal): Operations {
  const seq = slice.completions + 1
  const counted = { ...slice, active: slice.active - 1, completions: seq }
  if (kind === 'background-tool-capacity-slot') return { ...counted, entries: mapDelete(slice.entries, id) }
  return dropOldest({
    ...counted,
    entries: mapSet(slice.entries, id, { id, kind, status, seq }),
    feed: mapSet(slice.feed, seq, id),
    newestWaking: wakes(kind) ? seq : slice.newestWaking,
  })
}

function dropOldest(slice: Operations): Operations {
  if (slice.feed.size <= RETAINED_COMPLETIONS) return slice
  let oldest = slice.droppedThrough + 1
  let id = mapGet(slice.feed, oldest)
  // Numbers of capacity slots are skipped once, for the search goes on from what was dropped last.
  while (id === undefined) id = mapGet(slice.feed, ++oldest)
  return {
    ...slice,
    entries: mapDelete(slice.entries, id),
    feed: mapDelete(slice.feed, oldest),
    droppedThrough: oldest,
  }
}

/** Lets the wait go if all it waits for has ended. What it waited for is taken: the run that asked has it. */
export function settleWait(slice: Operations): Operations {
  const { wait, ...rest } = slice
  if (wait === undefined || wait.operationIds.some(id => isLive(slice, id))) return slice
  const entries = wait.operationIds.reduce((map, id) => {
    const entry = mapGet(map, id)
    return entry === undefined || !isEnded(entry) ? map : mapSet(map, id, { ...entry, taken: true } as const)
  }, slice.entries)
  return { ...rest, entries }
}

export function dropWait(slice: Operations): Operations {
  if (slice.wait === undefined) return slice
  const { wait: _, ...rest } = slice
  return rest
}

/** Everything has left the state; numbers and cursors stay, so that readers see that something is gone. */
export function dropAll(slice: Operations): Operations {
  if (slice.completions === 0 && slice.entries.size === 0) return slice
  const { completions, cursors, newestWaking } = slice
  return { ...NO_OPERATIONS, completions, newestWaking, cursors, droppedThrough: completions }
}

/**
 * What ends with the process that ran it. A job outside goes on, and so does work that said it can be taken up; the
 * rest is terminated rather than forgotten as the reference does, for somebody was promised an end.
 */
function isLost({ kind, status, resumable }: UnfinishedOperation): boolean {
  return status !== 'running' || (kind !== 'detached-job-wait' && resumable !== true)
}

/** The operations that end if another process takes the session over, in the order in which they would. */
export function lostOperations(slice: Operations): readonly UnfinishedOperation[] {
  return unfinishedOperations(slice).filter(isLost)
}
