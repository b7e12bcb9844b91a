/** What is said of the models and tools of a session, and what is refused, where little tells it apart. */
import {
  isToolVisible,
  type MeerkatInput,
  modelRoutingStatus,
  type RoutingApproval,
  type ToolAuthority,
  type ToolFilter,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { CATALOGS, served, tool } from './support/model-sessions.ts'
import { registered } from './support/play.ts'
import { tornDown } from './support/truth-table.ts'

const base = { model: 'base', realtime: true }
const other = { model: 'other', realtime: false }
const BASELINE: MeerkatInput = { type: 'SetModelRoutingBaseline', target: base }
const ADMIT: MeerkatInput = { type: 'AdmitModelRoutingAssistantTurn' }

interface How {
  readonly approval?: RoutingApproval
  readonly realtimeTransport?: 'required'
}
const finite = (requestId: string, how: How = {}): MeerkatInput => ({
  type: 'RequestFiniteSwitchTurn',
  requestId,
  target: other,
  turns: 1,
  ...how,
})
const lasting = (requestId: string, how: How = {}): MeerkatInput => ({
  type: 'RequestUntilChangedSwitchTurn',
  requestId,
  target: other,
  ...how,
})
const image = (operationId: string, how: How = {}): MeerkatInput => ({
  type: 'BeginImageOperation',
  operationId,
  target: other,
  requiresScopedOverride: true,
  ...how,
})
const activate = (operationId: string): MeerkatInput => ({
  type: 'ActivateImageOperationOverride',
  operationId,
  target: other,
})
const classify = (operationId: string): MeerkatInput => ({
  type: 'ClassifyImageOperationTerminal',
  operationId,
  observation: { type: 'emptyResult' },
  providerText: 'discard',
})
const complete = (operationId: string): MeerkatInput => ({
  type: 'CompleteImageOperation',
  operationId,
  terminal: 'emptyResult',
})
const planDenied = (operationId: string): MeerkatInput => ({
  type: 'DenyImageOperationPlan',
  operationId,
  denial: 'policy',
})

const unavailable: How = { approval: { type: 'unavailable' } }
const denied: How = { approval: { type: 'denied', reason: 'costly' } }
const transport: How = { realtimeTransport: 'required' }

/** How the switch or the operation that was asked for ended. */
const ended = (id: string, terminal: string, more: object = {}, type: 'switch' | 'image' = 'switch') => ({
  type: 'ModelRoutingTerminated',
  end: { type, id, terminal, ...more },
})
const deniedAs = (id: string, denial: string, type: 'switch' | 'image' = 'switch') =>
  ended(id, 'denied', { denial }, type)

describe('a switch or an image operation is asked for once', () => {
  const ways: readonly (readonly [string, How])[] = [
    ['anew', {}],
    ['without anybody to approve it', unavailable],
    ['against a denial', denied],
    ['against a transport', transport],
  ]
  type Asked = readonly [what: string, before: readonly MeerkatInput[], again: (id: string, how: How) => MeerkatInput]
  const asked: readonly Asked[] = [
    ['a switch that waits', [finite('q')], finite],
    ['a switch that holds', [finite('q'), ADMIT], finite],
    ['a switch that is over', [finite('q'), ADMIT, ADMIT], finite],
    ['a lasting switch', [lasting('q')], lasting],
    ['a switch that was for some turns', [finite('q')], lasting],
    ['an image operation', [image('q')], image],
    ['an image operation whose model is asked', [image('q'), activate('q')], image],
    ['an image operation that was denied', [planDenied('q')], image],
  ]

  test.each(
    asked.flatMap(([what, before, again]) => ways.map(([way, how]) => [what, way, before, again('q', how)] as const)),
  )('%s is not asked for again, %s', (_, __, before, again) => {
    expect(served(BASELINE, ...before).refused(again).kind).toBe('guard-rejected')
  })

  test('the plan of an image operation that was begun is not denied', () => {
    expect(served(BASELINE, image('q')).refused(planDenied('q')).kind).toBe('guard-rejected')
  })
})

describe('of several reasons for a denial the first counts', () => {
  test.each([
    ['no approval before another switch', [finite('q')], finite('s', denied), 'deniedDuringApproval'],
    ['another switch before a transport', [finite('q')], finite('s', transport), 'scopedOverrideConflict'],
    [
      'another image before its approval',
      [image('i'), activate('i')],
      image('s', unavailable),
      'scopedOverrideConflict',
    ],
  ] as const)('%s', (_, before, input, denial) => {
    const type = input.type === 'BeginImageOperation' ? 'image' : 'switch'
    expect(served(BASELINE, ...before).do(input)).toContainEqual(deniedAs('s', denial, type))
  })
})

describe('an image operation', () => {
  test('is classified aloud, while it is under way', () => {
    const play = served(BASELINE, image('i'))
    expect(play.refused(classify('unheard-of')).kind).toBe('guard-rejected')
    expect(play.do(activate('i'), classify('i')).at(-1)).toEqual({
      type: 'ImageOperationTerminalClassified',
      operationId: 'i',
      terminal: 'emptyResult',
      providerText: 'discard',
    })
    play.do(complete('i'))
    expect(play.refused(classify('i')).kind).toBe('guard-rejected')
  })
})

describe('what is switched', () => {
  test('ends where its executor leaves in the middle of it', () => {
    const play = served(BASELINE, image('i'), activate('i'), lasting('q'))
    const said = play.do({ type: 'RuntimeExecutorExited' })
    expect(said).toEqual(expect.arrayContaining([ended('i', 'failed', {}, 'image'), ended('q', 'interrupted')]))
    const { pending, images, effective } = modelRoutingStatus(play.state)
    expect({ pending, images, effective }).toEqual({ pending: undefined, images: [], effective: base })
  })

  test('needs a registration', () => {
    expect(tornDown().refused(BASELINE).kind).toBe('guard-rejected')
    expect(tornDown(BASELINE).refused(BASELINE).kind).toBe('guard-rejected')
  })
})

const search = tool('search')
const write: readonly ToolAuthority[] = [tool('write')]
const filter = { type: 'deny', names: ['write'] } as const
const STAGED: MeerkatInput = { type: 'StagePersistentFilter', filter, witnesses: write }
const REQUESTED: MeerkatInput = { type: 'RequestDeferredTools', authorities: [search] }
const commitFilter = (revision: number, committed: ToolFilter = filter): MeerkatInput => ({
  type: 'CommitVisibilityFilter',
  filter: committed,
  revision,
})
const commitNames = (...authorities: readonly ToolAuthority[]): MeerkatInput => ({
  type: 'CommitDeferredNames',
  authorities,
})

describe('of the tools that are visible or are to be is said', () => {
  test.each([
    ['a filter that is as it was, beside a request', [REQUESTED], commitFilter(1, { type: 'all' })],
    ['a request that is as it was, beside a filter', [STAGED], commitNames()],
  ] as const)('nothing more: %s', (_, before, input) => {
    const play = served(...CATALOGS, ...before)
    const { visibility } = play.state
    expect(play.do(input)).toEqual([])
    expect(play.state.visibility).toEqual(visibility)
  })
})

test('what a turn alone shows ends with a reset', () => {
  const play = registered()
  play.do(...CATALOGS, { type: 'SetTurnToolOverlay', deny: ['read'] })
  expect(isToolVisible(play.state, 'read')).toBe(false)
  play.do({ type: 'Reset' })
  expect(isToolVisible(play.state, 'read')).toBe(true)
})
