/** A host and its machine: registration, executors, inputs, lifecycle, teardown. */
import { MeerkatError } from 'meerkat-ts'
import { afterEach, describe, expect, test } from 'vitest'
import type { CoreExecutor } from '../../src/executor/executor.ts'
import { bindingsFor, type RuntimeBuildMode, type SessionRuntimeBindings } from '../../src/host/bindings.ts'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { AgentRuntimeId, CallId, RuntimeEpochId, SessionId } from '../../src/kernel/ids.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { freshPath } from '../store/support/files.ts'

const S = 's' as SessionId
const T = 't' as SessionId

const machines: MeerkatMachine[] = []
async function machineOf(opening: Promise<MeerkatMachine>): Promise<MeerkatMachine> {
  const machine = await opening
  machines.push(machine)
  return machine
}
const ephemeral = (): Promise<MeerkatMachine> => machineOf(MeerkatMachine.ephemeral())
afterEach(async () => {
  await Promise.all(machines.splice(0).map(machine => machine.close()))
})

/** Answers each run with how many there were, and keeps what it was asked. */
function counting(): CoreExecutor & { readonly asked: string[] } {
  const asked: string[] = []
  return {
    name: 'counting',
    asked,
    apply: port => {
      asked.push(port.inputs.map(({ content }) => (typeof content === 'string' ? content : '')).join('+'))
      return Promise.resolve({
        type: 'completed',
        turn: 1,
        message: { role: 'assistant', content: `#${asked.length}` },
      })
    },
  }
}

/** Runs until it is let go or aborted. */
function gated(): CoreExecutor & { readonly running: Promise<void>; readonly open: () => void } {
  const running = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  return {
    name: 'gated',
    running: running.promise,
    open: gate.resolve,
    apply: async port => {
      running.resolve()
      const aborted = new Promise<never>((_, reject) => {
        port.signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true })
      })
      await Promise.race([gate.promise, aborted])
      return { type: 'completed', turn: 1, message: { role: 'assistant', content: 'done' } }
    },
  }
}

async function failure(act: Promise<unknown> | (() => unknown)): Promise<MeerkatError> {
  try {
    await (typeof act === 'function' ? act() : act)
  } catch (error) {
    if (error instanceof MeerkatError) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe('a registered session', () => {
  test('is contained, has an executor only once one is attached, and others are not there', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    await machine.registerSession(S)
    expect(machine.containsSession(S)).toBe(true)
    expect(machine.sessionHasExecutor(S)).toBe(false)
    expect(machine.runtimeState(S)).toBe('idle')
    expect(await machine.ensureSessionWithExecutor(S, counting)).toBe('Claimed')
    expect(machine.sessionHasExecutor(S)).toBe(true)
    expect(machine.containsSession(T)).toBe(false)
    expect(machine.sessionHasExecutor(T)).toBe(false)
    expect(await failure(() => machine.runtimeState(T))).toMatchObject({
      code: 'not-ready',
      details: { phase: 'destroyed' },
    })
  })

  test('is served once, however many ask for an executor', async () => {
    const machine = await ephemeral()
    let made = 0
    const make = async (): Promise<CoreExecutor> => {
      made++
      await Promise.resolve()
      return counting()
    }
    const claims = await Promise.all([1, 2, 3].map(() => machine.ensureSessionWithExecutor(S, make)))
    expect(claims.toSorted()).toEqual(['AlreadyClaimed', 'AlreadyClaimed', 'Claimed'])
    expect(made).toBe(1)
  })

  test('keeps inputs that came before its executor, and answers each in its own run', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const first = await machine.acceptInputWithCompletion(S, { content: 'one' })
    const second = await machine.acceptInputWithCompletion(S, { content: 'two' })
    expect(machine.listActiveInputs(S).map(({ id }) => id)).toEqual([first.inputId, second.inputId])
    expect(machine.inputState(S, first.inputId)?.status).toBe('queued')
    const executor = counting()
    await machine.registerSessionWithExecutor(S, executor)
    expect(await first.completion).toMatchObject({ status: 'consumed', result: { text: '#1' } })
    expect(await second.completion).toMatchObject({ status: 'consumed', result: { text: '#2' } })
    expect(executor.asked).toEqual(['one', 'two'])
    expect(machine.listActiveInputs(S)).toEqual([])
    expect(await machine.input(S, { inputId: first.inputId })).toMatchObject({ status: 'consumed' })
  })

  test('answers one key once', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const first = await machine.acceptInput(S, { content: 'one', idempotencyKey: 'k' })
    expect(await machine.acceptInput(S, { content: 'one', idempotencyKey: 'k' })).toEqual({
      outcome: 'deduplicated',
      inputId: first.inputId,
    })
  })

  test('lets a passive input wait until something wakes it', async () => {
    const machine = await ephemeral()
    const executor = counting()
    await machine.registerSessionWithExecutor(S, executor)
    await machine.acceptInputWithoutWake(S, { content: 'passive' })
    expect(executor.asked).toEqual([])
    const waking = await machine.acceptInputWithCompletion(S, { content: 'waking' })
    await waking.completion
    expect(executor.asked.join()).toContain('waking')
  })
})

