/** Inputs and runs that an agent brings in through its handles are as real as everybody's. */
import { describe, expect, test } from 'vitest'
import type { InputId, PeerCorrelationId, RunId, SessionId } from '../../src/kernel/ids.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { written } from '../handles/support.ts'
import { ephemeral, failure, S } from './support/machines.ts'

const A = '0197f1c0-0000-7000-8000-00000000000a' as InputId
const B = '0197f1c0-0000-7000-8000-00000000000b' as InputId
const R = '0197f1c0-0000-7000-8000-0000000000aa' as RunId

describe('an input that is offered by a handle', () => {
  test('reaches the agent with what it says, and can be asked for', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor(run => `re: ${run.said}`)
    await machine.registerSessionWithExecutor(S, executor)
    const { sessionAdmission } = await machine.prepareBindings(S)
    await sessionAdmission.acceptWithoutWake(A, { at: 1, content: 'note' })
    expect(await machine.input(S, { inputId: A })).toMatchObject({ status: 'queued', content: 'note' })
    await sessionAdmission.acceptWithCompletion(B, {
      at: 2,
      kind: 'peer-message',
      origin: 'peer',
      content: [{ type: 'text', text: 'hello' }],
    })
    expect(await machine.runtime.wait(S, B, 15_000)).toMatchObject({ status: 'consumed' })
    expect(await machine.runtime.wait(S, A, 15_000)).toMatchObject({ result: { text: 're: note' } })
    expect(await machine.input(S, { inputId: B })).toMatchObject({ kind: 'peer-message', mode: 'queue' })
    const said = (await machine.runtime.history(S, {})).messages.filter(({ role }) => role === 'user')
    expect(said.map(({ content }) => content)).toEqual(['note', [{ type: 'text', text: 'hello' }]])
  })

  test('has a record also where nobody says what it says', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const { sessionAdmission } = await machine.prepareBindings(S)
    await sessionAdmission.acceptWithCompletion(A, { at: 1 })
    expect(await machine.input(S, { inputId: A })).toMatchObject({ status: 'queued', content: '' })
    expect((await machine.runtime.inputs(S, {})).items).toHaveLength(1)
  })

  test.each(['machine', 'handle'] as const)('without a wake has its turn after a recycle by the %s', async by => {
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(
      S,
      scriptedExecutor(run => `re: ${run.said}`),
    )
    const { sessionAdmission } = await machine.prepareBindings(S)
    await sessionAdmission.acceptWithoutWake(A, { at: 1, content: 'note' })
    await (by === 'machine' ? machine.recycle(S) : sessionAdmission.recycle())
    expect(await machine.runtime.wait(S, A, 15_000)).toMatchObject({ result: { text: 're: note' } })
  })

  test('under an id that is taken is refused, and nobody beside it is', async () => {
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(
      S,
      scriptedExecutor(() => 'ok'),
    )
    const { sessionAdmission } = await machine.prepareBindings(S)
    await sessionAdmission.acceptWithCompletion(A, { at: 1, content: 'one' })
    await machine.runtime.wait(S, A, 15_000)
    const [again, beside] = await Promise.allSettled([
      sessionAdmission.acceptWithCompletion(A, { at: 2, content: 'two' }),
      machine.acceptInputWithCompletion(S, { content: 'beside' }),
    ])
    expect(again).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } })
    expect(beside.status).toBe('fulfilled')
    if (beside.status === 'fulfilled') expect(await beside.value.completion).toMatchObject({ status: 'consumed' })
  })
})

describe('what is no content', () => {
  const circular: unknown[] = []
  circular.push(circular)
  test.each<readonly [unknown, string]>([
    [42, 'invalid-params'],
    [null, 'invalid-params'],
    [[null], 'invalid-params'],
    [{}, 'invalid-params'],
    [[{ type: 'text' }], 'invalid-params'],
    [[{ type: 'json' }], 'invalid-params'],
    [7n, 'invalid-params'],
    [circular, 'invalid-params'],
    ['x'.repeat(11_000_000), 'too-large'],
    [[{ type: 'file', mediaType: 'text/plain', data: 'aGk=' }], 'unsupported'],
  ])('is refused, and the session goes on: %#', async (content, code) => {
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(
      S,
      scriptedExecutor(() => 'ok'),
    )
    const { sessionAdmission } = await machine.prepareBindings(S)
    const offered = sessionAdmission.acceptWithCompletion(A, { at: 1, content: content as string })
    expect(await failure(offered)).toMatchObject({ code })
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'x' })
    expect(await completion).toMatchObject({ result: { text: 'ok' } })
    expect((await machine.runtime.inputs(S, {})).items).toHaveLength(1)
  })
})

test('whoever reads with a step and fails has the step taken all the same', async () => {
  const { authority } = await written()
  const failing = (): never => {
    throw new Error('a reader that fails')
  }
  const input = { type: 'PeerRequestSent', correlationId: 'c' as PeerCorrelationId } as const
  await expect(authority.applyInputWithEffectsAndSample(input, failing)).rejects.toThrow('a reader that fails')
  expect(authority.snapshotState().interactions.outbound.size).toBe(1)
  await authority.applyInput({ type: 'PeerRequestTimedOut', correlationId: input.correlationId })
})

