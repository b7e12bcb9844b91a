/** A runtime and a machine are two names of one thing: what one serves is there on the other, and on every surface. */

import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { createClient } from '../../src/client/index.ts'
import { agent, tool } from '../../src/executor/agent/index.ts'
import type { RunPort } from '../../src/executor/executor.ts'
import type { SessionRuntimeBindings } from '../../src/host/bindings.ts'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import type { AgentRuntimeId, SessionId } from '../../src/kernel/ids.ts'
import type { Runtime } from '../../src/session/runtime.ts'
import { serve } from '../../src/surfaces/server.ts'
import { serveStdio } from '../../src/surfaces/stdio.ts'
import { Random } from '../../src/testing/sim/random.ts'
import { failureOf, freshStore, STORES, start, until } from '../session/support.ts'
import { scriptOf } from '../support/scripted-model.ts'
import { RpcPeer } from '../surfaces/support/rpc-peer.ts'
import { answering, S } from './support/machines.ts'

const byAgent = () => agent({ model: scriptOf([{ say: 'by the agent' }]) })

/** Answers each run with these words, by this name. */
const saying = (text: string) => ({
  name: text,
  apply: () => Promise.resolve({ type: 'completed' as const, message: { role: 'assistant' as const, content: text } }),
  tools: () => [{ name: `${text}-tool`, policy: 'retry' as const, needsApproval: false }],
})

async function answerOf(runtime: Runtime, sessionId: string): Promise<string | undefined> {
  const { result } = await runtime.send(sessionId, { content: 'who are you?', waitMs: 15_000 })
  return result?.text
}

async function machineWith(options: Parameters<typeof MeerkatMachine.ephemeral>[0]): Promise<MeerkatMachine> {
  const machine = await MeerkatMachine.ephemeral({ abortGraceMs: 50, ...options })
  onTestFinished(() => machine.close())
  return machine
}

test('a host serves one session, the shipped agent the others, and every surface reaches both', async () => {
  const machine = await machineWith({ executor: byAgent() })
  await machine.registerSessionWithExecutor(S, saying('own'))
  await using server = await serve({ runtime: machine.runtime, port: 0, log: () => {} })
  const { call, events } = createClient({ url: server.url })
  await call('session/open', { sessionId: 'other' })
  const answers = [S, 'other'].map(sessionId => call('input/send', { sessionId, content: 'hi', waitMs: 15_000 }))
  const [own, other] = await Promise.all(answers)
  expect([own?.result?.text, other?.result?.text]).toEqual(['own', 'by the agent'])
  const tools = async (sessionId: string) => (await call('tool/list', { sessionId })).tools.map(({ name }) => name)
  expect(await tools(S)).toEqual(['own-tool'])
  expect(await tools('other')).toEqual([])
  expect(await call('runtime/info', {})).toMatchObject({ executor: 'agent (test/scripted), own' })
  expect((await call('session/list', {})).sessions.map(({ id }) => id)).toEqual(['other', S])
  const seen: string[] = []
  for await (const { type } of events({ sessionId: S })) {
    seen.push(type)
    if (type === 'input.consumed') break
  }
  expect(seen).toContain('run.started')
  expect(await call('session/stop', { sessionId: S })).toMatchObject({ phase: 'stopped' })
  expect(machine.sessionHasExecutor(S)).toBe(false)
  // A session that was stopped is served again by the executor there is.
  await call('session/resume', { sessionId: S })
  expect((await call('input/send', { sessionId: S, content: 'hi', waitMs: 15_000 })).result?.text).toBe('by the agent')
})

test('a session that a surface opened is the host’s afterwards, and the runtime’s again when the host leaves it', async () => {
  const runtime = await start({ executor: byAgent() })
  const machine = await MeerkatMachine.over(runtime)
  expect(machine.runtime).toBe(runtime)
  expect(await MeerkatMachine.over(runtime)).toBe(machine)
  await runtime.open({ sessionId: S })
  expect(await answerOf(runtime, S)).toBe('by the agent')
  expect(await machine.registerSessionWithExecutor(S, saying('own'))).toBe('Claimed')
  expect(await answerOf(runtime, S)).toBe('own')
  const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
  expect(await completion).toMatchObject({ status: 'consumed', result: { text: 'own' } })
  expect(await machine.unregisterSession(S)).toBe(true)
  expect(await answerOf(runtime, S)).toBe('by the agent')
})

