/**
 * The slice of the region `operations`, and the functions that change it. table.ts says when they apply.
 *
 * Every function here keeps three invariants: `active` counts the unfinished operations, `feed` has exactly the ended ones,
 * and no completion number is given twice.
 */
import type { InputId, OperationId, RunId, SessionId, WaitId } from '../../ids.ts'
import { emptyMap, mapDelete, mapGet, mapSet, mapValues, type PersistentMap } from '../../persistent-map.ts'

/** Decides whether a completion may start a turn, and whether the operation survives a restart. */
export type OperationKind =
  /** A member of a mob, reached through a channel of its own. */
  | 'mob-member-child'
  | 'background-tool-op'
  /** Only counts against the limit of concurrent operations; its end is not reported. */
  | 'background-tool-capacity-slot'
  /** Waits for a job outside the runtime. */
  | 'detached-job-wait'

/** How an operation ended. */
export type OperationTerminal = 'completed' | 'failed' | 'aborted' | 'cancelled' | 'retired' | 'terminated'
export type OperationStatus = 'absent' | OperationEntry['status']

/** What an operation stands for, by the ids that its owner uses. */
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

/** The fields with which each kind is registered. */
export type OperationNature =
  | { readonly kind: 'mob-member-child'; readonly source?: SessionChild | BackendPeer }
  /** `resumable`: its work survives the process that started it, and the next one takes it up. */
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
  /** How often it was taken up since `OperationLasted`, by processes that soon ended and by the present one. */
  readonly takeUps?: number
  /** Progress reports so far. */
  readonly progress: number
  /** A member child that can be reached. */
  readonly peerReady?: true
}

/** An ended operation; its outcome is in the records. */
export interface EndedOperation {
  readonly id: OperationId
  readonly kind: Exclude<OperationKind, 'background-tool-capacity-slot'>
  readonly status: OperationTerminal
  readonly seq: number
  /** A waiting run got its result, so it needs no report. */
  readonly taken?: true
}

export type OperationEntry = UnfinishedOperation | EndedOperation

/** The position of each reader of the completions. They never go back. */
export interface OperationCursors {
  /** Up to here the results are in the conversation. */
  readonly agentApplied: number
  /** Up to here the runtime has handled them. */
  readonly runtimeObserved: number
  /** Up to here an input that reports them was accepted. */
  readonly runtimeInjected: number
}

/** A run that goes on when all of these have ended. */
export interface OperationWait {
  readonly id: WaitId
  readonly runId: RunId
  readonly operationIds: readonly OperationId[]
}

export interface Operations {
  /** The unfinished operations, and the newest ended ones. */
  readonly entries: PersistentMap<OperationId, OperationEntry>
  readonly active: number
  /** The ended operations, by their number. Capacity slots take numbers too, so there may be gaps. */
  readonly feed: PersistentMap<number, OperationId>
  /** The newest number given. */
  readonly completions: number
  /** Completions up to this number have left the state. */
  readonly droppedThrough: number
  /** The newest number of a completion that may start a turn. */
  readonly newestWaking: number
  readonly cursors: OperationCursors
  /** The input that reports the completions up to `runtimeInjected`. */
  readonly announcement?: InputId
  readonly wait?: OperationWait
}

/** Most ended operations that are kept; the oldest is dropped first. */
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
export function isUnfinishedOperation(slice: Operations, id: OperationId): boolean {
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

/** The kept ended operations after a number (exclusive), in the order of their ends. */
export function completionsAfter(slice: Operations, seq: number): readonly EndedOperation[] {
  if (slice.completions <= seq) return []
  return [...mapValues(slice.feed)]
    .flatMap(id => {
      const entry = mapGet(slice.entries, id)
      return entry !== undefined && isEnded(entry) && entry.seq > seq ? [entry] : []
    })
    .sort((a, b) => a.seq - b.seq)
}

/** Adds or replaces an unfinished operation. */
export function putOperation(slice: Operations, entry: UnfinishedOperation): Operations {
  const entries = mapSet(slice.entries, entry.id, entry)
  return { ...slice, entries, active: slice.active + entries.size - slice.entries.size }
}

/** Takes an unfinished operation out as if it never was. */
export function forget(slice: Operations, { id }: UnfinishedOperation): Operations {
  return { ...slice, entries: mapDelete(slice.entries, id), active: slice.active - 1 }
}

/** Ends an unfinished operation. Of a capacity slot only its number is left. */
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
  // Each number of a capacity slot is skipped only once, because the search goes on from the last dropped number.
  while (id === undefined) id = mapGet(slice.feed, ++oldest)
  return {
    ...slice,
    entries: mapDelete(slice.entries, id),
    feed: mapDelete(slice.feed, oldest),
    droppedThrough: oldest,
  }
}

/** Ends the wait if all its operations have ended, and marks them as taken by the waiting run. */
export function endWait(slice: Operations): Operations {
  const { wait, ...rest } = slice
  if (wait === undefined || wait.operationIds.some(id => isUnfinishedOperation(slice, id))) return slice
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

/** Removes all operations; numbers and cursors stay, so that readers notice the gap. */
export function dropAll(slice: Operations): Operations {
  if (slice.completions === 0 && slice.entries.size === 0) return slice
  const { completions, cursors, newestWaking } = slice
  return { ...NO_OPERATIONS, completions, newestWaking, cursors, droppedThrough: completions }
}

/**
 * Whether the operation ends with the process that ran it. Jobs outside go on, and so does resumable work. All others are
 * terminated, because each registered operation is promised an end (the reference drops them).
 */
function isLost({ kind, status, resumable }: UnfinishedOperation): boolean {
  return status !== 'running' || (kind !== 'detached-job-wait' && resumable !== true)
}

/** The operations that would end if another process took the session over, in the order of their ends. */
export function lostOperations(slice: Operations): readonly UnfinishedOperation[] {
  return unfinishedOperations(slice).filter(isLost)
}
