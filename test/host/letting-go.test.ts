/** At the end everybody lets go: of what waits for peers, of executors, of hosts that don't answer. */
import { describe, expect, test } from 'vitest'
import type { CoreExecutor } from '../../src/executor/executor.ts'
import type { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { PeerCorrelationId } from '../../src/kernel/ids.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { answering, ephemeral, failure, S } from './support/machines.ts'

const X = '00000000-0000-7000-8000-000000000001' as PeerCorrelationId
const Y = '00000000-0000-7000-8000-000000000002' as PeerCorrelationId

/** A session with a request and two streams under way, and what its observers hear. */
async function waiting() {
  const machine = await ephemeral({ abortGraceMs: 5 })
  await machine.registerSessionWithExecutor(S, answering())
  const { peerInteraction, interactionStream } = await machine.prepareBindings(S)
  const heard: string[] = []
  peerInteraction.installCleanupObserver({ onPeerInteractionCleanup: id => heard.push(`request ${id}`) })
  interactionStream.installCleanupObserver({ onInteractionStreamCleanup: id => heard.push(`stream ${id}`) })
  await peerInteraction.requestSent(X)
  await interactionStream.reserved(X)
  await interactionStream.reserved(Y)
  return { machine, heard, peerInteraction, interactionStream }
}

const ALL = [`request ${X}`, `stream ${X}`, `stream ${Y}`]
const ENDS: Readonly<Record<string, (machine: MeerkatMachine) => Promise<unknown>>> = {
  unregister: machine => machine.unregisterSession(S),
  destroy: machine => machine.destroy(S),
  'destroy through the library': machine => machine.runtime.control(S, 'destroy'),
  'destroy and unregister': async machine => {
    await machine.destroy(S)
    await machine.unregisterSession(S)
  },
  close: machine => machine.close(),
}

describe('who waits for peers', () => {
  test.each(Object.entries(ENDS))('is let go once by %s', async (_, end) => {
    const { machine, heard } = await waiting()
    await end(machine)
    await machine.close()
    expect(heard.toSorted()).toEqual(ALL)
  })

  test('hears of a recovery that its streams are gone, and of its request when that ends', async () => {
    const { machine, heard, peerInteraction } = await waiting()
    await machine.recover(S)
    await Promise.resolve()
    expect(heard.toSorted()).toEqual([`stream ${X}`, `stream ${Y}`])
    await peerInteraction.responseTerminal(X, 'Completed')
    await machine.close()
    expect(heard.toSorted()).toEqual(ALL)
  })

  test('of what ended before hears nothing again', async () => {
    const { machine, heard, peerInteraction, interactionStream } = await waiting()
    await peerInteraction.requestTimedOut(X)
    await interactionStream.expired(X)
    await machine.unregisterSession(S)
    expect(heard.toSorted()).toEqual(ALL)
  })
})

describe('an executor', () => {
  test('is closed once with its machine, be it of several sessions', async () => {
    const machine = await ephemeral()
    let closed = 0
    const executor: CoreExecutor = { ...answering(), close: async () => void closed++ }
    await machine.registerSessionWithExecutor(S, executor)
    await machine.registerSessionWithExecutor('other' as typeof S, executor)
    await machine.unregisterSession(S)
    await machine.close()
    expect(closed).toBe(1)
  })

  test('that fails to close keeps nobody from closing', async () => {
    const machine = await ephemeral()
    const fails = (): never => {
      throw new Error('no')
    }
    await machine.registerSessionWithExecutor(S, { ...answering(), close: fails })
    await machine.close()
  })

  test('has its tools listed for its session', async () => {
    const machine = await ephemeral()
    const tools = () => [{ name: 'pay', description: 'pays', policy: 'ask' as const, needsApproval: false }]
    await machine.registerSessionWithExecutor(S, { ...answering(), tools })
    await machine.registerSession('other' as typeof S)
    expect(await machine.runtime.tools(S)).toMatchObject({ tools: [{ name: 'pay' }] })
    expect(await machine.runtime.tools('other')).toMatchObject({ tools: [] })
  })
})

test('reads of bindings whose session was let go answer what was true at the end', async () => {
  const { machine, peerInteraction, interactionStream } = await waiting()
  const { turnState, epochId } = await machine.prepareBindings(S)
  await machine.unregisterSession(S)
  const next = await machine.prepareBindings(S)
  expect(next.epochId).not.toBe(epochId)
  await next.peerInteraction.requestSent(Y)
  expect(peerInteraction.outboundState(Y)).toBeUndefined()
  expect(interactionStream.state(X)).toBeUndefined()
  expect(turnState.snapshot()).toMatchObject({ turnPhase: 'ready' })
  await machine.close()
  expect(next.peerInteraction.outboundState(Y)).toBe('Sent')
  await expect(next.peerInteraction.requestTimedOut(Y)).rejects.toMatchObject({ kind: 'no-matching-transition' })
})

test.each([
  ['never answers', () => new Promise<void>(() => {})],
  ['throws', () => Promise.reject(new Error('no'))],
])('a dispatcher that %s keeps nobody waiting', async (_, dispatch) => {
  const { ManualClock } = await import('meerkat-ts/testing')
  const clock = new ManualClock()
  const machine = await ephemeral({ clock })
  await machine.prepareBindings(S, { runtimeId: 'r' as never, fence: 1 })
  machine.setCompositionSignalDispatcher({ dispatch })
  const destroyed = machine.destroy(S)
  if (String(dispatch).includes('new Promise')) {
    await clock.waiting(5_000)
    clock.advance(5_000)
  }
  expect(await destroyed).toMatchObject({ phase: 'destroyed' })
})

test('a session that retires is retired for everybody, while its run goes on', async () => {
  const machine = await ephemeral()
  const executor = scriptedExecutor()
  await machine.registerSessionWithExecutor(S, executor)
  const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
  const run = await executor.next()
  expect(await machine.retire(S)).toMatchObject({ phase: 'retired' })
  expect(machine.runtimeState(S)).toBe('retired')
  expect(await machine.runtime.get(S)).toMatchObject({ phase: 'retired' })
  expect(await failure(machine.acceptInput(S, { content: 'y' }))).toMatchObject({
    code: 'not-ready',
    details: { phase: 'retired' },
  })
  run.answer('done')
  expect(await completion).toMatchObject({ status: 'consumed' })
})

test('options of a session that exists are its own: others are refused', async () => {
  const machine = await ephemeral()
  await machine.registerSession(S, { title: 'one' })
  await machine.registerSession(S)
  await machine.registerSession(S, { title: 'one' })
  expect(await failure(machine.registerSession(S, { title: 'other' }))).toMatchObject({ code: 'session-conflict' })
  await machine.unregisterSession(S)
  expect(await failure(machine.registerSession(S, { title: 'other' }))).toMatchObject({ code: 'session-conflict' })
})