describe('lifecycle', () => {
  test('a reset without an executor gives inputs up, and their waiters hear of it', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'one' })
    expect(await machine.reset(S)).toMatchObject({ inputsAbandoned: 1 })
    expect(await completion).toMatchObject({ status: 'abandoned', reason: 'reset' })
    expect(machine.runtimeState(S)).toBe('idle')
  })

  test('a recycle keeps what waits, in its order', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    for (const content of ['one', 'two']) await machine.acceptInput(S, { content })
    expect(await machine.recycle(S)).toMatchObject({ inputsTransferred: 2, inputsAbandoned: 0 })
    const executor = counting()
    await machine.registerSessionWithExecutor(S, executor)
    const last = await machine.acceptInputWithCompletion(S, { content: 'three' })
    await last.completion
    expect(executor.asked).toEqual(['one', 'two', 'three'])
  })

  test('a stop leaves no executor behind, and another one revives the session', async () => {
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(S, counting())
    expect(await machine.stopRuntimeExecutor(S)).toMatchObject({ phase: 'stopped' })
    expect(machine.sessionHasExecutor(S)).toBe(false)
    expect(await failure(machine.acceptInput(S, { content: 'one' }))).toMatchObject({ code: 'not-ready' })
    expect(await machine.ensureSessionWithExecutor(S, counting)).toBe('Claimed')
    expect(machine.runtimeState(S)).toBe('attached')
  })

  test('a hard cancel ends the run it means and no other', async () => {
    const machine = await ephemeral()
    const executor = gated()
    await machine.registerSessionWithExecutor(S, executor)
    const sent = await machine.acceptInputWithCompletion(S, { content: 'one' })
    await executor.running
    expect(await machine.hardCancelCurrentRun(S, 'another' as never)).toBe(false)
    expect(await machine.hardCancelCurrentRun(S)).toBe(true)
    expect(await sent.completion).toMatchObject({ result: { outcome: 'cancelled' } })
    expect(machine.runtimeState(S)).toBe('attached')
  })

  test('a cancel at the boundary needs somebody who runs', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    expect(await failure(machine.cancelAfterBoundary(S))).toMatchObject({
      code: 'not-ready',
      details: { phase: 'idle' },
    })
  })

  test('a cancel at the boundary ends work that waits for a person, as every cancel does', async () => {
    const machine = await ephemeral()
    const asking: CoreExecutor = {
      name: 'asking',
      async apply(port) {
        const callId = 'c' as CallId
        const part = { type: 'tool-call', callId, name: 'pay', args: {} } as const
        const call = { callId, tool: 'pay', policy: 'ask', needsApproval: true } as const
        await port.intend({ turn: 1, message: { role: 'assistant', content: [part] }, calls: [call] })
        return { type: 'parked' }
      },
    }
    await machine.registerSessionWithExecutor(S, asking)
    expect(await failure(machine.cancelAfterBoundary(S))).toMatchObject({
      details: { context: 'meerkat/run/CancelAfterBoundary' },
    })
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'pay' })
    for (let after = '0'; machine.runtimeState(S) !== 'attached' || after === '0'; ) {
      after = (await machine.runtime.events({ sessionId: S, after, waitMs: 5_000 })).cursor
    }
    await machine.cancelAfterBoundary(S)
    expect(await completion).toMatchObject({ status: 'withdrawn' })
    expect(await failure(machine.cancelAfterBoundary(S))).toMatchObject({ code: 'rejected' })
  })

  test('a destroyed session takes nothing more', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    await machine.destroy(S)
    expect(machine.runtimeState(S)).toBe('destroyed')
    expect(await failure(machine.acceptInput(S, { content: 'one' }))).toMatchObject({ code: 'not-ready' })
    expect(await failure(machine.ensureSessionWithExecutor(S, counting))).toMatchObject({ code: 'not-ready' })
  })
})

