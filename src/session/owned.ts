/**
 * What only the owner of a session can do, as data: asked for here where this process owns it or may, else sent to the
 * process that does.
 *
 * Parameters and answers are plain JSON. A request that came as a letter is named by the commit that performs it, so a
 * letter that is read again after its reader died is only answered: `again` says what it came to.
 */

import { defined } from '../defined.ts'
import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import type { CallId, InputId, RunId, ScheduleId, SessionId } from '../kernel/ids.ts'
import { parkedWork } from '../kernel/owed.ts'
import type { CallEntry } from '../kernel/regions/calls/state.ts'
import { givenUpInputs } from '../kernel/regions/endings/table.ts'
import { entryOf } from '../kernel/regions/ledger/state.ts'
import { phaseShown } from '../kernel/regions/lifecycle/table.ts'
import { tell } from '../observer.ts'
import type { LetterId } from '../store/mail.ts'
import type { EndedRecord, Position } from '../store/records.ts'
import type { ControlOperation, RuntimeApi, ScheduleParams, SendParams } from './api.ts'
import { callViews, type Decision, decide, type Resolution, resolveCall, type Told } from './calls.ts'
import { cancel, control, sayCancelled } from './control.ts'
import type { Core } from './core.ts'
import { inputView } from './input-reader.ts'
import { admit, statusOf } from './inputs.ts'
import type { Ended, LiveSession } from './live-session.ts'
import { rowsOf } from './log-pages.ts'
import { type FinishRequest, finishOperation, operationView } from './operations.ts'
import { runView, summaryOf } from './reads.ts'
import { dropSchedule, makeSchedule, scheduleView } from './schedules.ts'
import { changeSettings, type SettingsUpdate } from './settings.ts'
import type { CallView, ControlReport, InputStatus, ScheduleView, SendAnswer } from './views.ts'

/** The letter whose request it is; none where this process asks. */
type Letter = LetterId | undefined

interface Owned<Params, Answer> {
  readonly act: (core: Core, live: LiveSession, params: Params, letter: Letter) => Promise<Answer>
  /** What a request that was performed before came to, with the commit `at`. */
  readonly again: (core: Core, sessionId: string, params: Params, at: Position) => Promise<Answer>
}

type SendRequest = Omit<SendParams, 'waitMs'> & { readonly inputId: InputId }

const send: Owned<SendRequest, SendAnswer> = {
  act: (core, live, params, letter) => {
    const { idempotencyKey: key } = params
    const now = (): Promise<SendAnswer> => sendNow(core, live, params, letter)
    return key === undefined ? now() : live.inKeyOrder(key, now)
  },
  again: async (core, sessionId, { inputId }) => {
    const { status, result } = await viewOf(core, sessionId, inputId)
    return { outcome: 'accepted', inputId, status, cursor: await acceptedAfter(core, inputId), ...defined({ result }) }
  },
}

/** The cursor behind which everything stands that concerns an input. */
async function acceptedAfter(core: Core, inputId: InputId): Promise<string> {
  const place = await core.store.locate(inputId)
  return String((place?.first ?? 1) - 1)
}

async function sendNow(
  core: Core,
  live: LiveSession,
  { inputId, ...params }: SendRequest,
  letter: Letter,
): Promise<SendAnswer> {
  const { idempotencyKey: key } = params
  const seen = key === undefined ? undefined : await core.store.key(live.id, key)
  let ended: Ended | undefined
  const off = live.onEnded(inputId, one => {
    ended = one
  })
  const before = live.driver.position
  const offeredAt = core.clock.monotonic()
  const mutation = (tx: Transaction): ReturnType<typeof admit> => {
    const admitted = admit(tx, live, inputId, params, seen)
    if (admitted.outcome === 'accepted') tx.performs(letter)
    return admitted
  }
  let admitted: ReturnType<typeof admit>
  try {
    admitted = await live.driver.mutate(mutation)
  } finally {
    off()
  }
  const durableMs = Math.round(core.clock.monotonic() - offeredAt)
  tell(core.observer, 'inputAccepted', () => ({ sessionId: live.id, inputId: admitted.inputId, durableMs }))
  if (core.faults !== undefined) await core.faults('session.acknowledge')
  if (admitted.outcome === 'deduplicated') {
    const { status, result } = await viewOf(core, live.id, admitted.inputId)
    const cursor = await acceptedAfter(core, admitted.inputId)
    return { ...admitted, status, ...(result && { result }), cursor }
  }
  const status: InputStatus = ended?.status ?? statusOf(entryOf(live.state.ledger, inputId))
  return { ...admitted, status, cursor: String(before), ...(ended?.result && { result: ended.result }) }
}

const viewOf = (core: Core, sessionId: string, inputId: string): ReturnType<typeof inputView> =>
  inputView(core.store, sessionId as LiveSession['id'], inputId, () => core.state(sessionId))

const withdraw: Owned<{ readonly inputId: InputId }, boolean> = {
  act: (_, live, { inputId }, letter) =>
    live.driver.mutate(tx => {
      tx.performs(letter)
      if (parkedWork(tx.state).includes(inputId)) sayCancelled(tx, live, inputId)
      return tx.try({ type: 'WithdrawInput', inputId }).ok
    }),
  again: async (core, sessionId, { inputId }) => (await viewOf(core, sessionId, inputId)).status === 'withdrawn',
}

type CancelParams = NonNullable<Parameters<RuntimeApi['cancel']>[1]> & { readonly parked?: readonly RunId[] }

