/** What the small runtime answers each operation, by its methods. */
import type { Runtime } from '../../../src/session/runtime.ts'
import type { CallContext } from '../../../src/surfaces/operation.ts'
import type { OperationName } from '../../../src/surfaces/operations.ts'
import type { EventsParams, FakeRuntime } from './fake-runtime.ts'

type Answering = {
  readonly [Name in OperationName]: (
    fake: FakeRuntime,
    // Each knows the parameters that its operation takes: they were checked.
    params: never,
    context: CallContext,
  ) => object | Promise<object>
}

type Of = { readonly sessionId: string }
type Named<Field extends string> = Of & { readonly [Name in Field]: string }
type Given<Method extends 'send' | 'resolveCall' | 'decide' | 'finishOperation' | 'schedule'> = Of &
  Parameters<Runtime[Method]>[Method extends 'send' | 'schedule' ? 1 : 2]

const control =
  (word: string) =>
  (fake: FakeRuntime, { sessionId }: Of) =>
    fake.control(sessionId, word)

export const ANSWERS: Answering = {
  'runtime/info': fake => fake.info(),
  'runtime/health': fake => fake.health(),
  'session/open': async (fake, params: Parameters<FakeRuntime['open']>[0]) => ({ session: await fake.open(params) }),
  'session/update': async (fake, { sessionId, ...changes }: Of) => ({ session: await fake.update(sessionId, changes) }),
  'session/get': async (fake, { sessionId }: Of) => ({ session: await fake.get(sessionId) }),
  'session/list': async (fake, params: Parameters<Runtime['list']>[0]) => {
    const { items: sessions, ...next } = await fake.list(params)
    return { sessions, ...next }
  },
  'session/history': (fake, { sessionId, ...page }: Of) => fake.history(sessionId, page),
  'session/fork': async (fake, { sessionId, ...how }: Of) => ({ session: await fake.fork(sessionId, how) }),
  'session/explain': (fake, { sessionId }: Of) => fake.explain(sessionId),
  'session/audit': (fake, { sessionId }: Of) => fake.audit(sessionId),
  'session/stop': control('stop'),
  'session/resume': control('resume'),
  'session/retire': control('retire'),
  'session/reset': control('reset'),
  'session/recycle': control('recycle'),
  'session/destroy': control('destroy'),
  'input/send': async (fake, { sessionId, waitMs = 0, ...params }: Given<'send'>, { signal }) => {
    const sent = await fake.send(sessionId, params)
    return waitMs === 0 ? sent : { ...sent, ...(await fake.wait(sessionId, sent.inputId, waitMs, signal)) }
  },
  'input/get': async (fake, { sessionId, ...by }: Of) => ({ input: await fake.input(sessionId, by) }),
  'input/list': async (fake, { sessionId, ...page }: Of) => {
    const { items: inputs, ...next } = await fake.inputs(sessionId, page)
    return { inputs, ...next }
  },
  'input/withdraw': (fake, { sessionId, inputId }: Named<'inputId'>) => fake.withdraw(sessionId, inputId),
  'input/wait': (fake, asked: Named<'inputId'> & { readonly waitMs: number }, { signal }) =>
    fake.wait(asked.sessionId, asked.inputId, asked.waitMs, signal),
  'run/cancel': (fake, { sessionId, ...what }: Of) => fake.cancel(sessionId, what),
  'run/list': async (fake, { sessionId }: Of) => ({ runs: (await fake.runs(sessionId)).items }),
  'run/get': (fake, { sessionId, runId }: Named<'runId'>) => fake.run(sessionId, runId),
  'events/read': (fake, params: EventsParams, { signal }) => fake.events(signal ? { ...params, signal } : params),
  'tool/list': (fake, { sessionId }: Of) => fake.tools(sessionId),
  'tool/filter': fake => fake.filterTools(),
  'tool/request': fake => fake.requestTools(),
  'model/get': (fake, { sessionId }: Of) => fake.model(sessionId),
  'model/set': (fake, { sessionId, model }: Named<'model'>) => fake.setModel(sessionId, { model }),
  'model/switch': (fake, { sessionId, ...asked }: Of & { readonly model: string; readonly turns: number }) =>
    fake.switchModel(sessionId, asked),
  'call/list': async (fake, { sessionId, ...filter }: Of) => ({ calls: await fake.calls(sessionId, filter) }),
  'call/resolve': async (fake, { sessionId, callId, ...how }: Given<'resolveCall'> & Named<'callId'>) => ({
    call: await fake.resolveCall(sessionId, callId, how),
  }),
  'approval/list': async (fake, { sessionId }: Of) => ({ approvals: await fake.approvals(sessionId) }),
  'approval/decide': async (fake, { sessionId, approvalId, ...how }: Given<'decide'> & Named<'approvalId'>) => ({
    call: await fake.decide(sessionId, approvalId, how),
  }),
  'schedule/create': async (fake, { sessionId, ...params }: Given<'schedule'>) => ({
    schedule: await fake.schedule(sessionId, params),
  }),
  'schedule/list': async (fake, { sessionId }: Of) => ({ schedules: await fake.schedules(sessionId) }),
  'schedule/cancel': (fake, { sessionId, scheduleId }: Named<'scheduleId'>) => fake.unschedule(sessionId, scheduleId),
  'operation/list': async (fake, { sessionId }: Of) => ({ operations: await fake.operations(sessionId) }),
  'operation/get': async (fake, { sessionId, operationId }: Named<'operationId'>) => ({
    operation: await fake.operation(sessionId, operationId),
  }),
  'operation/finish': async (
    fake,
    { sessionId, operationId, ...how }: Given<'finishOperation'> & Named<'operationId'>,
  ) => ({ operation: await fake.finishOperation(sessionId, operationId, how) }),
  'operation/cancel': async (fake, { sessionId, operationId }: Named<'operationId'>) => ({
    operation: await fake.finishOperation(sessionId, operationId, { outcome: 'cancelled' }),
  }),
  'store/prune': (fake, params: { readonly dryRun?: boolean }) => fake.prune(params),
  'blob/get': (fake, { sessionId, digest }: Named<'digest'>) => fake.blob(sessionId, digest),
}
