/** Whoever comes while a host leaves gets one answer, at whatever moment: ask again afterwards. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { asMeerkatError, type MeerkatError } from '../../src/errors.ts'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { CommsRuntimeId, LiveChannelId, RuntimeEpochId } from '../../src/kernel/ids.ts'
import { freshStore, STORES } from '../session/support.ts'
import { answering, failure, S } from './support/machines.ts'

const IDENTITY = { model: 'm', provider: 'p' }

/** How often the moment is tried: what a teardown waits for comes sooner or later. */
const ROUNDS = 8

/** What a host may ask of a registered session, besides what only a handle can. */
const ASKS: Readonly<Record<string, (machine: MeerkatMachine, n: number) => Promise<unknown>>> = {
  accept: machine => machine.acceptInput(S, { content: 'x' }),
  'accept with a key': (machine, n) => machine.acceptInput(S, { content: 'x', idempotencyKey: `k${n}` }),
  'accept with completion': machine => machine.acceptInputWithCompletion(S, { content: 'x' }),
  'accept quietly': machine => machine.acceptInputWithoutWake(S, { content: 'x' }),
  wake: machine => machine.wakeRuntimeIfActiveInputs(S),
  publish: machine => machine.publishEvent(S, { name: 'host.says', data: {} }),
  silence: machine => machine.setSessionSilentIntents(S, ['a']),
  cancel: machine => machine.cancelAfterBoundary(S),
  'cancel now': machine => machine.hardCancelCurrentRun(S),
  retire: machine => machine.retire(S),
  stop: machine => machine.stopRuntimeExecutor(S),
  recover: machine => machine.recover(S),
  register: machine => machine.registerSession(S),
  'set the model': machine => machine.models.hydrateSessionLlmState(S, { identity: IDENTITY }),
  'set the baseline': machine => machine.models.configureModelRoutingBaseline(S, { model: 'm', realtime: true }),
  'attach the ingress': machine => machine.drains.attachSessionIngress(S, 'c' as CommsRuntimeId),
  'attach live': machine => machine.realtime.attachLive(S),
  'say what is wanted': machine => machine.realtime.projectRealtimeAttachmentIntent(S, true),
  'open a channel': machine => machine.live.resolveOpenAdmission(S, 'c' as LiveChannelId, IDENTITY),
  operation: async machine => machine.opsLifecycleRegistry(S).register({ kind: 'background-tool-op', title: 'job' }),
}

async function hostOn(kind: (typeof STORES)[number]): Promise<MeerkatMachine> {
  const machine = await MeerkatMachine.persistent(freshStore(kind), { abortGraceMs: 20 })
  onTestFinished(() => machine.close())
  return machine
}

describe.each(STORES)('while a host leaves (%s)', kind => {
  test.each(Object.keys(ASKS))('"%s" is done before, or is told to come again', async name => {
    const machine = await hostOn(kind)
    const refusals: MeerkatError[] = []
    for (let round = 0; round < ROUNDS; round++) {
      await machine.registerSessionWithExecutor(S, answering())
      const over = new AbortController()
      const left = machine.unregisterSession(S).finally(() => over.abort())
      const asked: Promise<unknown>[] = []
      while (!over.signal.aborted) {
        const n = asked.length
        const refused = (error: unknown): number => refusals.push(asMeerkatError(error))
        asked.push(ASKS[name]?.(machine, n).catch(refused) ?? Promise.resolve())
        for (let tick = 0; tick < (round + n) % 4; tick++) await Promise.resolve()
        if (n % 3 === 2) await setImmediate()
      }
      await left
      await Promise.all(asked)
      expect(machine.containsSession(S)).toBe(false)
    }
    expect(refusals.filter(({ code }) => code !== 'not-ready')).toEqual([])
    // Nothing was taken in for whoever comes next.
    const { items } = await machine.runtime.inputs(S, { status: 'queued' })
    expect(items).toEqual([])
    expect((await machine.runtime.operations(S)).filter(({ status }) => status === 'running')).toEqual([])
  })
})

test('a host that leaves while it resets has left', async () => {
  const machine = await hostOn('memory')
  await machine.registerSessionWithExecutor(S, answering())
  const [, left] = await Promise.all([machine.reset(S), machine.unregisterSession(S)])
  expect(left).toBe(true)
  expect(machine.containsSession(S)).toBe(false)
  expect(await failure(machine.acceptInput(S, { content: 'x' }))).toMatchObject({ code: 'not-ready' })
})

test('operations of a registration that has ended reach none that comes after it', async () => {
  const machine = await hostOn('memory')
  await machine.registerSessionWithExecutor(S, answering())
  const old = machine.opsLifecycleRegistry(S)
  await old.register({ kind: 'background-tool-op', title: 'job' })
  await machine.unregisterSession(S)
  await machine.registerSessionWithExecutor(S, answering())
  expect(await failure(old.register({ kind: 'background-tool-op', title: 'late' }))).toMatchObject({
    code: 'not-ready',
  })
  const now = machine.opsLifecycleRegistry(S)
  expect(now.list()).toEqual([])
  await now.register({ kind: 'background-tool-op', title: 'of the new one' })
  expect(old.list()).toEqual([])
})

test('a reset while the host leaves begins no epoch that would stop it', async () => {
  const machine = await hostOn('memory')
  await machine.registerSessionWithExecutor(S, answering())
  const { epochId = '' as RuntimeEpochId } = await machine.prepareBindings(S)
  const drained = Promise.withResolvers<'Dismissed'>()
  await machine.drains.spawn(S, 'Timed', () => drained.promise)
  const left = machine.unregisterSessionIfEpoch(S, epochId)
  const isLeaving = async (): Promise<boolean> =>
    (await machine.runtime.explain(S)).waitingFor.some(({ guard }) => guard === 'not-draining')
  while (!(await isLeaving())) await Promise.resolve()
  await machine.reset(S)
  drained.resolve('Dismissed')
  expect(await left).toBe(true)
  expect(machine.containsSession(S)).toBe(false)
})

test('methods that answer later reject for a session that nobody registered, and never throw at once', async () => {
  const machine = await hostOn('memory')
  const asked = Object.entries(ASKS).filter(([name]) => name !== 'register')
  const answers = asked.map(([, ask]) => ask(machine, 0))
  for (const answer of answers) expect(await failure(answer)).toMatchObject({ code: 'not-ready' })
})
