/** What can be asked of operations, when it may be done, and what the world hears of it: the parts of their rows. */
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
function isNewOperation(state: CoreFacts, input: WithOperation): boolean {
  return entryOf(state, input) === undefined
}
function belowCapacity({ operations: o }: CoreFacts, input: { readonly maxConcurrent?: number }): boolean {
  return input.maxConcurrent === undefined || o.active < input.maxConcurrent
}
function unfinishedOperation(state: CoreFacts, input: WithOperation): UnfinishedOperation | undefined {
  const entry = entryOf(state, input)
  return entry === undefined || isEnded(entry) ? undefined : entry
}
function provisioningOperation(state: CoreFacts, input: WithOperation): UnfinishedOperation | undefined {
  const entry = unfinishedOperation(state, input)
  return entry?.status === 'provisioning' ? entry : undefined
}
function startedOperation(state: CoreFacts, input: WithOperation): UnfinishedOperation | undefined {
  const entry = unfinishedOperation(state, input)
  return entry?.status === 'provisioning' ? undefined : entry
}
function runningOperation(state: CoreFacts, input: WithOperation): UnfinishedOperation | undefined {
  const entry = unfinishedOperation(state, input)
  return entry?.status === 'running' ? entry : undefined
}
function mayBeTakenUp(state: CoreFacts, input: WithOperation & { readonly mostCrashes: number }): boolean {
  const entry = unfinishedOperation(state, input)
  return entry !== undefined && (entry.takeUps ?? 0) < input.mostCrashes
}
function expectsPeer(state: CoreFacts, input: WithOperation): boolean {
  return entryOf(state, input)?.kind === 'mob-member-child'
}
function peerNotReady(state: CoreFacts, input: WithOperation): boolean {
  const entry = unfinishedOperation(state, input)
  return entry !== undefined && entry.peerReady !== true
}
function notAwaited({ operations: o }: CoreFacts, input: WithOperation): boolean {
  return o.wait?.operationIds.includes(input.operationId) !== true
}
type WithOperations = { readonly operationIds: readonly OperationId[] }
function areDistinct(_: CoreFacts, { operationIds }: WithOperations): boolean {
  return new Set(operationIds).size === operationIds.length
}
function areKnown({ operations: o }: CoreFacts, { operationIds }: WithOperations): boolean {
  return operationIds.every(id => mapGet(o.entries, id) !== undefined)
}
function nobodyWaits({ operations: o }: CoreFacts): boolean {
  return o.wait === undefined
}
function isCurrentWait(
  { operations: o }: CoreFacts,
  input: { readonly waitId: WaitId; readonly runId: RunId },
): boolean {
  return o.wait?.id === input.waitId && o.wait.runId === input.runId
}
/** A reader ahead of what has happened would miss what happens next. */
function hasHappened({ operations: o }: CoreFacts, input: { readonly through: number }): boolean {
  return input.through <= o.completions
}

/** The guards of the operations' rows. */
export const operationGuards = {
  isNewOperation,
  belowCapacity,
  mayBeTakenUp,
  expectsPeer,
  peerNotReady,
  notAwaited,
  areDistinct,
  areKnown,
  nobodyWaits,
  isCurrentWait,
  hasHappened,
}

/** What operations' rows are about. */
export const operationsBy = { unfinishedOperation, provisioningOperation, startedOperation, runningOperation }

type WithReason = WithOperation & { readonly reason?: string }

const ended =
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
function satisfiedAtOnce(
  after: CoreFacts,
  { waitId: id, runId, operationIds }: Extract<OperationsInput, { type: 'WaitAllOperations' }>,
): readonly CoreEffect[] {
  return after.operations.wait === undefined ? [satisfied({ id, runId, operationIds })] : []
}
function satisfiedNow(after: CoreFacts, _: unknown, before: CoreFacts): readonly CoreEffect[] {
  const { wait } = before.operations
  return wait === undefined || after.operations.wait !== undefined ? [] : [satisfied(wait)]
}
function ownerRetired(_: CoreFacts, __: unknown, before: CoreFacts): readonly CoreEffect[] {
  return terminated(before, unfinishedOperations(before.operations), 'owner-retired')
}
function ownerLost(_: CoreFacts, __: unknown, before: CoreFacts): readonly CoreEffect[] {
  return terminated(before, lostOperations(before.operations), 'owner-lost')
}
function terminatedByOwner(_: CoreFacts, input: { readonly reason: string }, before: CoreFacts): readonly CoreEffect[] {
  return terminated(before, unfinishedOperations(before.operations), input.reason)
}
function peerExposed(_: CoreFacts, { operationId }: WithOperation): CoreEffect {
  return { type: 'ExposeOperationPeer', operationId }
}
function rolledBack(_: CoreFacts, { operationId }: WithOperation): CoreEffect {
  return { type: 'UnreturnedOperationRolledBack', operationId }
}

/** What the world hears of operations, by occasion. */
export const operationEffects = {
  peerExposed,
  ended,
  terminatedByOwner,
  ownerRetired,
  ownerLost,
  rolledBack,
  satisfiedAtOnce,
  satisfiedNow,
}