test('a run that goes on ends with the executor that began it', async () => {
  const began = Promise.withResolvers<void>()
  const over = Promise.withResolvers<void>()
  const slow = async (port: RunPort) => {
    began.resolve()
    await over.promise
    return { type: 'completed' as const, message: { role: 'assistant' as const, content: `slow ${port.sessionId}` } }
  }
  const runtime = await start({ executor: { name: 'slow', apply: slow } })
  const session = await runtime.sessions.open('s')
  const first = await session.send('one')
  await began.promise
  await runtime.serve('s', saying('own'))
  const second = await session.send('two')
  over.resolve()
  expect([(await first.result).text, (await second.result).text]).toEqual(['slow s', 'own'])
})

test('inputs of a session without an executor wait, and are answered once it is given one', async () => {
  const runtime = await start({})
  await runtime.open({ sessionId: 's' })
  const { inputId } = await runtime.send('s', { content: 'hi' })
  expect(await runtime.explain('s')).toMatchObject({ waitingFor: [{ guard: 'executor-attached' }] })
  expect(await failureOf(runtime.tools('s'))).toMatchObject({ code: 'unsupported' })
  await using served = await runtime.serve('s', saying('own'))
  expect(await runtime.wait('s', inputId, 15_000)).toMatchObject({ result: { text: 'own' } })
  expect((await runtime.tools('s')).tools).toHaveLength(1)
  expect(served.sessionId).toBe('s')
})

test('how an executor’s service ends is told', async () => {
  const runtime = await start({ executor: saying('default') })
  for (const id of ['left', 'stopped', 'reset', 'closed', 'none']) await runtime.open({ sessionId: id })
  expect(await failureOf(runtime.serve('nowhere', answering()))).toMatchObject({ code: 'session-not-found' })
  expect(await failureOf(runtime.serve('none', {} as never))).toMatchObject({ code: 'invalid-params' })
  const own = saying('own')
  const left = await runtime.serve('left', own)
  expect(await failureOf(runtime.serve('left', own))).toMatchObject({ code: 'conflict' })
  await left.end()
  await left.end()
  expect(await left.ended).toBe('left')
  await runtime.serve('left', own)
  const stopped = await runtime.serve('stopped', own)
  await runtime.control('stopped', 'stop')
  expect(await stopped.ended).toBe('stopped')
  // It goes with its session into a new epoch.
  const reset = await runtime.serve('reset', own)
  await runtime.control('reset', 'reset')
  expect(await answerOf(runtime, 'reset')).toBe('own')
  await reset.end()
  expect(await answerOf(runtime, 'reset')).toBe('default')
  await runtime.control('none', 'destroy')
  expect(await failureOf(runtime.serve('none', own))).toMatchObject({ code: 'not-ready' })
  const closed = await runtime.serve('closed', own)
  await runtime.drain(1_000)
  expect(await closed.ended).toBe('closed')
})

test('nothing stands on what is no runtime, or is none any more', async () => {
  for (const wrong of [undefined, 5, {}, 'runtime'])
    expect(await failureOf(MeerkatMachine.over(wrong as never))).toMatchObject({ code: 'invalid-params' })
  const runtime = await start({})
  await runtime.close()
  expect(await failureOf(MeerkatMachine.over(runtime))).toMatchObject({ code: 'store-unavailable' })
})

test('an executor that can’t say its name is left out, and serves', async () => {
  const nameless = { ...saying('own') }
  Object.defineProperty(nameless, 'name', {
    get: () => {
      throw new Error('no')
    },
  })
  const runtime = await start({})
  await runtime.open({ sessionId: 's' })
  await runtime.serve('s', nameless)
  expect(runtime.info()).toMatchObject({ executor: 'none' })
  expect(await answerOf(runtime, 's')).toBe('own')
})

