/** Rows for tools, their calls, and the decisions that calls wait for. */
import type { Transaction } from '../../driver/transaction.ts'
import { MeerkatError } from '../../errors.ts'
import type { CallId } from '../../kernel/ids.ts'
import type { CallEntry } from '../../kernel/regions/calls/state.ts'
import {
  approvalViews,
  callViews,
  type Decision,
  decide,
  type ModelResult,
  type Resolution,
  resolveCall,
} from '../calls.ts'
import type { Core } from '../core.ts'
import { form, session } from '../plain.ts'
import { summaryOf } from '../reads.ts'
import { noExecutor } from '../refusals.ts'
import {
  askForTools,
  filterTools,
  revisionOf,
  type StagedTools,
  type ToolFilterParams,
  type ToolRequestParams,
  toolsView,
} from '../tool-choice.ts'
import type { CallView } from '../views.ts'
import type { Owned, Owner, Reader } from './row.ts'

export interface Settled {
  readonly callId: string
}

/** A row that settles a call by changing its entry. */
function settles<Task extends Settled>(
  letter: string,
  change: (tx: Transaction, call: CallEntry, asked: Task) => ModelResult,
): Owned<Task, CallView> {
  return {
    letter,
    async run(_, live, asked, by) {
      const { callId } = asked
      const view = (): CallView | undefined => callViews(live.state, live.journal).find(({ id }) => id === callId)
      const before = view()
      const result = await live.settleCall(callId as CallId, (tx, call) => {
        tx.performs(by)
        return change(tx, call, asked)
      })
      const state = result === undefined ? 'owed' : result.isError === true ? 'failed' : 'succeeded'
      // Its work may have gone on and ended meanwhile: then the ledger has forgotten the call.
      const found = view() ?? (before && { ...before, state })
      if (found !== undefined) return found
      throw new MeerkatError('not-found', `call ${callId} ended with its work`)
    },
    async again(core, sessionId, { callId }) {
      const { state, journal } = await core.stateAndJournal(sessionId)
      const found = callViews(state, journal).find(call => call.id === callId)
      if (found !== undefined) return found
      throw new MeerkatError('not-found', `call ${callId} was settled, and its work ended since`)
    },
  }
}

async function toolsAgain(core: Core, sessionId: string): Promise<StagedTools> {
  return revisionOf(await core.state(sessionId))
}

export const toolRows = {
  'tool/list': {
    needs: 'reader',
    async run(core, { sessionId }) {
      const { id, options } = await summaryOf(core.store, sessionId)
      const executor = core.serving.of(id)
      // A registered session is about to get an executor.
      if (executor === undefined && core.serving.peek(id) === undefined) throw noExecutor()
      return toolsView(executor, { id, options }, await core.state(id))
    },
  } satisfies Reader<'tool/list'>,
  'tool/filter': {
    needs: 'owner',
    letter: 'filterTools',
    task: (_, { sessionId: __, ...filter }) => filter,
    run: ({ serving }, live, filter, by) => filterTools(serving.of(live.id), live, filter, by),
    again: toolsAgain,
    answer: (_, staged) => staged,
  } satisfies Owner<'tool/filter', ToolFilterParams, StagedTools>,
  'tool/request': {
    needs: 'owner',
    letter: 'requestTools',
    task: (_, { sessionId: __, ...request }) => request,
    run: ({ serving }, live, request, by) => askForTools(serving.of(live.id), live, request, by),
    again: toolsAgain,
    answer: (_, staged) => staged,
  } satisfies Owner<'tool/request', ToolRequestParams, StagedTools>,
  'call/list': {
    needs: 'reader',
    plain: form(session),
    async run(core, { sessionId, state: wanted }) {
      const { state, journal } = await core.stateAndJournal(sessionId)
      return { calls: callViews(state, journal, wanted) }
    },
  } satisfies Reader<'call/list'>,
  'call/resolve': {
    needs: 'owner',
    ...settles<Settled & Resolution>('resolveCall', resolveCall),
    task: (_, { sessionId: __, ...asked }) => asked,
    answer: (_, call) => ({ call }),
  } satisfies Owner<'call/resolve', Settled & Resolution, CallView>,
  'approval/list': {
    needs: 'reader',
    plain: form(session),
    async run(core, { sessionId }) {
      const { state, journal } = await core.stateAndJournal(sessionId)
      return { approvals: approvalViews(state, journal) }
    },
  } satisfies Reader<'approval/list'>,
  'approval/decide': {
    needs: 'owner',
    ...settles<Settled & Decision>('decide', decide),
    task: (_, { sessionId: __, approvalId: callId, ...decision }) => ({ callId, ...decision }),
    answer: (_, call) => ({ call }),
  } satisfies Owner<'approval/decide', Settled & Decision, CallView>,
}