const cancelRun: Owned<CancelParams, Awaited<ReturnType<RuntimeApi['cancel']>>> = {
  act: (core, live, params, letter) => cancel(live, core.store, params, letter),
  again: async (core, sessionId, { runId, queue }, at) => {
    const ended = await endedFrom(core, sessionId, at)
    const endedInputs = ended.map(({ id }) => id)
    const dropped = queue === 'drop' ? { dropped: ended.filter(({ status }) => status === 'abandoned').length } : {}
    const run = runId === undefined ? undefined : await runView(core.store, sessionId, runId).catch(() => undefined)
    const isHit = run?.state === 'cancelled' || run?.state === 'running'
    const cancelled = isHit || ended.some(({ status }) => status === 'withdrawn')
    const named = { ...defined({ runId: runId as RunId | undefined }), ...dropped, endedInputs }
    return cancelled ? { cancelled, ...named } : { cancelled, alreadyEnded: true, ...named }
  },
}

/** What a record ended, with what it gave up: until that has ended, each record that follows ends some of it. */
async function endedFrom(
  core: Core,
  sessionId: string,
  at: Position,
): Promise<readonly Pick<EndedRecord, 'id' | 'status'>[]> {
  const all: Pick<EndedRecord, 'id' | 'status'>[] = []
  for await (const { position, record } of rowsOf(core.store, { sessionId: sessionId as SessionId, after: at - 1 })) {
    if (position > at && record.steps?.some(({ type }) => type === 'EndGivenUp') !== true) return all
    all.push(...(record.ended ?? []))
  }
  const { endings } = await core.state(sessionId)
  const ended = new Set(all.map(({ id }) => id))
  const left = givenUpInputs(endings).filter(id => !ended.has(id))
  return [...all, ...left.map(id => ({ id, status: 'abandoned' as const }))]
}

const controlSession: Owned<{ readonly operation: ControlOperation }, ControlReport> = {
  act: (core, live, { operation }, letter) =>
    control(live, operation, core.clock, core.abortGraceMs + 2_000, { ids: core.ids, letter }),
  again: async (core, sessionId) => {
    const state = await core.state(sessionId)
    const { registration } = state
    const none = { inputsAbandoned: 0, inputsPendingDrain: 0, inputsTransferred: 0 }
    return { sessionId: registration.sessionId ?? (sessionId as LiveSession['id']), phase: phaseShown(state), ...none }
  },
}

type CallChange = { readonly callId: string }

function settles<Params extends CallChange>(
  change: (tx: Transaction, call: CallEntry, params: Params) => Told,
): Owned<Params, CallView> {
  return {
    act: async (_, live, params, letter) => {
      const { callId } = params
      const view = (): CallView | undefined => callViews(live.state, live.journal).find(({ id }) => id === callId)
      const before = view()
      const told = await live.settleCall(callId as CallId, (tx, call) => {
        tx.performs(letter)
        return change(tx, call, params)
      })
      const state = told === undefined ? 'owed' : told.isError === true ? 'failed' : 'succeeded'
      // Its work may have gone on and ended meanwhile.
      const found = view() ?? (before && { ...before, state })
      if (found !== undefined) return found
      throw new MeerkatError('not-found', `call ${callId} ended with its work`)
    },
    again: async (core, sessionId, { callId }) => {
      const { state, journal } = await core.stateAndJournal(sessionId)
      const found = callViews(state, journal).find(call => call.id === callId)
      if (found !== undefined) return found
      throw new MeerkatError('not-found', `call ${callId} was settled, and its work ended since`)
    },
  }
}

const schedule: Owned<ScheduleParams & { readonly scheduleId: ScheduleId }, ScheduleView> = {
  act: makeSchedule,
  again: (core, sessionId, { scheduleId }) => scheduleView(core, sessionId, scheduleId),
}

const unschedule: Owned<{ readonly scheduleId: ScheduleId }, boolean> = {
  act: dropSchedule,
  again: () => Promise.resolve(true),
}

const finish: Owned<FinishRequest, Awaited<ReturnType<typeof operationView>>> = {
  act: finishOperation,
  again: (core, sessionId, { operationId }) => operationView(core, sessionId, operationId),
}

const update: Owned<SettingsUpdate, number> = {
  act: (_, live, params, letter) =>
    live.driver.mutate(tx => {
      tx.performs(letter)
      return changeSettings(tx, live.record, params)
    }),
  again: async (core, sessionId) => (await summaryOf(core.store, sessionId)).revision ?? 1,
}

export const owned = {
  update,
  send,
  withdraw,
  cancel: cancelRun,
  control: controlSession,
  resolveCall: settles<CallChange & Resolution>(resolveCall),
  decide: settles<CallChange & Decision>(decide),
  schedule,
  unschedule,
  finishOperation: finish,
}

export type OwnedName = keyof typeof owned
export type OwnedParams<Name extends OwnedName> = Parameters<(typeof owned)[Name]['act']>[2]
export type OwnedAnswer<Name extends OwnedName> =
  (typeof owned)[Name] extends Owned<never, infer Answer> ? Answer : never

/** Performs a request here; fails with `not-owner` where somebody else alive owns the session. */
export async function perform<Name extends OwnedName>(
  core: Core,
  name: Name,
  sessionId: string,
  params: OwnedParams<Name>,
  letter?: LetterId,
): Promise<OwnedAnswer<Name>> {
  const { act, again } = owned[name] as unknown as Owned<OwnedParams<Name>, OwnedAnswer<Name>>
  return core.on(sessionId, async live => {
    const before = letter === undefined ? undefined : await core.store.locate(letter)
    if (before !== undefined) return again(core, sessionId, params, before.first)
    return act(core, live, params, letter)
  })
}