describe('bindings', () => {
  test('are the same for the same session, in one epoch, and other sessions have others', async () => {
    const machine = await ephemeral()
    const first = await machine.prepareBindings(S)
    expect(await machine.prepareLocalSessionBindings(S)).toBe(first)
    expect((await machine.prepareBindings(T)).epochId).not.toBe(first.epochId)
    expect(bindingsFor(S, { mode: 'SessionOwned', bindings: first })).toBe(first)
  })

  test('of another session, or of nobody, build no agent', async () => {
    const machine = await ephemeral()
    const bindings = await machine.prepareBindings(S)
    expect(await failure(() => bindingsFor(T, { mode: 'SessionOwned', bindings }))).toMatchObject({
      code: 'invalid-params',
    })
    const theirs = await machine.prepareBindings(T)
    for (const [whose, forged] of [
      [S, { ...bindings }],
      [T, { ...bindings, sessionId: T }],
      [T, { ...theirs, turnState: bindings.turnState }],
      [T, Object.create(theirs, { turnState: { value: bindings.turnState } })],
      [S, new Proxy(bindings, {})],
      [S, { ...bindings, runtimeAuthority: { of: 'meerkat-machine' as const } }],
      [S, bindingsFor(S, { mode: 'StandaloneEphemeral' })],
      [S, null],
      [S, undefined],
      [S, 'bindings'],
    ] as readonly (readonly [SessionId, SessionRuntimeBindings])[]) {
      expect(await failure(() => bindingsFor(whose, { mode: 'SessionOwned', bindings: forged }))).toMatchObject({
        code: 'invalid-params',
      })
    }
    for (const build of [null, undefined, 7, {}, { mode: 'Bogus', bindings }]) {
      expect(await failure(() => bindingsFor(S, build as RuntimeBuildMode))).toMatchObject({ code: 'invalid-params' })
    }
  })

  test('stand alone where no machine is', async () => {
    const bindings = bindingsFor(S, { mode: 'StandaloneEphemeral' })
    expect(await bindings.sessionContext.contextAdvanced(5)).toBe(true)
    expect(bindings.sessionContext.currentWatermarkMs()).toBe(5)
  })

  test('placed once are told of once, and work for another placement is refused', async () => {
    const machine = await ephemeral()
    const signals: string[] = []
    machine.setCompositionSignalDispatcher({
      dispatch: (_, { type }) => {
        signals.push(type)
        return Promise.resolve()
      },
    })
    const { epochId } = await machine.prepareBindings(S)
    const placement = { runtimeId: 'r' as AgentRuntimeId, fence: 1, generation: 1, ...(epochId && { epochId }) }
    await machine.prepareBindings(S, placement)
    await machine.prepareBindings(S, placement)
    expect(signals).toEqual(['RuntimeBound'])
    const work = { ...placement, workId: 'w', origin: 'Mob' as const }
    expect(await machine.ingest(S, work, { content: 'do it' })).toMatchObject({ outcome: 'accepted' })
    expect(await machine.ingest(S, work, { content: 'do it' })).toMatchObject({ outcome: 'deduplicated' })
    const refused = await failure(machine.ingest(S, { ...work, fence: 2 }, { content: 'do it' }))
    expect(refused).toMatchObject({ code: 'rejected' })
    await machine.retire(S)
    expect(signals).toEqual(['RuntimeBound', 'RuntimeRetired'])
  })
})

