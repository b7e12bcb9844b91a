import {
  classifyImageTerminal,
  decodeState,
  encodeState,
  type ImageObservation,
  type ImageTerminal,
  type MeerkatInput,
  modelRoutingStatus,
  type RoutingInput,
  type RoutingTerminal,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { all, busy, outcomes, served, sessionIn } from './support/model-sessions.ts'
import { attached, kinds, type Play, runId } from './support/play.ts'

type In<Type> = Extract<RoutingInput, { readonly type: Type }>

const base = { model: 'base', realtime: true }
const other = { model: 'other', realtime: false }
const BASELINE: MeerkatInput = { type: 'SetModelRoutingBaseline', target: base }
const ADMIT: MeerkatInput = { type: 'AdmitModelRoutingAssistantTurn' }
const finite = (requestId: string, turns: number, more: Partial<In<'RequestFiniteSwitchTurn'>> = {}): MeerkatInput => ({
  type: 'RequestFiniteSwitchTurn',
  requestId,
  target: other,
  turns,
  ...more,
})
const lasting = (requestId: string, more: Partial<In<'RequestUntilChangedSwitchTurn'>> = {}): MeerkatInput => ({
  type: 'RequestUntilChangedSwitchTurn',
  requestId,
  target: other,
  ...more,
})
const applied = (requestId: string): MeerkatInput => ({ type: 'CompleteUntilChangedSwitchTurnReconfigure', requestId })
const begin = (operationId: string, more: Partial<In<'BeginImageOperation'>> = {}): MeerkatInput => ({
  type: 'BeginImageOperation',
  operationId,
  target: { model: 'image', realtime: false },
  requiresScopedOverride: true,
  ...more,
})
const activate = (operationId: string): MeerkatInput => ({
  type: 'ActivateImageOperationOverride',
  operationId,
  target: { model: 'image', realtime: false },
})
const classify = (operationId: string, observation: ImageObservation = { type: 'generated' }): MeerkatInput => ({
  type: 'ClassifyImageOperationTerminal',
  operationId,
  observation,
  providerText: 'keep',
})
const complete = (operationId: string, terminal: ImageTerminal = 'generated'): MeerkatInput => ({
  type: 'CompleteImageOperation',
  operationId,
  terminal,
  payload: 'p',
})
const restore = (operationId: string): MeerkatInput => ({ type: 'RestoreImageOperationOverride', operationId })

const status = ({ state }: Play) => modelRoutingStatus(state)
const asked = (play: Play): string | undefined => status(play).effective?.model
/** Every end that was said, in words. */
const ends = (play: Play): readonly string[] => play.said('ModelRoutingTerminated').map(({ end }) => inWords(end))
const inWords = (end: RoutingTerminal): string =>
  [end.id, end.terminal, ...('denial' in end ? [end.denial] : [])].join(' ')

describe('a switch for some turns', () => {
  test('begins with the next assistant turn, holds for as many as were asked for, and is restored', () => {
    const play = served(BASELINE)
    play.do(finite('q', 2))
    expect([asked(play), status(play).pending?.requestId]).toEqual(['base', 'q'])
    const models = [1, 2, 3].map(() => {
      play.do(ADMIT)
      return asked(play)
    })
    expect(models).toEqual(['other', 'other', 'base'])
    expect(ends(play)).toEqual(['q consumedAndRestored'])
    expect(play.said('SwitchTurnFiniteOverrideActivated')).toMatchObject([{ requestId: 'q', target: other }])
    expect(play.said('ModelRoutingStatusChanged').map(({ epoch }) => epoch)).toEqual([1, 2, 3])
    play.refused(ADMIT)
  })

  test.each<
    readonly [string, Partial<Pick<In<'RequestUntilChangedSwitchTurn'>, 'approval' | 'realtimeTransport'>>, string]
  >([
    ['that nobody could approve', { approval: { type: 'unavailable' } }, 'approvalRequiredButUnavailable'],
    ['that was not approved', { approval: { type: 'denied', reason: 'costly' } }, 'deniedDuringApproval'],
    ['that would lose a transport', { realtimeTransport: 'required' }, 'realtimeTransportConflict'],
  ])('%s is denied, and so is one that lasts', (_, more, denial) => {
    const play = served(BASELINE)
    play.do(finite('q', 1, more), lasting('s', more))
    expect(ends(play)).toEqual([`q denied ${denial}`, `s denied ${denial}`])
    expect(status(play).pending).toBeUndefined()
    const reasons = play.said('ModelRoutingApprovalTerminalized').map(({ id, reason }) => `${id} ${reason}`)
    expect(reasons).toEqual(denial === 'deniedDuringApproval' ? ['q costly', 's costly'] : [])
  })

  test('keeps a transport that may be given up, or that the other model has', () => {
    const play = served(BASELINE)
    play.do(finite('q', 1, { realtimeTransport: 'detachable', approval: { type: 'approved' } }), ADMIT, ADMIT)
    play.do(finite('s', 1, { realtimeTransport: 'required', target: base }))
    expect(ends(play)).toEqual(['q consumedAndRestored'])
  })

  test('is denied while another waits, holds, or an image has its model', () => {
    const play = served(BASELINE)
    play.do(finite('q', 1), finite('s', 1), ADMIT, finite('t', 1), ADMIT)
    play.do(begin('i'), activate('i'), finite('u', 1))
    expect(ends(play).filter(end => end.includes('denied'))).toEqual([
      's denied scopedOverrideConflict',
      't denied scopedOverrideConflict',
      'u denied scopedOverrideConflict',
    ])
  })

  test('needs a baseline, a turn, and a name of its own', () => {
    const play = served()
    expect(play.refused(finite('q', 1)).reason).toContain('knowsBaseline')
    play.do(BASELINE)
    expect(play.refused(finite('q', 0)).reason).toContain('isForSomeTurns')
    play.do(finite('q', 1))
    expect(play.refused(finite('q', 1)).reason).toContain('isNewSwitch')
    play.do(ADMIT, ADMIT)
    expect(play.refused(finite('q', 1)).reason).toContain('isNewSwitch')
  })

  test('outlives its process', () => {
    const play = busy(BASELINE, finite('q', 3), ADMIT)
    play.do({ type: 'Recover' })
    expect(asked(play)).toBe('other')
    expect(modelRoutingStatus(decodeState(encodeState(play.state)))).toEqual(status(play))
  })
})

describe('a switch that lasts', () => {
  test('moves the baseline once it is applied', () => {
    const play = served(BASELINE)
    expect(kinds(play.do(lasting('q')))).toEqual(['SwitchTurnPersistentReconfigureRequested'])
    play.refused(applied('s'))
    expect(asked(play)).toBe('base')
    play.do(applied('q'))
    expect(asked(play)).toBe('other')
    expect(ends(play)).toEqual(['q persistentReconfigureApplied'])
    play.refused(applied('q'))
  })

  test('takes the place of one that waits, which is denied', () => {
    const play = served(BASELINE)
    play.do(finite('q', 1), lasting('s'), applied('s'))
    expect(ends(play)).toEqual(['q denied scopedOverrideConflict', 's persistentReconfigureApplied'])
  })

  test('is interrupted with its process', () => {
    const play = served(BASELINE, lasting('q'))
    play.do({ type: 'Recover' })
    expect(ends(play)).toEqual(['q interrupted'])
    expect([asked(play), status(play).pending]).toEqual(['base', undefined])
  })
})

describe('an image operation', () => {
  test('with a model of its own has it asked until it is restored', () => {
    const play = served(BASELINE)
    play.do(finite('q', 2), ADMIT, begin('i'))
    expect(asked(play)).toBe('other')
    play.do(activate('i'))
    expect([asked(play), status(play).source]).toEqual(['image', 'image'])
    expect(play.refused(complete('i')).reason).toContain('isClassifiedSo')
    play.do(classify('i'))
    play.refused(complete('i', 'failed'))
    play.do(complete('i'))
    expect([asked(play), ends(play)]).toEqual(['image', []])
    play.do(restore('i'))
    expect([asked(play), ends(play)]).toEqual(['other', ['i generated']])
    expect(play.said('ImageOperationPhaseChanged').map(({ phase }) => phase)).toEqual([
      'planResolved',
      'scopedOverrideActive',
      'restoringScopedOverride',
    ])
    expect(status(play).images).toEqual([])
  })

  test('without one ends as soon as it is complete', () => {
    const play = served(BASELINE)
    play.do(begin('i', { requiresScopedOverride: false }))
    expect(play.refused(activate('i')).reason).toContain('needsOverride')
    play.do(classify('i', { type: 'executionFailed' }), complete('i', 'failed'))
    expect(ends(play)).toEqual(['i failed'])
    expect(asked(play)).toBe('base')
  })

  test('is denied while another has its model asked, and when it is not approved', () => {
    const play = served(BASELINE)
    play.do(begin('h'), begin('i'), activate('i'), begin('j'))
    expect(play.refused(activate('h')).reason).toContain('noImageOverride')
    play.do(restore('i'), begin('k', { approval: { type: 'unavailable' } }))
    play.do(begin('l', { approval: { type: 'denied', reason: 'no' } }), begin('m', { realtimeTransport: 'required' }))
    play.do({ type: 'DenyImageOperationPlan', operationId: 'n', denial: 'unsupportedByModel' })
    expect(ends(play)).toEqual([
      'j denied scopedOverrideConflict',
      'i failed',
      'k denied approvalRequiredButUnavailable',
      'l denied deniedDuringApproval',
      'm denied realtimeTransportConflict',
      'n planDenied unsupportedByModel',
    ])
    expect(play.refused(begin('n')).reason).toContain('isNewImage')
  })

  test.each<readonly [ImageObservation, ImageTerminal]>([
    [{ type: 'generated' }, 'generated'],
    [{ type: 'emptyResult' }, 'emptyResult'],
    [{ type: 'blobCommitFailed' }, 'failed'],
    [{ type: 'providerHttpError', httpStatus: 408 }, 'timeout'],
    [{ type: 'providerHttpError', httpStatus: 504 }, 'timeout'],
    [{ type: 'providerHttpError', httpStatus: 499 }, 'cancelled'],
    [{ type: 'providerHttpError', httpStatus: 500 }, 'failed'],
    [{ type: 'providerHttpError', httpStatus: 400, code: 'openAiContentFilter' }, 'safetyFiltered'],
    [{ type: 'providerNativeError', code: 'geminiDeadlineExceeded' }, 'timeout'],
    [{ type: 'providerNativeError', code: 'geminiSafety' }, 'safetyFiltered'],
    [{ type: 'providerNativeError', code: 'openAiModelRefusal' }, 'refusedByProvider'],
    [{ type: 'providerNativeError', code: 'geminiModelRefusal' }, 'refusedByProvider'],
    [{ type: 'providerNativeError' }, 'failed'],
  ])('that was seen as %o ended %s', (seen, terminal) => {
    expect(classifyImageTerminal(seen)).toBe(terminal)
    const play = served(BASELINE)
    play.do(begin('i'), classify('i', seen), complete('i', terminal))
    expect(ends(play)).toEqual([`i ${terminal}`])
  })

  test('has failed when its process is lost, unless it was complete; its model is no longer asked', () => {
    const play = busy(BASELINE, begin('h'), begin('i'), activate('i'), classify('i'))
    play.do({ type: 'Recover' })
    expect([...ends(play)].toSorted()).toEqual(['h failed', 'i failed'])
    expect(asked(play)).toBe('base')
    const done = busy(BASELINE, begin('i'), activate('i'), classify('i'), complete('i'))
    done.do({ type: 'Recover' })
    expect(ends(done)).toEqual(['i generated'])
  })

  test('does not have its model asked after its run', () => {
    const play = busy(BASELINE, begin('h'), begin('i'), activate('i'))
    play.do({ type: 'RollbackRun', runId: runId('r'), cause: 'attempt-failed' })
    expect(ends(play)).toEqual(['i failed'])
    expect(asked(play)).toBe('base')
    expect(status(play).images).toMatchObject([{ operationId: 'h', phase: 'planResolved' }])
  })
})

test('of all that ended the newest 64 are kept', () => {
  const play = served(BASELINE)
  for (let n = 0; n < 100; n++) play.do(begin(`i${n}`), classify(`i${n}`), complete(`i${n}`))
  expect(ends(play)).toHaveLength(100)
  expect(status(play).recent.map(({ id }) => id)).toEqual(Array.from({ length: 64 }, (_, n) => `i${n + 36}`))
})

test('every operation that was under way is said to have ended, however many there were', () => {
  const play = served(BASELINE)
  for (let n = 0; n < 100; n++) play.do(begin(`i${n}`))
  play.do({ type: 'Recover' })
  expect(new Set(ends(play)).size).toBe(100)
})

test('the same baseline again is no news', () => {
  const play = served(BASELINE)
  const before = play.state
  expect(play.do(BASELINE)).toEqual([])
  expect(play.state).toBe(before)
})

test.each<readonly [string, MeerkatInput]>([
  ['is destroyed', { type: 'Destroy' }],
  ['becomes another', { type: 'RegisterSession', sessionId: 'other' as never }],
])('a session that %s ends all that was switched', (_, input) => {
  const play = sessionIn.idle(BASELINE, finite('q', 1), ADMIT, lasting('s'), begin('i'), activate('i'))
  play.do(input)
  expect(ends(play)).toEqual(['s interrupted', 'q interrupted', 'i failed'])
  expect(status(play)).toEqual({ epoch: 0, source: 'baseline', images: [], recent: [] })
})

test('a turn that is named counts once, and a switch that is over forgets it', () => {
  const play = served(BASELINE, finite('q', 2))
  const admit = (turn: string): MeerkatInput => ({ type: 'AdmitModelRoutingAssistantTurn', turn })
  play.do(admit('one'), admit('one'))
  expect(modelRoutingStatus(play.state).override).toMatchObject({ remaining: 2 })
  play.do(admit('two'), admit('two'))
  expect(modelRoutingStatus(play.state).override).toMatchObject({ remaining: 1 })
  expect(decodeState(encodeState(play.state)).routing).toEqual(play.state.routing)
  play.do(admit('three'))
  expect(play.state.routing).not.toHaveProperty('admitted')
  expect(status(play)).toMatchObject({ effective: base, source: 'baseline' })
})

test('a baseline that is a default is another one than a model of that name', () => {
  const play = served({ type: 'SetModelRoutingBaseline', target: { ...base, isDefault: true } }, BASELINE)
  expect(status(play).baseline).toEqual(base)
})

test('every input in every phase', () => {
  const inputs: { readonly [Type in RoutingInput['type']]: MeerkatInput } = {
    SetModelRoutingBaseline: BASELINE,
    RequestFiniteSwitchTurn: finite('t', 1),
    RequestUntilChangedSwitchTurn: lasting('t'),
    CompleteUntilChangedSwitchTurnReconfigure: applied('s'),
    AdmitModelRoutingAssistantTurn: ADMIT,
    BeginImageOperation: begin('k'),
    DenyImageOperationPlan: { type: 'DenyImageOperationPlan', operationId: 'k', denial: 'policy' },
    ActivateImageOperationOverride: activate('i'),
    ClassifyImageOperationTerminal: classify('i'),
    CompleteImageOperation: complete('i'),
    RestoreImageOperationOverride: restore('i'),
  }
  const never = all(inputs, 'no-matching-transition')
  const taken = all(inputs, 'taken', { RestoreImageOperationOverride: 'guard-rejected' })
  expect(outcomes(inputs, [BASELINE, finite('q', 1), ADMIT, lasting('s'), begin('i'), classify('i')])).toEqual({
    initializing: never,
    idle: taken,
    attached: taken,
    running: taken,
    retired: { ...never, SetModelRoutingBaseline: 'taken' },
    stopped: { ...never, SetModelRoutingBaseline: 'taken' },
    destroyed: never,
  } satisfies ReturnType<typeof outcomes<RoutingInput['type']>>)
})

test('an image operation is completed as what it was classified, and not before', () => {
  const play = attached()
  play.do(BASELINE, begin('i', { requiresScopedOverride: false }))
  expect(play.refused(complete('i')).kind).toBe('guard-rejected')
  play.do(classify('i'))
  expect(play.refused(complete('i', 'emptyResult')).kind).toBe('guard-rejected')
  play.do(complete('i'))
})