test('an executor closes once with the runtime, however many sessions it served', async () => {
  const closed: string[] = []
  const closing = (name: string) => ({ ...saying(name), close: async () => void closed.push(name) })
  const own = closing('own')
  const runtime = await start({ executor: closing('default') })
  for (const id of ['a', 'b']) {
    await runtime.open({ sessionId: id })
    await runtime.serve(id, own)
  }
  await runtime.close()
  expect(closed.toSorted()).toEqual(['default', 'own'])
})

test('the agent of a machine’s session has its handles at hand, through the port', async () => {
  const seen: unknown[] = []
  const machine = await machineWith({ executor: { name: 'other', apply: port => answered(port, seen) } })
  await machine.registerSessionWithExecutor(S, { name: 'own', apply: port => answered(port, seen) })
  await machine.runtime.open({ sessionId: 'unregistered' })
  for (const id of [S, 'unregistered']) await answerOf(machine.runtime, id)
  expect(seen).toEqual([await machine.prepareBindings(S), 'callingLlm', undefined, undefined])
})

function answered(port: RunPort, seen: unknown[]) {
  const bindings = port.bindings as SessionRuntimeBindings | undefined
  seen.push(bindings, bindings?.turnState.snapshot().turnPhase)
  return answering().apply(port)
}

test.each(STORES)('two processes: each answers for what the other’s executors serve (%s)', async kind => {
  const store = freshStore(kind)
  const [one, other] = [
    await start({ store, executor: saying('one') }),
    await start({ store, executor: saying('other') }),
  ]
  const host = await MeerkatMachine.over(other)
  await one.open({ sessionId: S })
  expect(await answerOf(one, S)).toBe('one')
  // The first one has nothing to do with it: it gives the session to the host that asks.
  await host.registerSessionWithExecutor(S, saying('own'))
  expect(await answerOf(one, S)).toBe('own')
  await one.cancel(S)
  expect(await one.control(S, 'stop')).toMatchObject({ phase: 'stopped' })
  expect(host.sessionHasExecutor(S)).toBe(false)
  await one.control(S, 'resume')
  expect(await answerOf(one, S)).toMatch(/^(one|other)$/)
  await host.registerSessionWithExecutor(S, saying('again'))
  await host.close()
  expect(await answerOf(one, S)).toBe('one')
})

test('what a surface cancels, approves and asks reaches the run of a host’s own executor', async () => {
  const began = Promise.withResolvers<void>()
  const machine = await machineWith({ executor: byAgent() })
  const apply = (port: RunPort) => {
    began.resolve()
    return new Promise<{ type: 'cancelled' }>(resolve => {
      port.signal.addEventListener('abort', () => resolve({ type: 'cancelled' }))
    })
  }
  await machine.registerSessionWithExecutor(S, { name: 'own', apply })
  await using server = await serve({ runtime: machine.runtime, port: 0, log: () => {} })
  const { call } = createClient({ url: server.url })
  const { inputId } = await call('input/send', { sessionId: S, content: 'work' })
  await began.promise
  expect(await call('session/explain', { sessionId: S })).toMatchObject({ phase: 'running' })
  expect(await call('run/cancel', { sessionId: S, when: 'now' })).toMatchObject({ cancelled: true })
  expect(await call('input/wait', { sessionId: S, inputId, waitMs: 15_000 })).toMatchObject({
    status: 'abandoned',
    result: { outcome: 'cancelled' },
  })
  await until(machine.runtime, S, 'run.cancelled')
  const id = 'needs-a-person' as SessionId
  const asks = agent({
    model: scriptOf([{ call: 'pay' }, { say: 'paid' }]),
    tools: [tool({ name: 'pay', description: 'pays', input: z.object({}), needsApproval: true, execute: () => 'ok' })],
  })
  await machine.registerSessionWithExecutor(id, asks)
  const sent = await call('input/send', { sessionId: id, content: 'pay' })
  await until(machine.runtime, id, 'tool.approval-needed')
  const [approval] = (await call('approval/list', { sessionId: id })).approvals
  await call('approval/decide', { sessionId: id, approvalId: approval?.id ?? '', decision: 'allow' })
  expect(await call('input/wait', { sessionId: id, inputId: sent.inputId, waitMs: 15_000 })).toMatchObject({
    result: { text: 'paid' },
  })
})