describe('a run that is prepared by a handle', () => {
  test('is its maker’s: no executor takes it, and it burns no attempts', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const { sessionAdmission, turnState } = await machine.prepareBindings(S)
    await sessionAdmission.acceptWithCompletion(A, { at: 1, content: 'by hand' })
    await sessionAdmission.prepare(R, 2)
    const executor = scriptedExecutor(run => `re: ${run.said}`)
    await machine.registerSessionWithExecutor(S, executor)
    await turnState.startConversationRun(R)
    await turnState.primitiveApplied(R)
    await turnState.llmReturnedTerminal(R)
    await turnState.boundaryComplete(R)
    await sessionAdmission.commit(R)
    expect(await machine.runtime.wait(S, A, 15_000)).toMatchObject({
      status: 'consumed',
      result: { outcome: 'completed', runId: R },
    })
    expect((await machine.input(S, { inputId: A })).attempts).toBe(1)
    expect(executor.applied).toEqual([])
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'next' })
    expect(await completion).toMatchObject({ result: { text: 're: next' } })
  })

  test('passes boundaries as every run does: what was staged is in force behind them', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const { sessionAdmission, turnState, toolVisibilityOwner: owner } = await machine.prepareBindings(S)
    const write = { name: 'write', kind: 'mcp', sourceId: 'files' } as const
    await owner.replaceFilterToolAuthorityCatalog([write])
    await sessionAdmission.acceptWithCompletion(A, { at: 1, content: 'by hand' })
    await sessionAdmission.prepare(R, 2)
    await turnState.startConversationRun(R)
    await turnState.primitiveApplied(R)
    const steps = [() => turnState.boundaryContinue(R), () => turnState.boundaryComplete(R)]
    for (const [index, pass] of steps.entries()) {
      if (index === 0) {
        await turnState.llmReturnedToolCalls(R, 1)
        await turnState.toolCallsResolved(R)
      } else await turnState.llmReturnedTerminal(R)
      await owner.stagePersistentFilter({ type: index === 0 ? 'deny' : 'allow', names: ['write'] }, [write])
      expect(owner.isVisible('write')).toBe(index === 0)
      await pass()
      expect(owner.isVisible('write')).toBe(index === 1)
    }
    await sessionAdmission.commit(R)
    expect(await machine.runtime.wait(S, A, 15_000)).toMatchObject({ status: 'consumed' })
  })

  test.each(['stop', 'cancel', 'cancel before its turn began'] as const)(
    'that its maker does not end traps nobody: %s',
    async how => {
      const machine = await ephemeral({ abortGraceMs: 20 })
      await machine.registerSession(S)
      const { sessionAdmission, turnState } = await machine.prepareBindings(S)
      await sessionAdmission.acceptWithCompletion(A, { content: 'by hand' })
      await sessionAdmission.prepare(R, Date.now())
      if (how !== 'cancel before its turn began') await turnState.startConversationRun(R)
      if (how === 'stop') expect(await machine.stopRuntimeExecutor(S)).toMatchObject({ phase: 'stopped' })
      else expect(await machine.hardCancelCurrentRun(S)).toBe(true)
      expect(await machine.runtime.wait(S, A, 15_000)).toMatchObject({ status: 'abandoned', reason: 'cancelled' })
      await machine.ensureSessionWithExecutor(S, () => scriptedExecutor(() => 'ok'))
      const { completion } = await machine.acceptInputWithCompletion(S, { content: 'next' })
      expect(await completion).toMatchObject({ result: { text: 'ok' } })
    },
  )

  /** A session with a run that is driven by hand, its turn begun. */
  async function byHand(options: Parameters<typeof ephemeral>[0] = {}) {
    const machine = await ephemeral({ abortGraceMs: 20, ...options })
    await machine.registerSession(S)
    const { sessionAdmission, turnState } = await machine.prepareBindings(S)
    await sessionAdmission.acceptWithCompletion(A, { content: 'by hand' })
    await sessionAdmission.prepare(R, Date.now())
    await turnState.startConversationRun(R)
    await turnState.primitiveApplied(R)
    return { machine, turnState }
  }

  test('is performed like any other: observers hear of it, and its host’s leaving lets it end well', async () => {
    const told: unknown[] = []
    const observer = {
      runStarted: ({ runId }: { readonly runId: unknown }) => void told.push(runId),
      runEnded: ({ runId }: { readonly runId: unknown }) => void told.push(runId),
    }
    const { machine, turnState } = await byHand({ observer })
    expect(machine.runtime.health().loops).toMatchObject({ performing: 1 })
    const leaving = machine.unregisterSession(S, { graceMs: 15_000 })
    await turnState.llmReturnedTerminal(R)
    await turnState.boundaryComplete(R)
    await turnState.acknowledgeTerminal(R)
    expect(await leaving).toBe(true)
    expect(await machine.runtime.wait(S, A, 15_000)).toMatchObject({ status: 'consumed' })
    expect(told).toEqual([R, R])
  })

  test('takes no place among the runs at once, and ends when its time is up', async () => {
    const { machine, turnState } = await byHand({ maxConcurrentRuns: 1, maxRunMs: 40 })
    await machine.registerSessionWithExecutor(
      'other' as SessionId,
      scriptedExecutor(() => 'ok'),
    )
    const { completion } = await machine.acceptInputWithCompletion('other' as SessionId, { content: 'x' })
    expect(await completion).toMatchObject({ result: { text: 'ok' } })
    expect(await machine.runtime.wait(S, A, 15_000)).toMatchObject({
      status: 'consumed',
      result: { outcome: 'failed' },
    })
    await expect(turnState.llmReturnedTerminal(R)).rejects.toMatchObject({ kind: 'no-matching-transition' })
  })

  test('that its maker leaves behind is taken up by the next process, as an attempt', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const { sessionAdmission } = await machine.prepareBindings(S)
    await sessionAdmission.acceptWithCompletion(A, { at: 1, content: 'by hand' })
    await sessionAdmission.prepare(R, 2)
    await machine.recover(S)
    await machine.registerSessionWithExecutor(
      S,
      scriptedExecutor(run => `re: ${run.said}`),
    )
    expect(await machine.runtime.wait(S, A, 15_000)).toMatchObject({ result: { text: 're: by hand' } })
  })
})
