import type { MeerkatInput, TurnPhase } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { TurnInput } from '../../src/kernel/regions/turn/input.ts'
import { attached, kinds, type Play, runId } from './support/play.ts'

const RUN = runId('r')
type Named = Exclude<TurnInput, { readonly type: 'ForceCancelNoRun' }>['type']
type Rest<Type extends Named> = Omit<Extract<TurnInput, { readonly type: Type }>, 'type' | 'runId'>

const retry = { attempt: 1, maxRetries: 3, delayMs: 1, kind: 'rate-limited' } as const

/** What each input brings along, so that its guards hold wherever its phase does. */
const rests: { readonly [Type in Named]: Rest<Type> } = {
  StartConversationRun: {},
  StartImmediateAppend: {},
  StartImmediateContext: {},
  PrimitiveApplied: {},
  LlmReturnedToolCalls: { toolCount: 1 },
  LlmReturnedTerminal: {},
  RegisterPendingOps: { barrier: ['p'] },
  OpsBarrierSatisfied: { operationIds: ['o'] },
  ToolCallsResolved: {},
  BoundaryContinue: {},
  BoundaryComplete: {},
  EnterExtraction: {},
  ExtractionStart: {},
  ExtractionValidationPassed: {},
  ExtractionValidationFailed: { error: 'no' },
  ExtractionFailed: { error: 'no' },
  RecoverableFailure: { retry },
  RetryRequested: { attempt: 1 },
  FatalFailure: { source: 'llm' },
  CancelNow: {},
  CancellationObserved: {},
  TurnLimitReached: { turns: 2, maxTurns: 2 },
  BudgetExhausted: {},
  TimeBudgetExceeded: {},
}
function input<Type extends Named>(type: Type, more: Partial<Rest<Type>> = {}, run = RUN): MeerkatInput {
  return { ...rests[type], ...more, type, runId: run } as MeerkatInput
}

/** A run that is bound, and its turn. */
function after(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.accept('a')
  play.prepare('r')
  play.do(...inputs)
  return play
}
const applying = [input('StartConversationRun', { maxExtractions: 1 })]
const calling = [...applying, input('PrimitiveApplied')]
const draining = [...calling, input('LlmReturnedTerminal')]
const cancelling = [...calling, input('CancelNow')]
const asked: MeerkatInput = { type: 'CancelAfterBoundary', runId: RUN }

const ways: Readonly<Record<TurnPhase, readonly MeerkatInput[]>> = {
  ready: [],
  applyingPrimitive: applying,
  callingLlm: calling,
  waitingForOps: [...calling, input('RegisterPendingOps', { barrier: ['o'] })],
  drainingBoundary: draining,
  extracting: [...draining, input('EnterExtraction')],
  errorRecovery: [...calling, input('RecoverableFailure')],
  cancelling,
  completed: [...draining, input('BoundaryComplete')],
  failed: [...calling, input('BudgetExhausted')],
  cancelled: [...cancelling, input('CancellationObserved')],
}

/** Where it leads, and what the turn says of it. */
const outcomes = {
  begun: ['applyingPrimitive', 'TurnRunStarted'],
  asks: ['callingLlm', 'TurnCheckCompaction'],
  waits: ['waitingForOps'],
  drains: ['drainingBoundary'],
  extracts: ['extracting'],
  recovers: ['errorRecovery'],
  cancels: ['cancelling'],
  done: ['completed', 'TurnRunCompleted'],
  failed: ['failed', 'TurnRunFailed'],
  gone: ['cancelled', 'TurnRunCancelled'],
} as const