describe('a teardown', () => {
  test('answers what waits, closes the handles, and leaves nobody', async () => {
    const machine = await ephemeral()
    const { sessionContext, turnState } = await machine.prepareBindings(S)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'one' })
    expect(await machine.unregisterSession(S)).toBe(true)
    expect(await completion).toMatchObject({ status: 'abandoned' })
    expect(machine.containsSession(S)).toBe(false)
    expect(await machine.unregisterSession(S)).toBe(false)
    await expect(sessionContext.contextAdvanced(9)).rejects.toMatchObject({ kind: 'no-matching-transition' })
    expect(turnState.snapshot().turnPhase).toBe('ready')
  })

  test('cuts off a run that does not end, and its drain', async () => {
    const machine = await machineOf(MeerkatMachine.ephemeral({ abortGraceMs: 50 }))
    const executor = gated()
    await machine.registerSessionWithExecutor(S, executor)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'one' })
    await executor.running
    await machine.unregisterSession(S, { graceMs: 20 })
    expect((await completion).status).not.toBe('queued')
    expect(machine.containsSession(S)).toBe(false)
  })

  test('that is late leaves a new registration alone', async () => {
    const machine = await ephemeral()
    const old = await machine.prepareBindings(S)
    await machine.unregisterSession(S)
    const fresh = await machine.prepareBindings(S)
    expect(fresh.epochId).not.toBe(old.epochId)
    expect(await machine.unregisterSessionIfEpoch(S, old.epochId as RuntimeEpochId)).toBe(false)
    expect(machine.containsSession(S)).toBe(true)
    await expect(old.sessionContext.contextAdvanced(9)).rejects.toMatchObject({ kind: 'no-matching-transition' })
    expect(await fresh.sessionContext.contextAdvanced(9)).toBe(true)
  })
})

describe('persistence', () => {
  test('is shared by machines over one store, and by those that have none', async () => {
    const path = freshPath()
    const onStore = (): Promise<MeerkatMachine> => machineOf(MeerkatMachine.persistent(sqlite(path)))
    const [a, b, c, d] = await Promise.all([onStore(), onStore(), ephemeral(), ephemeral()])
    expect([a.hasRuntimePersistence(), c.hasRuntimePersistence()]).toEqual([true, false])
    expect(a.sharesRuntimePersistenceWith(b)).toBe(true)
    expect(c.sharesRuntimePersistenceWith(d)).toBe(true)
    expect(a.sharesRuntimePersistenceWith(c)).toBe(false)
  })

  test('what was accepted is answered by the next machine', async () => {
    const path = freshPath()
    const first = await MeerkatMachine.persistent(sqlite(path))
    await first.registerSession(S)
    const { inputId } = await first.acceptInput(S, { content: 'one', idempotencyKey: 'k' })
    await first.close()
    const second = await machineOf(MeerkatMachine.persistent(sqlite(path)))
    await second.registerSession(S)
    expect(second.listActiveInputs(S).map(({ id }) => id)).toEqual([inputId])
    await second.registerSessionWithExecutor(S, counting())
    const again = await second.acceptInputWithCompletion(S, { content: 'one', idempotencyKey: 'k' })
    expect(again).toMatchObject({ outcome: 'deduplicated', inputId })
    expect(await again.completion).toMatchObject({ status: 'consumed' })
  })

  test('without files refuses them', async () => {
    const machine = await machineOf(MeerkatMachine.persistentWithoutBlobs(sqlite(freshPath())))
    await machine.registerSession(S)
    const content = [{ type: 'file' as const, mediaType: 'image/png', data: 'AAAA' }]
    expect(await failure(() => machine.acceptInput(S, { content }))).toMatchObject({ code: 'unsupported' })
    expect(await machine.acceptInput(S, { content: 'text' })).toMatchObject({ outcome: 'accepted' })
  })
})

test('a command is given by its name, and answers and refuses as what it stands for', async () => {
  const machine = await ephemeral()
  await machine.command('RegisterSession', { sessionId: S })
  expect(await machine.command('ContainsSession', { sessionId: S })).toBe(true)
  const { inputId } = await machine.command('AcceptWithoutWake', { sessionId: S, input: { content: 'one' } })
  expect(await machine.command('InputState', { sessionId: S, inputId })).toMatchObject({ status: 'queued' })
  expect(await machine.command('Retire', { sessionId: S })).toMatchObject({ phase: 'retired' })
  expect(await failure(machine.command('RuntimeState', { sessionId: T }))).toMatchObject({ code: 'not-ready' })
})

test('a placement that the session can not take has no bindings', async () => {
  const machine = await ephemeral()
  const { epochId } = await machine.prepareBindings(S)
  const placement = { runtimeId: 'r' as AgentRuntimeId, fence: 1, ...(epochId && { epochId }) }
  await machine.prepareBindings(S, placement)
  await expect(machine.prepareBindings(S, { ...placement, fence: 2 })).rejects.toMatchObject({ kind: 'PrepareFailed' })
})
