import {
  classifyOperationCompletionFeed,
  classifyOperationCompletionWake,
  classifyOperationDurability,
  classifyOperationPublicResult,
  classifyOperationTerminality,
  completionBatchDue,
  completionsUntold,
  decodeState,
  encodeState,
  type MeerkatInput,
  type OperationAction,
  type OperationNature,
  resolveOperationTransitionRejection,
  takeOverSteps,
  unfinishedOperations,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, inputId, operationId, type Play, runId, SESSION } from './support/play.ts'

const tool: OperationNature = { kind: 'background-tool-op' }
const resumable: OperationNature = { kind: 'background-tool-op', resumable: true }
const child: OperationNature = { kind: 'mob-member-child' }
const slot: OperationNature = { kind: 'background-tool-capacity-slot' }
const job: OperationNature = {
  kind: 'detached-job-wait',
  source: { type: 'detached-job', realmId: 'realm', jobId: 'job' },
}

const of = (type: OperationAction, id = 'o'): MeerkatInput =>
  type === 'RegisterOperation'
    ? { type, operationId: operationId(id), at: 1, ...tool }
    : { type, operationId: operationId(id) }

/** Tells of a batch as the shell does: cursor and input in one go. */
function tell(play: Play, input: string): void {
  const batch = completionBatchDue(play.state)
  if (batch === undefined) throw new Error('nothing is due')
  play.do({
    type: 'AdvanceOperationCursor',
    cursor: 'runtimeInjected',
    through: batch.through,
    inputId: inputId(input),
  })
  play.accept(input, { kind: 'continuation', origin: 'system', durability: 'derived', mode: 'steer' })
}

/** A session with one operation, brought into a status. */
function withOperation(status: keyof typeof WAYS, nature: OperationNature = tool): Play {
  const play = attached()
  play.do({ type: 'RegisterOperation', operationId: operationId('o'), at: 1, ...nature })
  for (const type of WAYS[status]) play.do(of(type))
  return play
}

const WAYS = {
  provisioning: [],
  running: ['StartOperation'],
  retiring: ['StartOperation', 'RequestOperationRetire'],
  completed: ['StartOperation', 'CompleteOperation'],
} as const satisfies Record<string, readonly OperationAction[]>

type Answer = 'idempotent' | 'invalid-transition' | 'already-registered' | 'peer-not-expected' | (string & {})

/** Status after the action, or why it is refused, for an operation in each status. */
const TABLE: Readonly<Record<OperationAction, readonly [Answer, Answer, Answer, Answer]>> = {
  //                            provisioning         running               retiring              completed
  RegisterOperation: ['already-registered', 'already-registered', 'already-registered', 'already-registered'],
  StartOperation: ['=running', 'idempotent', 'invalid-transition', 'invalid-transition'],
  CompleteOperation: ['invalid-transition', '=completed', '=completed', 'invalid-transition'],
  FailOperation: ['=failed', '=failed', '=failed', 'invalid-transition'],
  CancelOperation: ['=cancelled', '=cancelled', '=cancelled', 'invalid-transition'],
  AbortOperation: ['=aborted', 'invalid-transition', 'invalid-transition', 'idempotent'],
  OperationPeerReady: ['invalid-transition', '=running', '=retiring', 'idempotent'],
  OperationProgress: ['invalid-transition', '=running', '=retiring', 'idempotent'],
  RequestOperationRetire: ['invalid-transition', '=retiring', 'idempotent', 'idempotent'],
  RetireOperation: ['invalid-transition', '=retired', '=retired', 'idempotent'],
  RollbackUnreturnedOperation: ['=absent', '=absent', '=absent', 'invalid-transition'],
}

const cases = Object.entries(TABLE).flatMap(([action, answers]) =>
  Object.keys(WAYS).map((status, n) => [action, status, answers[n]] as const),
)

