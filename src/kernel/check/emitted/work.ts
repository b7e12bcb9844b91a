/** When the effects of background operations and of schedules are emitted. */
import type { OperationId } from '../../ids.ts'
import { mapGet, mapValues } from '../../persistent-map.ts'
import { entryOf } from '../../regions/ledger/state.ts'
import { isEnded } from '../../regions/operations/state.ts'
import type { MeerkatState } from '../../state.ts'
import { given, once, type Rules, type Stepped } from './rule.ts'

export const operationRules: Rules<
  'ExposeOperationPeer' | 'UnreturnedOperationRolledBack' | 'WaitAllSatisfied' | 'OperationEnded'
> = {
  ExposeOperationPeer: {
    when: 'exactly when a member child can be reached',
    expected: ({ before, input, after }) => {
      if (input.type !== 'OperationPeerReady') return []
      const isReady = ({ operations: slice }: MeerkatState, id: OperationId): boolean => {
        const entry = mapGet(slice.entries, id)
        return entry !== undefined && !isEnded(entry) && entry.peerReady === true
      }
      const { operationId } = input
      return once(!isReady(before, operationId) && isReady(after, operationId), () => ({ operationId }))
    },
  },
  UnreturnedOperationRolledBack: {
    when: 'exactly when an operation whose id no caller got is rolled back',
    expected: step => {
      const taken = given(step, 'RollbackUnreturnedOperation')
      return taken === undefined ? [] : [{ operationId: taken.operationId }]
    },
  },
  WaitAllSatisfied: {
    when: 'exactly when everything that a run waits for has ended',
    expected: step => {
      const { before, after } = step
      const asked = given(step, 'WaitAllOperations')
      if (asked !== undefined) {
        const { waitId, runId, operationIds } = asked
        return once(after.operations.wait === undefined, () => ({ waitId, runId, operationIds }))
      }
      const { wait } = before.operations
      // A wait that ends with its run ends without an effect.
      if (wait === undefined || after.operations.wait !== undefined || after.run.phase === 'none') return []
      if (step.input.type === 'CancelWaitAll') return []
      return [{ waitId: wait.id, runId: wait.runId, operationIds: wait.operationIds }]
    },
  },
  OperationEnded: {
    when: 'for each operation that ends, with its number',
    expected: ({ before, after, input }) => {
      if (input.type === 'RollbackUnreturnedOperation') return []
      const open = [...mapValues(before.operations.entries)].filter(entry => !isEnded(entry))
      const ended = open.filter(({ id }) => {
        const now = mapGet(after.operations.entries, id)
        return now === undefined || isEnded(now)
      })
      return ended.map(() => ({}))
    },
  },
}

export const scheduleRules: Rules<'ScheduleFired' | 'ScheduleSkipped' | 'ScheduleEnded'> = {
  ScheduleFired: {
    when: 'exactly when a schedule that was due gives its input',
    expected: step => {
      const due = given(step, 'FireSchedule')
      const entry = due && mapGet(step.before.schedules.entries, due.scheduleId)
      if (due === undefined || entry === undefined || isSkipped(step)) return []
      return [{ scheduleId: due.scheduleId, inputId: due.inputId, dueAt: entry.dueAt }]
    },
  },
  ScheduleSkipped: {
    when: 'exactly when a schedule passes over a due time, with the reason',
    expected: step => {
      const due = given(step, 'FireSchedule')
      const entry = due && mapGet(step.before.schedules.entries, due.scheduleId)
      const reason = isSkipped(step)
      if (due === undefined || entry === undefined || reason === undefined) return []
      return [{ scheduleId: due.scheduleId, dueAt: entry.dueAt, reason }]
    },
  },
  ScheduleEnded: {
    when: 'for each schedule that is no more, with the reason',
    expected: ({ before, input, after }) => {
      if (before.schedules === after.schedules) return []
      const gone = [...mapValues(before.schedules.entries)].filter(({ id }) => !mapGet(after.schedules.entries, id))
      const reason = SCHEDULE_ENDS[input.type]
      return gone
        .map(({ id }) => ({ scheduleId: id, ...(reason && { reason }) }))
        .toSorted((a, b) => (a.scheduleId < b.scheduleId ? -1 : 1))
    },
  },
}
const SCHEDULE_ENDS: Readonly<
  Record<string, 'done' | 'cancelled' | 'retired' | 'destroyed' | 'unregistered' | 'new-identity'>
> = {
  FireSchedule: 'done',
  CancelSchedule: 'cancelled',
  Retire: 'retired',
  Destroy: 'destroyed',
  UnregisterSession: 'unregistered',
  RegisterSession: 'new-identity',
}

function isSkipped(step: Stepped): 'misfire' | 'overlap' | undefined {
  const due = given(step, 'FireSchedule')
  const entry = due && mapGet(step.before.schedules.entries, due.scheduleId)
  if (due === undefined || entry === undefined) return undefined
  if ((due.missed ?? 0) > 0 && entry.misfire === 'skip') return 'misfire'
  const isOpen = entry.lastInput !== undefined && entryOf(step.before.ledger, entry.lastInput) !== undefined
  return entry.overlap === 'skip' && isOpen ? 'overlap' : undefined
}
