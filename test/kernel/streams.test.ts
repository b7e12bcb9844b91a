import type { MeerkatInput, PeerCorrelationId, StreamAbandonReason } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { ContextInput } from '../../src/kernel/regions/context/input.ts'
import type { StreamsInput } from '../../src/kernel/regions/streams/input.ts'
import { stream } from './support/peers.ts'
import { attached, type Play } from './support/play.ts'
import { lifecycleOf, livesAfter, type TruthTable, tornDown, truths } from './support/truth-table.ts'

type Type = StreamsInput['type']
const of = <T extends string>(type: T, id = 'x') => ({ type, correlationId: id as PeerCorrelationId })
const reserve = of('InteractionStreamReserved')
const attach = of('InteractionStreamAttached')
const abandon = (reason: StreamAbandonReason) => ({ ...of('InteractionStreamAbandoned'), reason })

function served(...inputs: readonly MeerkatInput[]): Play {
  const play = attached()
  play.do(...inputs)
  return play
}

const EXAMPLES = {
  InteractionStreamReserved: reserve,
  InteractionStreamAttached: attach,
  InteractionStreamCompleted: of('InteractionStreamCompleted'),
  InteractionStreamExpired: of('InteractionStreamExpired'),
  InteractionStreamClosedEarly: of('InteractionStreamClosedEarly'),
  InteractionStreamAbandoned: abandon('SendFailed'),
} as const

describe('an interaction stream', () => {
  const never = {
    InteractionStreamReserved: 'no-matching-transition',
    InteractionStreamAttached: 'no-matching-transition',
    InteractionStreamCompleted: 'no-matching-transition',
    InteractionStreamExpired: 'no-matching-transition',
    InteractionStreamClosedEarly: 'no-matching-transition',
    InteractionStreamAbandoned: 'no-matching-transition',
  } as const
  const throughout = (lives: TruthTable<string, Type>[string]): TruthTable<string, Type> => ({
    initializing: never,
    idle: lives,
    attached: lives,
    running: lives,
    retired: lives,
    stopped: lives,
    destroyed: never,
  })

  test('that nobody reserved can only be reserved', () => {
    expect(truths(lifecycleOf, livesAfter(), EXAMPLES)).toEqual(
      throughout({
        InteractionStreamReserved: 'stays',
        InteractionStreamAttached: 'guard-rejected',
        InteractionStreamCompleted: 'guard-rejected',
        InteractionStreamExpired: 'guard-rejected',
        InteractionStreamClosedEarly: 'guard-rejected',
        InteractionStreamAbandoned: 'guard-rejected',
      }),
    )
  })

  test('that is reserved can be attached, expire or be abandoned', () => {
    expect(truths(lifecycleOf, livesAfter(reserve), EXAMPLES)).toEqual(
      throughout({
        InteractionStreamReserved: 'guard-rejected',
        InteractionStreamAttached: 'stays',
        InteractionStreamCompleted: 'guard-rejected',
        InteractionStreamExpired: 'stays',
        InteractionStreamClosedEarly: 'guard-rejected',
        InteractionStreamAbandoned: 'stays',
      }),
    )
  })

  test('that is attached can be completed, closed early or abandoned', () => {
    expect(truths(lifecycleOf, livesAfter(reserve, attach), EXAMPLES)).toEqual(
      throughout({
        InteractionStreamReserved: 'guard-rejected',
        InteractionStreamAttached: 'guard-rejected',
        InteractionStreamCompleted: 'stays',
        InteractionStreamExpired: 'guard-rejected',
        InteractionStreamClosedEarly: 'stays',
        InteractionStreamAbandoned: 'stays',
      }),
    )
  })

  const ways = [
    [[reserve], of('InteractionStreamExpired'), 'Expired'],
    [[reserve, attach], of('InteractionStreamCompleted'), 'Completed'],
    [[reserve, attach], of('InteractionStreamClosedEarly'), 'ClosedEarly'],
    [[reserve], abandon('AdmissionRejected'), 'Abandoned'],
    [[reserve, attach], abandon('TerminalDeliveryFailed'), 'Abandoned'],
  ] as const
  test.each(ways)('ends once, and who holds it is told once and why: $1.type', (way, end, state) => {
    const play = served(...way)
    const reason = 'reason' in end ? { reason: end.reason } : {}
    expect(play.do(end)).toEqual([
      { type: 'InteractionStreamStateChanged', correlationId: 'x', state },
      { type: 'InteractionStreamCleanup', correlationId: 'x', ...reason },
    ])
    for (const [, late] of ways) expect(play.refused(late).kind).toBe('guard-rejected')
    play.do(reserve)
    expect(stream(play, 'x')).toBe('Reserved')
  })

  test('is one of many', () => {
    const play = served(reserve, of('InteractionStreamReserved', 'y'), of('InteractionStreamAttached', 'y'))
    play.do(of('InteractionStreamExpired'))
    expect([stream(play, 'x'), stream(play, 'y')]).toEqual([undefined, 'Attached'])
  })

  test('ends with its process; a late word about it is no news once the session was torn down', () => {
    const play = served(reserve, attach)
    play.do({ type: 'Recover' })
    expect(stream(play, 'x')).toBeUndefined()
    expect(play.refused(of('InteractionStreamCompleted')).kind).toBe('guard-rejected')
    const gone = tornDown(reserve)
    expect(gone.do(...Object.values(EXAMPLES))).toEqual([])
    gone.do({ type: 'Retire' })
    expect(gone.do(...Object.values(EXAMPLES))).toEqual([])
    expect(stream(gone, 'x')).toBeUndefined()
  })
})

describe('the session-context watermark', () => {
  const advance = (updatedAt: number): ContextInput => ({ type: 'AdvanceSessionContext', updatedAt })
  const examples = { AdvanceSessionContext: advance(5) }

  test('moves while a session lives, and only up', () => {
    const table = (lives: 'stays' | 'guard-rejected'): TruthTable<string, 'AdvanceSessionContext'> => ({
      initializing: { AdvanceSessionContext: 'no-matching-transition' },
      idle: { AdvanceSessionContext: lives },
      attached: { AdvanceSessionContext: lives },
      running: { AdvanceSessionContext: lives },
      retired: { AdvanceSessionContext: lives },
      stopped: { AdvanceSessionContext: lives },
      destroyed: { AdvanceSessionContext: 'no-matching-transition' },
    })
    expect(truths(lifecycleOf, livesAfter(advance(4)), examples)).toEqual(table('stays'))
    expect(truths(lifecycleOf, livesAfter(advance(5)), examples)).toEqual(table('guard-rejected'))
  })

  test('is told once each time it rises', () => {
    const play = served(advance(3))
    expect(play.refused(advance(2)).kind).toBe('guard-rejected')
    play.do(advance(9))
    expect(play.said('SessionContextAdvanced').map(({ updatedAt }) => updatedAt)).toEqual([3, 9])
    expect(play.state.context.updatedAt).toBe(9)
  })
})