describe('what can be done to an operation', () => {
  test.each(cases)('%s while %s: %s', (action, status, answer) => {
    const play = withOperation(status as keyof typeof WAYS, child)
    const input = of(action as OperationAction)
    if (answer?.startsWith('=')) {
      play.do(input)
      expect(play.operation('o')?.status ?? 'absent').toBe(answer.slice(1))
      return
    }
    expect(play.refused(input).kind).toBe('guard-rejected')
    const { reason, idempotent } = resolveOperationTransitionRejection(play.state, {
      type: action as OperationAction,
      operationId: operationId('o'),
    })
    expect(idempotent ? 'idempotent' : reason).toBe(answer)
  })

  test('only a member child is reached as a peer, and once', () => {
    const question = { type: 'OperationPeerReady', operationId: operationId('o') } as const
    const background = withOperation('running')
    background.refused(question)
    expect(resolveOperationTransitionRejection(background.state, question).reason).toBe('peer-not-expected')
    const member = withOperation('running', child)
    expect(member.do(question)).toEqual([{ type: 'ExposeOperationPeer', operationId: 'o' }])
    member.refused(question)
    expect(resolveOperationTransitionRejection(member.state, question)).toMatchObject({
      reason: 'already-peer-ready',
      idempotent: false,
    })
  })

  test('it is taken up as often as it may be without having lasted, and has failed then', () => {
    const play = attached()
    play.launch('o')
    const takenUp = { type: 'TakeUpOperation', operationId: operationId('o'), mostCrashes: 2 } as const
    for (const round of [1, 2]) {
      expect(play.do(takenUp)).toEqual([])
      expect(play.do(takenUp)).toEqual([])
      if (round === 1) play.do({ type: 'OperationLasted', operationId: operationId('o') })
      expect(play.operation('o')).toMatchObject({ status: 'running' })
    }
    const failed = { type: 'OperationEnded', operationId: 'o', status: 'failed', reason: 'crashed-process' }
    expect(play.do(takenUp)).toMatchObject([failed])
    expect(play.operation('o')?.status).toBe('failed')
  })

  test('an unknown one is not found', () => {
    const play = attached()
    const question = { type: 'CompleteOperation', operationId: operationId('x') } as const
    play.refused(question)
    expect(resolveOperationTransitionRejection(play.state, question)).toEqual({
      reason: 'not-found',
      status: 'absent',
      idempotent: false,
    })
  })

  test('capacity counts what has not ended', () => {
    const play = attached()
    const limited = {
      type: 'RegisterOperation',
      operationId: operationId('p'),
      at: 2,
      ...tool,
      maxConcurrent: 1,
    } as const
    play.launch('o', slot)
    play.refused(limited)
    expect(resolveOperationTransitionRejection(play.state, limited).reason).toBe('max-concurrent-exceeded')
    play.finish('o')
    play.do(limited)
    expect(play.operation('p')?.status).toBe('provisioning')
  })

  test('it goes on beside the session: while it runs, stops and is retired', () => {
    const play = attached()
    play.launch('o')
    play.do({ type: 'RuntimeExecutorExited' }, of('OperationProgress'))
    expect(play.phase).toBe('stopped')
    play.do({ type: 'Retire' }, of('OperationProgress'))
    expect(play.operation('o')).toMatchObject({ status: 'running', progress: 2 })
    expect(play.phase).toBe('retired')
  })
})

describe('what an operation amounts to', () => {
  test.each([
    ['absent', 'missing-authority', 'non-terminal'],
    ['provisioning', 'running', 'non-terminal'],
    ['running', 'running', 'non-terminal'],
    ['retiring', 'running', 'non-terminal'],
    ['completed', 'completed', 'terminal'],
    ['failed', 'failed', 'terminal'],
    ['terminated', 'failed', 'terminal'],
    ['aborted', 'cancelled', 'terminal'],
    ['cancelled', 'cancelled', 'terminal'],
    ['retired', 'cancelled', 'terminal'],
  ] as const)('%s: %s, %s', (status, result, terminality) => {
    expect(classifyOperationPublicResult(status)).toBe(result)
    expect(classifyOperationTerminality(status)).toBe(terminality)
  })

  test.each([
    ['mob-member-child', 'emit', 'ignore', 'retain'],
    ['background-tool-op', 'emit', 'wake', 'retain'],
    ['background-tool-capacity-slot', 'suppress', 'ignore', 'discard'],
    ['detached-job-wait', 'emit', 'wake', 'retain'],
  ] as const)('the end of a %s: %s, %s, %s', (kind, feed, wake, durability) => {
    expect(classifyOperationCompletionFeed(kind)).toBe(feed)
    expect(classifyOperationCompletionWake(kind)).toBe(wake)
    expect(classifyOperationDurability(kind)).toBe(durability)
  })
})

