import {
  type MeerkatInput,
  meerkat,
  type ProductTurnInput,
  type ProductTurnPhase,
  shouldPreemptOnInput,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { all, outcomes } from './support/model-sessions.ts'
import { outcomesAfter } from './support/phase-table.ts'
import { attached, kinds, Play, SESSION } from './support/play.ts'

const IN_FLIGHT: MeerkatInput = { type: 'ProductTurnInFlight' }
const COMMITTED: MeerkatInput = { type: 'ProductTurnCommitted' }
const OUTPUT: MeerkatInput = { type: 'ProductOutputStarted' }
const INTERRUPTED: MeerkatInput = { type: 'ProductTurnInterrupted' }
const TERMINAL: MeerkatInput = { type: 'ProductTurnTerminal' }
const SUBMITTED: MeerkatInput = { type: 'ClassifyRealtimeClientInputSubmitted' }
const ACTIVITY: MeerkatInput = { type: 'ClassifyRealtimeMidTurnActivity' }
const TERMINATED: MeerkatInput = { type: 'ClassifyRealtimeTurnTerminated' }
const advanced = (advancedAtMs: number): MeerkatInput => ({ type: 'RealtimeProjectionAdvanceObserved', advancedAtMs })
const refreshed = (observedMs: number): MeerkatInput => ({ type: 'RealtimeProjectionRefreshed', observedMs })
const reset = (baselineMs: number): MeerkatInput => ({ type: 'RealtimeProjectionReset', baselineMs })

function played(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}
const freshness = ({ state: { productTurn } }: Play) => [productTurn.freshness, productTurn.frontierMs]

const WAYS: Record<ProductTurnPhase, readonly MeerkatInput[]> = {
  idle: [],
  awaitingProgress: [IN_FLIGHT],
  committed: [IN_FLIGHT, COMMITTED],
  outputStarted: [IN_FLIGHT, OUTPUT],
  preemptible: [IN_FLIGHT, COMMITTED, OUTPUT],
}

describe('a product turn', () => {
  test('can be interrupted by what a client says once it is committed and answered, in either order', () => {
    for (const [phase, way] of Object.entries(WAYS)) {
      const { productTurn } = played(...way).state
      expect([productTurn.phase, shouldPreemptOnInput(productTurn)]).toEqual([phase, phase === 'preemptible'])
    }
    expect(played(IN_FLIGHT, OUTPUT, COMMITTED).state.productTurn.phase).toBe('preemptible')
  })

  test('that is interrupted loses its output and nothing else', () => {
    expect(played(...WAYS.preemptible, INTERRUPTED).state.productTurn.phase).toBe('committed')
    expect(played(...WAYS.outputStarted, INTERRUPTED).state.productTurn.phase).toBe('awaitingProgress')
  })

  test('says where it has come', () => {
    const play = played(...WAYS.preemptible, TERMINAL)
    expect(play.said('RealtimeProductTurnPhaseChanged').map(({ phase }) => phase)).toEqual([
      'awaitingProgress',
      'committed',
      'preemptible',
      'idle',
    ])
  })

  test('keeps its session in memory while it is in flight', () => {
    const play = played(IN_FLIGHT)
    expect(meerkat.atRest(play.state)).toBe(false)
    play.do(TERMINAL)
    expect(meerkat.atRest(play.state)).toBe(true)
  })

  test.each<readonly [string, MeerkatInput]>([
    ['the next process', { type: 'Recover' }],
    ['another identity', { type: 'RegisterSession', sessionId: 'other' as never }],
  ])('is unknown to %s', (_, input) => {
    const play = played(...WAYS.preemptible, advanced(5), ACTIVITY, input)
    expect(play.state.productTurn).toEqual(meerkat.initial.productTurn)
  })
})

test('a transport may be made ready before its session is', () => {
  const play = new Play()
  play.do(reset(5), { type: 'Initialize' }, { type: 'RegisterSession', sessionId: SESSION })
  expect(freshness(play)).toEqual(['Clean', 5])
})

describe('news for the transport', () => {
  test('are due at once between turns', () => {
    const play = played(advanced(5))
    expect(freshness(play)).toEqual(['StaleImmediate', 5])
    play.do(refreshed(5))
    expect(freshness(play)).toEqual(['Clean', 5])
  })

  test.each(['ProductTurnTerminal', 'ClassifyRealtimeTurnTerminated'] as const)(
    'wait for the end of a turn: %s',
    type => {
      const play = played(IN_FLIGHT, advanced(5))
      expect(freshness(play)).toEqual(['StaleDeferred', 5])
      expect(kinds(play.do({ type }))).toContain('RealtimeProjectionFreshnessChanged')
      expect(freshness(play)).toEqual(['StaleImmediate', 5])
    },
  )

  test('count once, and not when they are older than what was told', () => {
    const play = played(advanced(5))
    for (const old of [advanced(5), advanced(4), refreshed(4)]) play.refused(old)
    play.do(refreshed(9))
    expect(freshness(play)).toEqual(['Clean', 9])
    for (const old of [advanced(9), refreshed(9), reset(9), reset(3)]) play.refused(old)
  })

  test('are forgotten by a transport that begins anew, which never lowers the frontier', () => {
    const play = played(advanced(5), reset(3))
    expect(freshness(play)).toEqual(['Clean', 5])
    play.do(reset(7))
    expect(freshness(play)).toEqual(['Clean', 7])
  })
})

describe('a clean close', () => {
  test.each([SUBMITTED, ACTIVITY])('is one too early after $type, until the turn is over', busy => {
    const play = played(busy)
    expect(play.state.productTurn.policy).toBe('ReattachAndRecover')
    for (const again of [SUBMITTED, ACTIVITY]) play.refused(again)
    play.do(TERMINATED)
    expect(play.state.productTurn.policy).toBe('CleanExit')
    expect(play.refused(TERMINATED).reason).toContain('leavesSomething')
    expect(play.said('RealtimeReconnectPolicyChanged').map(({ policy }) => policy)).toEqual([
      'ReattachAndRecover',
      'CleanExit',
    ])
    expect(play.said('RealtimeProjectionFreshnessChanged')).toEqual([])
  })
})

const INPUTS: { readonly [Type in ProductTurnInput['type']]: MeerkatInput } = {
  ProductTurnInFlight: IN_FLIGHT,
  ProductTurnCommitted: COMMITTED,
  ProductOutputStarted: OUTPUT,
  ProductTurnInterrupted: INTERRUPTED,
  ProductTurnTerminal: TERMINAL,
  RealtimeProjectionAdvanceObserved: advanced(5),
  RealtimeProjectionRefreshed: refreshed(5),
  RealtimeProjectionReset: reset(5),
  ClassifyRealtimeClientInputSubmitted: SUBMITTED,
  ClassifyRealtimeMidTurnActivity: ACTIVITY,
  ClassifyRealtimeTurnTerminated: TERMINATED,
}

test('every input in every phase of the product turn', () => {
  const row = {
    ...all(INPUTS, 'taken', { ClassifyRealtimeTurnTerminated: 'guard-rejected' }),
    ProductTurnInFlight: 'no-matching-transition',
    ProductTurnCommitted: 'no-matching-transition',
    ProductOutputStarted: 'no-matching-transition',
    ProductTurnInterrupted: 'no-matching-transition',
  } as const
  expect(outcomesAfter(WAYS, INPUTS)).toEqual({
    idle: { ...row, ProductTurnInFlight: 'taken', ProductTurnTerminal: 'no-matching-transition' },
    awaitingProgress: { ...row, ProductTurnCommitted: 'taken', ProductOutputStarted: 'taken' },
    committed: { ...row, ProductOutputStarted: 'taken' },
    outputStarted: { ...row, ProductTurnCommitted: 'taken', ProductTurnInterrupted: 'taken' },
    preemptible: { ...row, ProductTurnInterrupted: 'taken' },
  } satisfies ReturnType<typeof outcomesAfter<ProductTurnPhase, ProductTurnInput['type']>>)
})

test('every input in every phase of the session', () => {
  const row = all(INPUTS, 'taken', { ClassifyRealtimeTurnTerminated: 'guard-rejected' })
  const idle = {
    ...row,
    ProductTurnCommitted: 'no-matching-transition',
    ProductOutputStarted: 'no-matching-transition',
    ProductTurnInterrupted: 'no-matching-transition',
    ProductTurnTerminal: 'no-matching-transition',
  } as const
  expect(outcomes(INPUTS, [])).toEqual({
    initializing: idle,
    idle,
    attached: idle,
    running: idle,
    retired: idle,
    stopped: idle,
    destroyed: all(INPUTS, 'no-matching-transition'),
  } satisfies ReturnType<typeof outcomes<ProductTurnInput['type']>>)
})
