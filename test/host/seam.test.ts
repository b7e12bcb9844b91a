/** A mob and the sessions of a host, over the seam between them. */
import { describe, expect, test } from 'vitest'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { MachineAuthority } from '../../src/kernel/authority.ts'
import { appliesTo, CompositionDispatcher, commitThenDispatch, type Producer } from '../../src/kernel/composition.ts'
import type { AgentRuntimeId, SessionId } from '../../src/kernel/ids.ts'
import type { MobInput } from '../../src/kernel/mob/inputs.ts'
import { mob } from '../../src/kernel/mob/machine.ts'
import { memberOf } from '../../src/kernel/mob/roster/state.ts'
import { meerkatMobSeam, type SeamParties, type SessionRequest, type SessionSignal } from '../../src/kernel/mob/seam.ts'
import { identity, retireA, runtimeId, spawn } from '../kernel/support/mob-play.ts'
import { answering } from './support/machines.ts'

const S = 's' as SessionId
const OBSERVED = {
  RuntimeBound: 'ObserveRuntimeReady',
  RuntimeRetired: 'ObserveRuntimeRetired',
  RuntimeDestroyed: 'ObserveRuntimeDestroyed',
} as const
const PLACEMENT = { runtimeId: 'r' as AgentRuntimeId, fence: 1, generation: 1 }

test('a request reaches the session it is for, and no other', async () => {
  await using machine = await MeerkatMachine.ephemeral()
  await machine.registerSession(S)
  const epochId = machine.seam.epochOf(S)
  const surface = machine.seam.surface()
  const request = { type: 'PrepareBindings' as const, sessionId: S, ...PLACEMENT, ...(epochId && { epochId }) }
  expect(await surface.apply(request, 'elsewhere')).toMatchObject({ ok: false, code: 'routed_session_not_registered' })
  expect(await surface.apply(request, S)).toMatchObject({ ok: true, effects: [{ type: 'RuntimeBound' }] })
  expect(await surface.apply({ ...request, fence: 2 }, S)).toMatchObject({ ok: false, code: 'guard-rejected' })
})

describe('over the seam', () => {
  const hostile: Readonly<Record<string, unknown>> = {
    nothing: undefined,
    null: null,
    'a text': 'Retire',
    'no type': {},
    'a type of the prototype': { type: 'toString' },
    'what the host alone may ask': { type: 'Reset' },
    'an input': { type: 'AcceptInput', inputId: 'i', at: 0 },
    'another registration': { type: 'RegisterSession', sessionId: 'other' },
    'a stop': { type: 'StopRuntimeExecutor', reason: 'because' },
    'a run': { type: 'Prepare', runId: 'r', at: 0 },
    'work without a placement': { type: 'Ingest', workId: 'w', origin: 'Mob', sessionId: S },
    'a fence that is no number': { type: 'PrepareBindings', sessionId: S, ...PLACEMENT, fence: Number.NaN },
    'no runtime': { type: 'PrepareBindings', sessionId: S, ...PLACEMENT, runtimeId: '' },
    'more than the route has': { type: 'Retire', next: { type: 'Destroy' } },
  }

  test.each(Object.entries(hostile))('%s is refused by code, and the session is as it was', async (_, request) => {
    await using machine = await MeerkatMachine.ephemeral()
    await machine.registerSession(S)
    const applied: (request: unknown) => unknown = request => machine.seam.surface().apply(request as SessionRequest, S)
    expect(await applied(request)).toMatchObject({ ok: false, code: expect.stringMatching(/^routed_input_/) as string })
    expect(await machine.seam.apply(S, request as SessionRequest)).toMatchObject({ ok: false })
    expect(machine.runtimeState(S)).toBe('idle')
    expect(machine.listActiveInputs(S)).toEqual([])
  })

  test.each([
    { type: 'Retire', sessionId: 'other' },
    { type: 'Destroy', sessionId: 'other' },
    { type: 'PrepareBindings', sessionId: 'other', ...PLACEMENT },
    { type: 'Ingest', sessionId: 'other', ...PLACEMENT, workId: 'w', origin: 'Mob' },
  ])('$type for another session is refused where it arrives', async request => {
    await using machine = await MeerkatMachine.ephemeral()
    await machine.registerSession(S)
    const applied = await machine.seam.surface().apply(request as SessionRequest, S)
    expect(applied).toMatchObject({ ok: false, code: 'routed_session_mismatch' })
    expect(machine.runtimeState(S)).toBe('idle')
  })
})

test('a retirement that comes over it has what waits answered first, as one that is asked for here', async () => {
  await using machine = await MeerkatMachine.ephemeral()
  await machine.registerSessionWithExecutor(S, answering())
  const progress = { kind: 'peer-response-progress', origin: 'peer' } as const
  const { completion } = await machine.acceptInputWithCompletion(S, { content: 'half', ...progress })
  expect(await machine.seam.surface().apply({ type: 'Retire' }, S)).toMatchObject({ ok: true })
  expect(await completion).toMatchObject({ status: 'consumed' })
  expect(machine.runtimeState(S)).toBe('retired')
})

test('what becomes of a placement is told with its fence', async () => {
  await using machine = await MeerkatMachine.ephemeral()
  const told: SessionSignal[] = []
  machine.setCompositionSignalDispatcher({
    dispatch: (_, signal) => {
      told.push(signal)
      return Promise.resolve()
    },
  })
  const { epochId } = await machine.prepareBindings(S)
  await machine.prepareBindings(S, { ...PLACEMENT, ...(epochId && { epochId }) })
  await machine.retire(S)
  await machine.destroy(S)
  const about = { runtimeId: 'r', fence: 1 }
  expect(told).toEqual(['RuntimeBound', 'RuntimeRetired', 'RuntimeDestroyed'].map(type => ({ type, ...about })))
})

test('a mob places its member on a session, and hears when it is there and when it is gone', async () => {
  await using machine = await MeerkatMachine.ephemeral()
  await machine.registerSession(S)
  const authority = new MachineAuthority(mob)
  const producer: Producer<SeamParties, 'mob'> = {
    composition: meerkatMobSeam.name,
    party: 'mob',
    apply: appliesTo(authority),
  }
  const dispatcher = new CompositionDispatcher(meerkatMobSeam)
  dispatcher.register('meerkat', machine.seam.surface())
  const epochId = machine.seam.epochOf(S)
  const binding = { kind: 'ownerProvided', dispatcher, context: () => (epochId ? { epochId } : {}) } as const
  machine.setCompositionSignalDispatcher({
    dispatch: (_, { type, runtimeId: id, fence = 0 }) => {
      authority.apply({ type: OBSERVED[type], runtimeId: runtimeId(id), fence })
      return Promise.resolve()
    },
  })
  const say = async (...inputs: readonly MobInput[]) => {
    for (const input of inputs) {
      expect(await commitThenDispatch(binding, producer, input)).toMatchObject({ committed: { ok: true } })
    }
  }
  await say({ type: 'BindCoordinator' }, ...spawn('a', { session: S }))
  expect(memberOf(authority.state, { identity: identity('a') })?.standing).toEqual({
    marker: 'active',
    startup: 'ready',
  })
  expect(machine.runtimeState(S)).toBe('attached')
  await say(retireA)
  expect(memberOf(authority.state, { identity: identity('a') })).toBeUndefined()
  expect(machine.runtimeState(S)).toBe('retired')
})
