import {
  capabilityBaseFilter,
  isToolVisible,
  type LlmInput,
  type MeerkatInput,
  modelRoutingStatus,
  type SessionLlm,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { all, blind, busy, outcomes, seeing, served, sessionIn, unresolved } from './support/model-sessions.ts'
import { attached, kinds, registered, runId } from './support/play.ts'
import { surface } from './support/walk-models.ts'

const hydrate = (one: SessionLlm): MeerkatInput => ({ type: 'HydrateSessionLlmState', ...one })
const reconfigure = (previous: SessionLlm | undefined, to: SessionLlm): MeerkatInput => ({
  type: 'ReconfigureSessionLlmIdentity',
  ...(previous && { previous }),
  identity: to.identity,
  surface: to.surface ?? surface(),
})
const fallBack = (more: Partial<Extract<LlmInput, { type: 'CommitStickyModelFallback' }>> = {}): MeerkatInput => ({
  type: 'CommitStickyModelFallback',
  runId: runId('r'),
  retryAttempt: 1,
  previous: seeing,
  ...blind,
  profile: { provider: 'p', model: 'blind' },
  ...more,
})
const failure = (attempt: number): MeerkatInput => ({
  type: 'RecoverableFailure',
  runId: runId('r'),
  retry: { attempt, maxRetries: 3, delayMs: 1, kind: 'rate-limited' },
})
const BASELINE: MeerkatInput = { type: 'SetModelRoutingBaseline', target: { model: 'seeing', realtime: true } }

describe('what the model can do', () => {
  test('decides whether images may be viewed; of an unknown one nothing is held back', () => {
    const play = registered()
    expect(capabilityBaseFilter(play.state.llm)).toEqual({ type: 'all' })
    play.do(hydrate(blind))
    expect(capabilityBaseFilter(play.state.llm)).toEqual({ type: 'deny', names: ['view_image'] })
    expect(isToolVisible(play.state, 'view_image')).toBe(false)
    play.do(hydrate(unresolved))
    expect(isToolVisible(play.state, 'view_image')).toBe(true)
    play.do(hydrate(blind), { type: 'ClearSessionLlmState' })
    expect(isToolVisible(play.state, 'view_image')).toBe(true)
  })
})

describe('a request to another model', () => {
  const request = (more: Partial<SessionLlm> & { readonly model?: string }): MeerkatInput => ({
    type: 'ModelRequested',
    ...more,
  })
  const CATALOG: MeerkatInput = {
    type: 'ReplaceFilterToolAuthorityCatalog',
    catalog: [{ name: 'view_image', kind: 'own', sourceId: 'x' }],
  }

  test('decides what is held back until the next one, or until a model is named', () => {
    const play = registered()
    play.do(hydrate(blind), CATALOG)
    expect(play.state.visibility.generation).toBe(1)
    play.do(request({ model: 'p/seeing', surface: surface() }))
    expect(isToolVisible(play.state, 'view_image')).toBe(true)
    expect(play.said('ToolGenerationChanged')).toMatchObject([{ generation: 2 }])
    // Nobody knows what it can do: nothing is held back, and nothing changes.
    play.do(request({ model: 'p/unheard-of' }))
    expect(isToolVisible(play.state, 'view_image')).toBe(true)
    expect(play.state.visibility.generation).toBe(2)
    play.do(request({ model: 'p/blind', surface: surface({ imageToolResults: false }) }))
    expect(isToolVisible(play.state, 'view_image')).toBe(false)
    expect(play.state.llm).toMatchObject({ phase: 'resolved', identity: blind.identity })
    play.do(hydrate(seeing))
    expect(isToolVisible(play.state, 'view_image')).toBe(true)
    expect(play.state.llm).not.toHaveProperty('requested')
  })

  test('is no news to whom nobody has shown a tool', () => {
    const play = registered()
    play.do(request({ surface: surface({ imageToolResults: false }) }))
    expect(isToolVisible(play.state, 'view_image')).toBe(false)
    expect(play.state.visibility.generation).toBeUndefined()
  })
})

describe('a change of the model', () => {
  test('is made of the one that was seen, and says what it changes', () => {
    const play = served(hydrate(seeing), BASELINE)
    expect(play.refused(reconfigure(undefined, blind)).reason).toContain('sawPrevious')
    play.refused(reconfigure({ ...seeing, surface: surface({ vision: false }) }, blind))
    play.refused(reconfigure({ identity: seeing.identity }, blind))
    play.refused(reconfigure({ ...seeing, identity: { ...seeing.identity, authBinding: 'other' } }, blind))
    play.do(reconfigure(seeing, blind))
    expect(play.said('SessionLlmReconfigurePlanResolved')).toMatchObject([
      {
        capabilityChanged: true,
        previousBaseFilter: { type: 'all' },
        currentBaseFilter: { type: 'deny', names: ['view_image'] },
        committedVisibleSetChanged: true,
        activeVisibilityRevision: 1,
      },
    ])
    expect(modelRoutingStatus(play.state).effective).toEqual({ model: 'blind', realtime: false })
  })

  test('that changes no tool raises no revision', () => {
    const play = served(hydrate(seeing))
    const other = { identity: { provider: 'q', model: 'other' }, surface: surface({ vision: false }) }
    play.do(reconfigure(seeing, other))
    expect(play.said('SessionLlmReconfigurePlanResolved')).toMatchObject([
      { capabilityChanged: true, committedVisibleSetChanged: false, activeVisibilityRevision: 0 },
    ])
    expect(play.said('ToolVisibilityChanged')).toEqual([])
    expect(modelRoutingStatus(play.state).baseline).toBeUndefined()
  })

  test('needs a placement once an executor is attached', () => {
    const play = attached()
    expect(play.refused(reconfigure(undefined, seeing)).reason).toContain('isBoundWhereAttached')
  })

  test('is not what names the model that the session was built with: that needs no placement', () => {
    const play = attached()
    play.do(hydrate(seeing))
    expect(play.state.llm).toMatchObject({ identity: seeing.identity })
  })
})

describe('a fallback that stays', () => {
  test('takes model, tools and baseline along in one step', () => {
    const play = busy(hydrate(seeing), BASELINE)
    play.do(failure(1))
    const said = play.do(fallBack())
    expect(kinds(said).toSorted()).toEqual([
      'ModelRoutingStatusChanged',
      'SessionLlmReconfigurePlanResolved',
      'ToolVisibilityChanged',
    ])
    expect(play.state.llm).toMatchObject({ phase: 'resolved', identity: { model: 'blind' } })
    expect(isToolVisible(play.state, 'view_image')).toBe(false)
    expect(modelRoutingStatus(play.state)).toMatchObject({ source: 'baseline', effective: { model: 'blind' } })
  })

  test.each<readonly [string, MeerkatInput, string]>([
    ['of another run', fallBack({ runId: runId('late') }), 'isCurrentRun'],
    ['after another attempt', fallBack({ retryAttempt: 2 }), 'recoversFromAttempt'],
    ['from another model', fallBack({ previous: blind }), 'sawPrevious'],
    ['with another model’s abilities', fallBack({ profile: { provider: 'p', model: 'seeing' } }), 'hasItsOwnProfile'],
    ['with a profile and no abilities', fallBack({ ...unresolved, surface: undefined as never }), 'hasItsOwnProfile'],
  ])('%s is refused', (_, input, guard) => {
    const play = busy(hydrate(seeing))
    play.do(failure(1))
    expect(play.refused(input).reason).toContain(guard)
  })

  test('is refused while the model is asked', () => {
    const play = busy(hydrate(seeing))
    expect(play.refused(fallBack()).reason).toContain('recoversFromAttempt')
  })

  test('may be to a model of which nothing is known', () => {
    const play = busy(hydrate(seeing))
    play.do(failure(1))
    const { surface: _, profile: __, ...bare } = fallBack() as Extract<LlmInput, { type: 'CommitStickyModelFallback' }>
    play.do({ ...bare, ...unresolved })
    expect(play.state.llm.phase).toBe('unresolved')
    expect(modelRoutingStatus(play.state).effective).toEqual({ model: 'unheard-of', realtime: false })
  })
})

test('the model stays when another process takes over, and goes with its session', () => {
  const play = busy(hydrate(seeing))
  play.do({ type: 'Recover' })
  expect(play.state.llm).toMatchObject({ phase: 'resolved', ...seeing })
  play.do({ type: 'Destroy' })
  expect(play.state.llm.phase).toBe('unknown')
  const other = sessionIn.idle(hydrate(seeing))
  other.do({ type: 'RegisterSession', sessionId: 'other' as never })
  expect(other.state.llm.phase).toBe('unknown')
})

test('every input in every phase', () => {
  const inputs: { readonly [Type in LlmInput['type']]: MeerkatInput } = {
    HydrateSessionLlmState: hydrate(blind),
    ReconfigureSessionLlmIdentity: reconfigure(seeing, blind),
    CommitStickyModelFallback: fallBack(),
    ClearSessionLlmState: { type: 'ClearSessionLlmState' },
    ModelRequested: { type: 'ModelRequested', model: 'p/other' },
  }
  const never = all(inputs, 'no-matching-transition')
  const closed = {
    ...never,
    HydrateSessionLlmState: 'taken',
    ClearSessionLlmState: 'taken',
    ModelRequested: 'taken',
  } as const
  const idle = all(inputs, 'taken', { CommitStickyModelFallback: 'no-matching-transition' })
  expect(outcomes(inputs, [hydrate(seeing)])).toEqual({
    initializing: never,
    idle,
    attached: idle,
    running: all(inputs, 'taken', { CommitStickyModelFallback: 'guard-rejected' }),
    retired: closed,
    stopped: closed,
    destroyed: never,
  } satisfies ReturnType<typeof outcomes<LlmInput['type']>>)
})
