/** Rows for work beside the runs: schedules and background operations. */
import type { ScheduleId } from '../../kernel/ids.ts'
import type { ScheduleParams } from '../api.ts'
import { type FinishRequest, finishOperation, operationView, operationViews } from '../operations.ts'
import { dropSchedule, makeSchedule, scheduleIdFor, scheduleView, scheduleViews } from '../schedules.ts'
import type { OperationView, ScheduleView } from '../views.ts'
import type { Owned, Owner, Reader } from './row.ts'

export interface Named {
  readonly scheduleId: ScheduleId
}

const finish: Owned<FinishRequest, OperationView> = {
  letter: 'finishOperation',
  run: finishOperation,
  again: (core, sessionId, { operationId }) => operationView(core, sessionId, operationId),
}

export const backgroundRows = {
  'schedule/create': {
    needs: 'owner',
    letter: 'schedule',
    task: ({ ids }, { sessionId, ...asked }) => ({ ...asked, scheduleId: scheduleIdFor(ids, sessionId, asked) }),
    run: makeSchedule,
    again: (core, sessionId, { scheduleId }) => scheduleView(core, sessionId, scheduleId),
    answer: (_, schedule) => ({ schedule }),
  } satisfies Owner<'schedule/create', ScheduleParams & Named, ScheduleView>,
  'schedule/list': {
    needs: 'reader',
    run: async (core, { sessionId }) => ({ schedules: await scheduleViews(core, sessionId) }),
  } satisfies Reader<'schedule/list'>,
  'schedule/cancel': {
    needs: 'owner',
    letter: 'unschedule',
    task: (_, { scheduleId }) => ({ scheduleId: scheduleId as ScheduleId }),
    run: dropSchedule,
    again: () => Promise.resolve(true),
    answer: (_, cancelled) => ({ cancelled }),
  } satisfies Owner<'schedule/cancel', Named, boolean>,
  'operation/list': {
    needs: 'reader',
    run: async (core, { sessionId }) => ({ operations: await operationViews(core, sessionId) }),
  } satisfies Reader<'operation/list'>,
  'operation/get': {
    needs: 'reader',
    run: async (core, { sessionId, operationId }) => ({ operation: await operationView(core, sessionId, operationId) }),
  } satisfies Reader<'operation/get'>,
  'operation/finish': {
    needs: 'owner',
    ...finish,
    async task(core, { sessionId, operationId, ...how }) {
      const { id } = await operationView(core, sessionId, operationId)
      return { ...how, operationId: id }
    },
    answer: (_, operation) => ({ operation }),
  } satisfies Owner<'operation/finish', FinishRequest, OperationView>,
  'operation/cancel': {
    needs: 'owner',
    ...finish,
    async task(core, { sessionId, operationId }) {
      const { id } = await operationView(core, sessionId, operationId)
      return { outcome: 'cancelled', operationId: id }
    },
    answer: (_, operation) => ({ operation }),
  } satisfies Owner<'operation/cancel', FinishRequest, OperationView>,
}
