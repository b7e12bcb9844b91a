/** The guards and effects of the region `operations`. */
import type { CoreEffect, CoreFacts } from '../../core.ts'
import type { OperationId, RunId, WaitId } from '../../ids.ts'
import { mapGet } from '../../persistent-map.ts'
import type { OperationsInput } from './input.ts'
import {
  isEnded,
  lostOperations,
  type OperationEntry,
  type Operations,
  type OperationTerminal,
  type UnfinishedOperation,
  unfinishedOperations,
} from './state.ts'

export type WithOperation = { readonly operationId: OperationId }

function entryOf({ operations: o }: CoreFacts, { operationId }: WithOperation): OperationEntry | undefined {
  return mapGet(o.entries, operationId)
}
export function isNewOperation(state: CoreFacts, input: WithOperation): boolean {
  return entryOf(state, input) === undefined
}
export function belowCapacity({ operations: o }: CoreFacts, input: { readonly maxConcurrent?: number }): boolean {
  return input.maxConcurrent === undefined || o.active < input.maxConcurrent
}
export function unfinishedOperation(state: CoreFacts, input: WithOperation): UnfinishedOperation | undefined {
  const entry = entryOf(state, input)
  return entry === undefined || isEnded(entry) ? undefined : entry
}
export function provisioningOperation(state: CoreFacts, input: WithOperation): UnfinishedOperation | undefined {
  const entry = unfinishedOperation(state, input)
  return entry?.status === 'provisioning' ? entry : undefined
}
export function startedOperation(state: CoreFacts, input: WithOperation): UnfinishedOperation | undefined {
  const entry = unfinishedOperation(state, input)
  return entry?.status === 'provisioning' ? undefined : entry
}
export function runningOperation(state: CoreFacts, input: WithOperation): UnfinishedOperation | undefined {
  const entry = unfinishedOperation(state, input)
  return entry?.status === 'running' ? entry : undefined
}
export function mayBeTakenUp(state: CoreFacts, input: WithOperation & { readonly mostCrashes: number }): boolean {
  const entry = unfinishedOperation(state, input)
  return entry !== undefined && (entry.takeUps ?? 0) < input.mostCrashes
}
export function expectsPeer(state: CoreFacts, input: WithOperation): boolean {
  return entryOf(state, input)?.kind === 'mob-member-child'
}
export function peerNotReady(state: CoreFacts, input: WithOperation): boolean {
  const entry = unfinishedOperation(state, input)
  return entry !== undefined && entry.peerReady !== true
}
export function notAwaited({ operations: o }: CoreFacts, input: WithOperation): boolean {
  return o.wait?.operationIds.includes(input.operationId) !== true
}
type WithOperations = { readonly operationIds: readonly OperationId[] }
export function areDistinct(_: CoreFacts, { operationIds }: WithOperations): boolean {
  return new Set(operationIds).size === operationIds.length
}
export function areKnown({ operations: o }: CoreFacts, { operationIds }: WithOperations): boolean {
  return operationIds.every(id => mapGet(o.entries, id) !== undefined)
}
export function nobodyWaits({ operations: o }: CoreFacts): boolean {
  return o.wait === undefined
}
export function isCurrentWait(
  { operations: o }: CoreFacts,
  input: { readonly waitId: WaitId; readonly runId: RunId },
): boolean {
  return o.wait?.id === input.waitId && o.wait.runId === input.runId
}
/** A cursor may not be ahead of the completions, or its reader would miss the next one. */
export function hasHappened({ operations: o }: CoreFacts, input: { readonly through: number }): boolean {
  return input.through <= o.completions
}

type WithReason = WithOperation & { readonly reason?: string }

export const ended =
  (status: OperationTerminal, reasonOf: (input: WithReason) => string | undefined = ({ reason }) => reason) =>
  (after: CoreFacts, input: WithReason, _: CoreFacts, { id, kind }: UnfinishedOperation): CoreEffect => {
    const seq = after.operations.completions
    const reason = reasonOf(input)
    return { type: 'OperationEnded', operationId: id, kind, status, seq, ...(reason !== undefined && { reason }) }
  }
function terminated(before: CoreFacts, which: readonly UnfinishedOperation[], reason: string): readonly CoreEffect[] {
  const first = before.operations.completions + 1
  return which.map(({ id: operationId, kind }, nth) => ({
    type: 'OperationEnded',
    operationId,
    kind,
    status: 'terminated',
    seq: first + nth,
    reason,
  }))
}
const satisfied = ({ id: waitId, runId, operationIds }: NonNullable<Operations['wait']>): CoreEffect => ({
  type: 'WaitAllSatisfied',
  waitId,
  runId,
  operationIds,
})
export function satisfiedAtOnce(
  after: CoreFacts,
  { waitId: id, runId, operationIds }: Extract<OperationsInput, { type: 'WaitAllOperations' }>,
): readonly CoreEffect[] {
  return after.operations.wait === undefined ? [satisfied({ id, runId, operationIds })] : []
}
export function satisfiedNow(after: CoreFacts, _: unknown, before: CoreFacts): readonly CoreEffect[] {
  const { wait } = before.operations
  return wait === undefined || after.operations.wait !== undefined ? [] : [satisfied(wait)]
}
export function ownerRetired(_: CoreFacts, __: unknown, before: CoreFacts): readonly CoreEffect[] {
  return terminated(before, unfinishedOperations(before.operations), 'owner-retired')
}
export function ownerLost(_: CoreFacts, __: unknown, before: CoreFacts): readonly CoreEffect[] {
  return terminated(before, lostOperations(before.operations), 'owner-lost')
}
export function terminatedByOwner(
  _: CoreFacts,
  input: { readonly reason: string },
  before: CoreFacts,
): readonly CoreEffect[] {
  return terminated(before, unfinishedOperations(before.operations), input.reason)
}
export function peerExposed(_: CoreFacts, { operationId }: WithOperation): CoreEffect {
  return { type: 'ExposeOperationPeer', operationId }
}
export function rolledBack(_: CoreFacts, { operationId }: WithOperation): CoreEffect {
  return { type: 'UnreturnedOperationRolledBack', operationId }
}