describe('completions', () => {
  test('are numbered in the order of their ends, capacity slots too, which leave nothing else', () => {
    const play = attached()
    for (const [id, nature] of [
      ['o', tool],
      ['s', slot],
      ['p', job],
    ] as const)
      play.launch(id, nature)
    play.finish('o', 's', 'p')
    expect(play.said('OperationEnded').map(({ operationId: id, seq }) => [id, seq])).toEqual([
      ['o', 1],
      ['s', 2],
      ['p', 3],
    ])
    expect(play.operation('s')).toBeUndefined()
    expect(completionBatchDue(play.state)).toEqual({ through: 3, operationIds: ['o', 'p'] })
  })

  test('that nobody needs to be told of wake nobody', () => {
    const play = attached()
    play.launch('o', child)
    play.launch('s', slot)
    play.finish('o', 's')
    expect(completionBatchDue(play.state)).toBeUndefined()
  })

  test('are told once, and those that end meanwhile make one batch after it', () => {
    const play = attached()
    for (const id of ['o', 'p', 'q']) play.launch(id)
    play.finish('o')
    tell(play, 'n1')
    expect(completionBatchDue(play.state)).toBeUndefined()
    play.finish('p', 'q')
    expect(completionBatchDue(play.state)).toBeUndefined()
    expect(play.begin('r1')).toEqual(['n1'])
    // What ends until the run's next boundary is told there.
    const untold = { through: 3, operationIds: ['p', 'q'] }
    expect([completionBatchDue(play.state), completionsUntold(play.state)]).toEqual([undefined, untold])
    play.do({ type: 'LlmReturnedTerminal', runId: runId('r1') })
    expect(completionBatchDue(play.state)).toEqual(untold)
    tell(play, 'n2')
    play.do({ type: 'BoundaryComplete', runId: runId('r1') })
    expect(play.contributors).toEqual(['n1', 'n2'])
    expect(completionsUntold(play.state)).toBeUndefined()
  })

  test('wait for the end of a run that is cancelled at its boundary: nothing joins it there', () => {
    const play = attached()
    play.launch('o')
    play.accept('a')
    play.begin('r1')
    play.finish('o')
    play.do({ type: 'CancelAfterBoundary' }, { type: 'LlmReturnedTerminal', runId: runId('r1') })
    expect(completionBatchDue(play.state)).toBeUndefined()
    play.do({ type: 'BoundaryComplete', runId: runId('r1') }, { type: 'CancelRun', runId: runId('r1') })
    expect(completionBatchDue(play.state)).toEqual({ through: 1, operationIds: ['o'] })
  })

  test('that the conversation holds already are not told', () => {
    const play = attached()
    play.launch('o')
    play.finish('o')
    play.do({ type: 'AdvanceOperationCursor', cursor: 'agentApplied', through: 1 })
    expect(completionBatchDue(play.state)).toBeUndefined()
  })

  test('of a stopped session are told when it is resumed, those of a retired one never', () => {
    const play = attached()
    play.launch('o')
    play.do({ type: 'RuntimeExecutorExited' })
    play.finish('o')
    expect(completionBatchDue(play.state)).toBeUndefined()
    play.do({ type: 'Resume' })
    expect(completionBatchDue(play.state)).toEqual({ through: 1, operationIds: ['o'] })
    play.do({ type: 'Retire' })
    expect(completionBatchDue(play.state)).toBeUndefined()
  })

  test('wait for a stop that is asked for: their input would be given up with it', () => {
    const play = attached()
    play.launch('o')
    play.finish('o')
    play.do({ type: 'StopRuntimeExecutor', reason: 'asked' })
    expect(completionBatchDue(play.state)).toBeUndefined()
  })

  test('are kept up to a bound; the oldest goes first, and the gap shows', () => {
    const play = attached()
    const ids = Array.from({ length: 300 }, (_, n) => `o${n}`)
    for (const id of ids) play.launch(id)
    play.finish(...ids)
    expect(play.state.operations).toMatchObject({ completions: 300, droppedThrough: 44, active: 0 })
    expect(play.operation('o43')).toBeUndefined()
    expect(play.operation('o44')).toMatchObject({ status: 'completed', seq: 45 })
    expect(completionBatchDue(play.state)?.operationIds).toHaveLength(256)
    const read = decodeState(encodeState(play.state))
    expect(completionBatchDue(read)).toEqual(completionBatchDue(play.state))
    expect(encodeState(read)).toBe(encodeState(play.state))
  })

  test('a reader never goes back, and never ahead of what has happened', () => {
    const play = attached()
    play.launch('o')
    play.launch('p')
    play.finish('o', 'p')
    const to = (through: number) => ({ type: 'AdvanceOperationCursor', cursor: 'runtimeObserved', through }) as const
    play.do(to(2))
    expect(play.state.operations.cursors.runtimeObserved).toBe(2)
    play.do(to(1))
    expect(play.state.operations.cursors.runtimeObserved).toBe(2)
    expect(play.refused(to(3)).reason).toContain('hasHappened')
  })
})

