/** Classification queries about operations: what a kind or a status means, and why the machine refused a change. */
import type { OperationId } from './ids.ts'
import { mapGet } from './persistent-map.ts'
import type { OperationsInput } from './regions/operations/input.ts'
import {
  isEnded,
  type OperationEntry,
  type OperationKind,
  type OperationStatus,
  wakes,
} from './regions/operations/state.ts'
import type { MeerkatState } from './state.ts'

/** The status of an operation, as callers see it. */
export type OperationPublicResult = 'missing-authority' | 'running' | 'completed' | 'failed' | 'cancelled'

const RESULTS: Readonly<Record<OperationStatus, OperationPublicResult>> = {
  absent: 'missing-authority',
  provisioning: 'running',
  running: 'running',
  retiring: 'running',
  completed: 'completed',
  failed: 'failed',
  terminated: 'failed',
  aborted: 'cancelled',
  cancelled: 'cancelled',
  retired: 'cancelled',
}

export function classifyOperationPublicResult(status: OperationStatus): OperationPublicResult {
  return RESULTS[status]
}

export function classifyOperationTerminality(status: OperationStatus): 'terminal' | 'non-terminal' {
  return status === 'absent' || RESULTS[status] === 'running' ? 'non-terminal' : 'terminal'
}

/** Whether the end of such an operation is published. It takes a number either way. */
export function classifyOperationCompletionFeed(kind: OperationKind): 'emit' | 'suppress' {
  return kind === 'background-tool-capacity-slot' ? 'suppress' : 'emit'
}

/** Whether the end of such an operation may start a turn. */
export function classifyOperationCompletionWake(kind: OperationKind): 'wake' | 'ignore' {
  return wakes(kind) ? 'wake' : 'ignore'
}

/** Whether such an operation is kept after its end. */
export function classifyOperationDurability(kind: OperationKind): 'retain' | 'discard' {
  return kind === 'background-tool-capacity-slot' ? 'discard' : 'retain'
}

/** What can be done to one operation. */
export type OperationAction = Exclude<
  Extract<OperationsInput, { readonly operationId: unknown }>['type'],
  // These two are the runtime's own; no caller sends them.
  'TakeUpOperation' | 'OperationLasted'
>

/** Why the machine refuses a change of an operation. */
export type OperationRefusal =
  /** The session is unregistered or destroyed, or is being unregistered. */
  | 'owner-retired'
  | 'already-registered'
  | 'max-concurrent-exceeded'
  | 'not-found'
  | 'peer-not-expected'
  | 'already-peer-ready'
  /** A run waits for it. */
  | 'awaited'
  /** Not in this status. */
  | 'invalid-transition'

/** A refused change, explained. */
export interface OperationTransitionRejection {
  readonly reason: OperationRefusal
  readonly status: OperationStatus
  /** The change has happened already, or has no effect any more: a caller that repeats itself may treat it as done. */
  readonly idempotent: boolean
}

/** Why the machine refused this change in this state. Ask only about a refused one. */
export function resolveOperationTransitionRejection(
  state: MeerkatState,
  input: { readonly type: OperationAction; readonly operationId: OperationId },
): OperationTransitionRejection {
  const entry = entryIn(state, input.operationId)
  const status = entry?.status ?? 'absent'
  return { reason: refusal(state, input.type, entry), status, idempotent: isIdempotent(input.type, entry) }
}

function entryIn({ operations }: MeerkatState, id: OperationId): OperationEntry | undefined {
  return mapGet(operations.entries, id)
}

function refusal(state: MeerkatState, action: OperationAction, entry: OperationEntry | undefined): OperationRefusal {
  const { registration, lifecycle, operations } = state
  if (registration.sessionId === undefined || lifecycle.phase === 'destroyed') return 'owner-retired'
  if (action === 'RegisterOperation') {
    if (registration.phase === 'draining') return 'owner-retired'
    return entry === undefined ? 'max-concurrent-exceeded' : 'already-registered'
  }
  if (entry === undefined) return 'not-found'
  if (action === 'OperationPeerReady') return peerRefusal(entry)
  const awaited = action === 'RollbackUnreturnedOperation' && operations.wait?.operationIds.includes(entry.id)
  return awaited === true && !isEnded(entry) ? 'awaited' : 'invalid-transition'
}

function peerRefusal(entry: OperationEntry): OperationRefusal {
  if (entry.kind !== 'mob-member-child') return 'peer-not-expected'
  return !isEnded(entry) && entry.peerReady === true ? 'already-peer-ready' : 'invalid-transition'
}

/** Reports that may come after the operation's end. A second end is not among them: that is a mistake of the caller. */
const HARMLESS_AFTER_THE_END: ReadonlySet<OperationAction> = new Set<OperationAction>([
  'OperationPeerReady',
  'OperationProgress',
  'RequestOperationRetire',
  'RetireOperation',
  'AbortOperation',
])

function isIdempotent(action: OperationAction, entry: OperationEntry | undefined): boolean {
  if (entry === undefined) return false
  if (isEnded(entry)) return HARMLESS_AFTER_THE_END.has(action)
  if (action === 'StartOperation') return entry.status === 'running'
  return action === 'RequestOperationRetire' && entry.status === 'retiring'
}