/** A word a phase, in the order of `ways`: an outcome, `-` without a row, `guard` where a guard refuses. */
const table: Readonly<Record<TurnInput['type'], string>> = {
  StartConversationRun: '      begun -      -        -        -        -        -       -       - - -',
  StartImmediateAppend: '      begun -      -        -        -        -        -       -       - - -',
  StartImmediateContext: '     begun -      -        -        -        -        -       -       - - -',
  PrimitiveApplied: '          -     asks   -        -        -        -        -       -       - - -',
  LlmReturnedToolCalls: '      -     -      waits    -        -        -        -       -       - - -',
  LlmReturnedTerminal: '       -     -      drains   -        -        -        -       -       - - -',
  RegisterPendingOps: '        -     -      waits    waits    -        -        -       -       - - -',
  OpsBarrierSatisfied: '       -     -      -        waits    -        -        -       -       - - -',
  ToolCallsResolved: '         -     -      -        guard    -        -        -       -       - - -',
  BoundaryContinue: '          -     -      -        -        asks     -        -       -       - - -',
  BoundaryComplete: '          -     -      -        -        done     -        -       -       - - -',
  EnterExtraction: '           -     -      -        -        extracts -        -       -       - - -',
  ExtractionStart: '           -     -      -        -        -        asks     -       -       - - -',
  ExtractionValidationPassed: '-     -      -        -        -        drains   -       -       - - -',
  ExtractionValidationFailed: '-     -      -        -        -        asks     -       -       - - -',
  ExtractionFailed: '          -     -      failed   -        failed   failed   -       -       - - -',
  RecoverableFailure: '        -     -      recovers recovers recovers recovers -       -       - - -',
  RetryRequested: '            -     -      -        -        -        -        asks    -       - - -',
  FatalFailure: '              -     failed failed   failed   failed   failed   failed  failed  - - -',
  CancelNow: '                 -     cancels cancels cancels  cancels  cancels  cancels cancels - - -',
  CancellationObserved: '      -     -      -        -        -        -        -       gone    - - -',
  ForceCancelNoRun: '          guard -      -        -        -        -        -       -       - - -',
  TurnLimitReached: '          -     failed failed   failed   failed   failed   failed  failed  - - -',
  BudgetExhausted: '           -     failed failed   failed   failed   failed   failed  failed  - - -',
  TimeBudgetExceeded: '        -     failed failed   failed   failed   failed   failed  failed  - - -',
}

const said = (effects: ReturnType<Play['do']>): readonly string[] =>
  kinds(effects).filter(kind => kind.startsWith('Turn'))

describe('the turn, in every phase', () => {
  const types = Object.keys(table) as readonly TurnInput['type'][]
  const cells = types.flatMap(type => {
    const words = table[type].trim().split(/\s+/)
    return Object.entries(ways).map(([phase, way], at) => [type, phase, words[at], way] as const)
  })

  test.each(cells)('%s, %s: %s', (type, phase, word, way) => {
    const play = after(...way)
    expect(play.state.turn.phase).toBe(phase)
    const offered: MeerkatInput = type === 'ForceCancelNoRun' ? { type } : input(type)
    if (word === '-') expect(play.refused(offered).kind).toBe('no-matching-transition')
    else if (word === 'guard') expect(play.refused(offered).kind).toBe('guard-rejected')
    else {
      const heard = said(play.do(offered))
      expect([play.state.turn.phase, ...heard]).toEqual(outcomes[word as keyof typeof outcomes])
    }
  })

  test.each(Object.entries(ways))('%s, a word about another run is refused', (_, way) => {
    const play = after(...way)
    for (const type of Object.keys(rests) as Named[]) play.refused(input(type, {}, runId('other')))
  })

  test('without a run only the certainty that there is none', () => {
    const play = attached()
    for (const type of Object.keys(rests) as Named[])
      expect(play.refused(input(type)).kind).toBe('no-matching-transition')
    expect(play.do({ type: 'ForceCancelNoRun' })).toEqual([])
  })
})

describe('a turn that asks the model nothing', () => {
  test.each(['StartImmediateAppend', 'StartImmediateContext'] as const)('%s is done once it is applied', type => {
    const play = after(input(type))
    expect(said(play.do(input('PrimitiveApplied')))).toEqual(['TurnRunCompleted'])
    expect(play.state.turn.phase).toBe('completed')
  })

  test('is cancelled once it is applied, if a cancel was asked for; a conversation goes on to its boundary', () => {
    const play = after(input('StartImmediateAppend'), asked)
    expect(said(play.do(input('PrimitiveApplied')))).toEqual(['TurnRunCancelled'])
    expect(play.state.turn.phase).toBe('cancelled')
    const conversation = after(...applying, asked)
    conversation.do(input('PrimitiveApplied'))
    expect(conversation.state.turn.phase).toBe('callingLlm')
  })
})