describe('when the owner goes', () => {
  test('by a crash, what died with it ends as lost and is told; what runs elsewhere goes on', () => {
    const play = attached()
    for (const [id, nature] of [
      ['a', tool],
      ['b', resumable],
      ['c', job],
      ['d', slot],
      ['e', child],
    ] as const)
      play.launch(id, nature)
    play.do({ type: 'RegisterOperation', operationId: operationId('f'), at: 99, ...job })
    play.do(...takeOverSteps(play.state))
    expect(play.said('OperationEnded').map(one => [one.operationId, one.status, one.reason, one.seq])).toEqual([
      ['a', 'terminated', 'owner-lost', 1],
      ['d', 'terminated', 'owner-lost', 2],
      ['e', 'terminated', 'owner-lost', 3],
      ['f', 'terminated', 'owner-lost', 4],
    ])
    expect(unfinishedOperations(play.state.operations).map(({ id }) => id)).toEqual(['b', 'c'])
    expect(completionBatchDue(play.state)?.operationIds).toEqual(['a', 'f'])
    play.finish('c')
    expect(play.operation('c')).toMatchObject({ status: 'completed', seq: 5 })
  })

  test('a session that nobody served is taken over for its lost operations alone', () => {
    const play = attached()
    play.launch('o')
    play.do({ type: 'RuntimeExecutorExited' })
    expect(takeOverSteps(play.state)).toEqual([{ type: 'Recover', mostCrashes: 2 }])
    play.do(...takeOverSteps(play.state))
    expect(play.operation('o')?.status).toBe('terminated')
    expect(takeOverSteps(play.state)).toEqual([])
  })

  test.each([
    ['destroyed', { type: 'Destroy' }],
    ['registered under another id', { type: 'RegisterSession', sessionId: 'other' as never }],
  ] as const)('being %s, all of them end, whoever owns them', (_, input) => {
    const play = attached()
    play.launch('o')
    play.launch('p', job)
    play.do(input)
    expect(play.said('OperationEnded').map(one => [one.operationId, one.reason])).toEqual([
      ['o', 'owner-retired'],
      ['p', 'owner-retired'],
    ])
    expect(play.state.operations).toMatchObject({ active: 0, entries: { size: 0 } })
  })

  test('being torn down, its operations end and a session that is kept keeps how', () => {
    for (const retained of [false, true]) {
      const play = attached()
      play.launch('o')
      if (retained) play.do({ type: 'RuntimeExecutorExited' })
      play.do(
        { type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} },
        { type: 'RuntimeLoopStoppedForUnregister', sessionId: SESSION, forcedAbort: false },
        { type: 'CommsDrainExitedForUnregister', sessionId: SESSION, forcedAbort: false },
        { type: 'CompletionWaitersResolvedForUnregister', sessionId: SESSION },
      )
      const late = of('RegisterOperation', 'p')
      play.refused(late)
      const question = { type: 'RegisterOperation', operationId: operationId('p') } as const
      expect(resolveOperationTransitionRejection(play.state, question).reason).toBe('owner-retired')
      play.do({ type: 'UnregisterSession', sessionId: SESSION, binding: {} })
      expect(play.operation('o')?.status).toBe(retained ? 'terminated' : undefined)
      expect(play.said('OperationEnded')).toMatchObject([{ status: 'terminated', reason: 'owner-retired' }])
    }
  })
})