test('what a surface does to a session is told to its placement, as if the host had done it', async () => {
  const machine = await machineWith({})
  const signals: string[] = []
  machine.setCompositionSignalDispatcher({ dispatch: async (id, { type }) => void signals.push(`${id} ${type}`) })
  await machine.registerSessionWithExecutor(S, saying('own'))
  const { epochId } = await machine.prepareBindings(S)
  const placement = { runtimeId: 'r' as AgentRuntimeId, fence: 1, generation: 1, ...(epochId && { epochId }) }
  await machine.prepareBindings(S, placement)
  await machine.runtime.open({ sessionId: 'other' })
  for (const id of [S, 'other']) await machine.runtime.control(id, 'retire')
  await machine.destroy(S)
  expect(signals).toEqual([`${S} RuntimeBound`, `${S} RuntimeRetired`, `${S} RuntimeDestroyed`])
})

test('a host’s sessions are there for JSON-RPC over streams of its own', async () => {
  const machine = await machineWith({ executor: byAgent() })
  await machine.registerSessionWithExecutor(S, saying('own'))
  const [input, output] = [new PassThrough(), new PassThrough()]
  const peer = new RpcPeer(text => input.write(`${text}\n`))
  createInterface({ input: output }).on('line', line => peer.take(line))
  const ended = serveStdio(machine.runtime, { input, output, log: () => {} })
  const send = (sessionId: string) => peer.call('input/send', { sessionId, content: 'hi', waitMs: 15_000 })
  expect(await send(S)).toMatchObject({ result: { text: 'own' } })
  await peer.call('session/open', { sessionId: 'other' })
  expect(await send('other')).toMatchObject({ result: { text: 'by the agent' } })
  input.end()
  await ended
  // The surface is gone, the machine is not.
  expect(await answerOf(machine.runtime, S)).toBe('own')
})

test.each(STORES)(
  'after any walk of hosts with executors for all sessions, each session is answered for (%s)',
  async kind => {
    const seed = Math.floor(Math.random() * 1e9)
    const random = new Random(seed)
    const store = freshStore(kind)
    const runtimes = [await start({ store, executor: saying('one') }), await start({ store, executor: saying('two') })]
    const hosts = await Promise.all(runtimes.map(runtime => MeerkatMachine.over(runtime)))
    const moves = {
      serve: (host: MeerkatMachine, id: SessionId) => host.ensureSessionWithExecutor(id, () => saying('own')),
      lend: (host: MeerkatMachine, id: SessionId) => host.runtime.serve(id, saying('lent')),
      register: (host: MeerkatMachine, id: SessionId) => host.registerSession(id),
      leave: (host: MeerkatMachine, id: SessionId) => host.unregisterSession(id, { graceMs: 100 }),
      stop: (host: MeerkatMachine, id: SessionId) => host.runtime.control(id, 'stop'),
      reset: (host: MeerkatMachine, id: SessionId) => host.runtime.control(id, 'reset'),
      resume: (host: MeerkatMachine, id: SessionId) => host.runtime.control(id, 'resume'),
      offer: (host: MeerkatMachine, id: SessionId) => host.runtime.send(id, { content: 'y' }),
    }
    const stuck: string[] = []
    for (let walk = 0; walk < 12; walk++) {
      const id = `w${walk}` as SessionId
      await runtimes[0]?.open({ sessionId: id })
      const path: string[] = []
      for (let step = 0; step < 7; step++) {
        const host = random.pick(hosts)
        const move = random.pick(Object.keys(moves) as (keyof typeof moves)[])
        if (host === undefined || move === undefined) continue
        path.push(`${hosts.indexOf(host)} ${move}`)
        await moves[move](host, id).catch(() => {})
      }
      for (const runtime of runtimes) {
        const { status } = await runtime.send(id, { content: 'x', resume: true, waitMs: 15_000 })
        if (status !== 'consumed') stuck.push(`${path.join(', ')}: ${status}`)
      }
    }
    expect(stuck, `seed ${seed}`).toEqual([])
  },
)