describe('tools and barriers', () => {
  test('no calls is an answer', () => {
    const play = after(...calling, input('LlmReturnedToolCalls', { toolCount: 0 }))
    expect(play.state.turn.phase).toBe('drainingBoundary')
  })

  test('a barrier is satisfied by exactly what it waits for', () => {
    const play = after(...calling, input('RegisterPendingOps', { barrier: ['o', 'p'] }))
    for (const operationIds of [[], ['o'], ['o', 'q'], ['o', 'p', 'q']])
      expect(play.refused(input('OpsBarrierSatisfied', { operationIds })).kind).toBe('guard-rejected')
    expect(play.refused(input('ToolCallsResolved')).reason).toBe('unmet: barrierSatisfied')
    play.do(input('OpsBarrierSatisfied', { operationIds: ['p', 'o'] }))
    expect(play.refused(input('OpsBarrierSatisfied', { operationIds: [] })).kind).toBe('guard-rejected')
    play.do(input('ToolCallsResolved'))
    expect(play.state.turn.phase).toBe('drainingBoundary')
  })
})

describe('a cancel at the boundary', () => {
  test.each(['BoundaryContinue', 'BoundaryComplete'] as const)('cuts the turn off at %s', type => {
    const play = after(...draining, asked)
    expect(said(play.do(input(type)))).toEqual(['TurnRunCancelled'])
    expect(play.state.turn.phase).toBe('cancelled')
  })

  test('waits for the boundary at which steers are heard', () => {
    const play = after(...draining)
    play.steer('s')
    expect(said(play.do(input('BoundaryComplete')))).toEqual(['TurnCheckCompaction'])
    expect(play.said('InputSteered')).toMatchObject([{ inputId: 's', runId: RUN }])
    expect(play.state.turn.phase).toBe('callingLlm')
  })
})

describe('extraction, retries and failures', () => {
  test('an answer that is invalid once too often fails the turn', () => {
    const again = [input('LlmReturnedTerminal'), input('EnterExtraction')]
    const play = after(...ways.extracting, input('ExtractionValidationFailed'), ...again)
    const effects = play.do(input('ExtractionValidationFailed'))
    expect(effects).toMatchObject([{ type: 'TurnRunFailed', cause: 'structured-output-invalid' }])
    expect(play.state.turn).toMatchObject({ phase: 'failed', outcome: 'structured-output-validation-failed' })
  })

  test('a retry follows the attempt that failed', () => {
    const play = after(...ways.errorRecovery)
    expect(play.refused(input('RetryRequested', { attempt: 2 })).reason).toBe('unmet: isPlannedRetry')
  })

  test.each([{ attempt: 0 }, { attempt: 4 }])(
    'an attempt that is none, or one too many, is not recovered: %j',
    more => {
      const play = after(...calling)
      expect(play.refused(input('RecoverableFailure', { retry: { ...retry, ...more } })).kind).toBe('guard-rejected')
    },
  )

  test('a failure that has its own input, or a limit that is not reached, ends nothing', () => {
    const play = after(...calling)
    expect(play.refused(input('FatalFailure', { source: 'max-turns-reached' })).reason).toBe('unmet: isFatal')
    expect(play.refused(input('TurnLimitReached', { turns: 1 })).reason).toBe('unmet: limitReached')
  })

  test.each([
    ['TurnLimitReached', 'turn-limit-reached'],
    ['BudgetExhausted', 'budget-exhausted'],
    ['TimeBudgetExceeded', 'time-budget-exceeded'],
    ['ExtractionFailed', 'structured-output-invalid'],
    ['FatalFailure', 'llm-failure'],
  ] as const)('%s says why: %s', (type, cause) => {
    expect(after(...calling).do(input(type))).toEqual([{ type: 'TurnRunFailed', runId: RUN, cause }])
  })
})
