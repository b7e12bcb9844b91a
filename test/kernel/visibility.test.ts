import {
  effectiveToolFilter,
  hasStagedVisibility,
  isToolVisible,
  type MeerkatInput,
  type ToolFilter,
  type VisibilityInput,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { toolGeneration } from '../../src/kernel/regions/visibility/state.ts'
import { all, blind, busy, CATALOGS, outcomes, seeing, served, tool } from './support/model-sessions.ts'
import { kinds, type Play, runId } from './support/play.ts'

const ALL: ToolFilter = { type: 'all' }
const deny = (...names: string[]): ToolFilter => ({ type: 'deny', names })
const allow = (...names: string[]): ToolFilter => ({ type: 'allow', names })
const stage = (filter: ToolFilter): MeerkatInput => ({
  type: 'StagePersistentFilter',
  filter,
  witnesses: filter.type === 'all' ? [] : filter.names.map(name => tool(name)),
})
/** Commits all that is staged, after these. */
function publish(play: Play, ...inputs: readonly MeerkatInput[]): readonly string[] {
  play.do(...inputs)
  const { revision } = play.state.visibility.staged
  return kinds(play.do({ type: 'PublishCommittedVisibleSet', revision }))
}
const visible = ({ state }: Play): readonly string[] =>
  ['read', 'write', 'view_image', 'search'].filter(name => isToolVisible(state, name))
const inherit = (inherited: ToolFilter): MeerkatInput => ({
  type: 'ReplaceVisibilityState',
  inherited,
  active: { revision: 1, filter: ALL, deferred: [] },
  staged: { revision: 1, filter: ALL, deferred: [] },
  witnesses: inherited.type === 'all' ? [] : inherited.names.map(name => tool(name)),
  authorities: [],
})

describe('the generation', () => {
  const generations = (...inputs: readonly MeerkatInput[]): readonly number[] => {
    const play = served()
    return inputs.map(input => {
      play.do(input)
      return toolGeneration(play.state.visibility)
    })
  }

  test('rises with what the model may see, not with what is staged', () => {
    const published = { type: 'PublishCommittedVisibleSet', revision: 1 } as const
    expect(generations(...CATALOGS, stage(deny('write')), published)).toEqual([1, 2, 2, 3])
    expect(generations(...CATALOGS, { type: 'SetTurnToolOverlay', deny: ['read'] })).toEqual([1, 2, 3])
    expect(generations(...CATALOGS, { type: 'ClearTurnToolOverlay' }, inherit(deny('read')))).toEqual([1, 2, 2, 3])
    const models = [{ type: 'HydrateSessionLlmState', ...blind }, { type: 'ClearSessionLlmState' }] as const
    expect(generations(...CATALOGS, ...models)).toEqual([1, 2, 3, 4])
  })

  test('is said, but for the first: nobody has seen one before', () => {
    const play = served()
    const [first, second] = CATALOGS
    if (first === undefined || second === undefined) throw new Error('there are two catalogues')
    expect(kinds(play.do(first))).toEqual([])
    expect(play.do(second)).toEqual([{ type: 'ToolGenerationChanged', generation: 2 }])
  })
})

describe('a filter', () => {
  test('that is staged shows nothing before it is committed', () => {
    const play = served(...CATALOGS)
    play.do(stage(deny('write')))
    expect(hasStagedVisibility(play.state)).toBe(true)
    expect(visible(play)).toEqual(['read', 'write', 'view_image'])
    expect(publish(play)).toEqual(['CommittedVisibleSetPublished', 'ToolGenerationChanged'])
    expect(visible(play)).toEqual(['read', 'view_image'])
    expect(hasStagedVisibility(play.state)).toBe(false)
    expect(publish(play)).toEqual([])
  })

  test('is committed by exactly what was staged', () => {
    const play = served(...CATALOGS)
    play.do(stage(deny('write')), stage(deny('write', 'read')))
    const commit = (filter: ToolFilter, revision: number): MeerkatInput => ({
      type: 'CommitVisibilityFilter',
      filter,
      revision,
    })
    expect(play.refused(commit(deny('write'), 1)).reason).toContain('isStagedFilter')
    play.refused(commit(deny('write', 'read'), 1))
    play.do(commit(deny('write', 'read', 'write'), 2))
    expect(play.state.visibility.active.revision).toBe(2)
    expect(visible(play)).toEqual(['view_image'])
  })

  test('names tools with who provides them', () => {
    const play = served(...CATALOGS)
    const filter = deny('write')
    expect(play.refused({ type: 'StageVisibilityFilter', filter, witnesses: [] }).reason).toContain('isWitnessed')
    for (const wrong of [tool('write', 'elsewhere'), { ...tool('write'), kind: 'builtin' }]) {
      const refusal = play.refused({ type: 'StageVisibilityFilter', filter, witnesses: [wrong] })
      expect(refusal.reason).toContain('isBackedByFilterCatalog')
    }
    play.refused(stage(deny('unknown')))
  })

  test('holds on to who provides what it names', () => {
    const play = served(...CATALOGS)
    play.do(stage(deny('write')))
    const catalog = (...names: Parameters<typeof tool>[]): MeerkatInput => ({
      type: 'ReplaceFilterToolAuthorityCatalog',
      catalog: names.map(one => tool(...one)),
    })
    expect(play.refused(catalog(['read'])).reason).toContain('keepsFilteredTools')
    play.refused(catalog(['write', 'elsewhere']))
    play.do(catalog(['write']))
    publish(play, stage(ALL))
    play.do(catalog())
  })

  test('and what is inherited, the model and the turn say together what is visible: a denial wins', () => {
    const play = served(...CATALOGS, { type: 'HydrateSessionLlmState', ...blind })
    expect(effectiveToolFilter(play.state)).toEqual(deny('view_image'))
    publish(play, inherit(deny('read')), stage(allow('read', 'write', 'view_image')))
    expect(effectiveToolFilter(play.state)).toEqual(allow('write'))
    play.do({ type: 'SetTurnToolOverlay', allow: ['read', 'write'], deny: [] })
    expect(visible(play)).toEqual(['write'])
    play.do({ type: 'SetTurnToolOverlay', deny: ['write'] })
    expect(visible(play)).toEqual([])
    expect(isToolVisible(play.state, 'load_tools', true)).toBe(true)
  })
})

describe('a deferred tool', () => {
  const request = (...names: string[]): MeerkatInput => ({
    type: 'RequestDeferredTools',
    authorities: names.map(name => tool(name)),
  })
  const commit = (...names: string[]): MeerkatInput => ({
    type: 'CommitDeferredNames',
    authorities: names.map(name => tool(name)),
  })

  test('is hidden until it is requested and committed', () => {
    const play = served(...CATALOGS)
    play.do(request('search'))
    expect(isToolVisible(play.state, 'search')).toBe(false)
    play.refused(commit('index'))
    play.do(commit('search'))
    expect(isToolVisible(play.state, 'search')).toBe(true)
    expect(isToolVisible(play.state, 'index')).toBe(false)
  })

  test('comes in addition to those before it, and all go together', () => {
    const play = served(...CATALOGS)
    publish(play, request('search'), request('index'))
    expect(play.state.visibility.active.deferred).toEqual(['index', 'search'])
    publish(play, { type: 'StageDeferredNames', names: [] })
    expect(isToolVisible(play.state, 'search')).toBe(false)
  })

  test('needs its provider, and keeps it', () => {
    const play = served(...CATALOGS)
    play.refused({ type: 'RequestDeferredTools', authorities: [] })
    play.refused({ type: 'RequestDeferredTools', authorities: [tool('search', 'elsewhere')] })
    play.do(request('search'))
    play.refused({ type: 'ReplaceDeferredToolAuthorityCatalog', catalog: [tool('search', 'elsewhere')] })
  })

  test('that is committed alone leaves the filter staged, under a new revision', () => {
    const play = served(...CATALOGS)
    play.do(stage(deny('write')), request('search'), commit('search'))
    expect(visible(play)).toEqual(['read', 'write', 'view_image', 'search'])
    const { active, staged } = play.state.visibility
    expect([active.revision, staged.revision]).toEqual([2, 3])
    publish(play)
    expect(visible(play)).toEqual(['read', 'view_image', 'search'])
  })
})

describe('an overlay', () => {
  const overlay: MeerkatInput = { type: 'SetTurnToolOverlay', allow: ['read'], deny: [] }
  const current = { runId: runId('r') }
  test.each<readonly [string, readonly MeerkatInput[]]>([
    [
      'commits',
      [
        { type: 'LlmReturnedTerminal', ...current },
        { type: 'BoundaryComplete', ...current },
        { type: 'Commit', ...current },
      ],
    ],
    [
      'fails',
      [
        { type: 'FatalFailure', ...current, source: 'llm' },
        { type: 'Fail', ...current },
      ],
    ],
    [
      'is cancelled',
      [
        { type: 'CancelNow', ...current },
        { type: 'CancellationObserved', ...current },
        { type: 'CancelRun', ...current },
      ],
    ],
    ['is rolled back', [{ type: 'RollbackRun', ...current, cause: 'attempt-failed' }]],
    ['loses its executor', [{ type: 'RuntimeExecutorExited' }]],
    ['loses its process', [{ type: 'Recover' }]],
  ])('ends when its run %s', (_, inputs) => {
    const play = busy(...CATALOGS, overlay)
    expect(visible(play)).toEqual(['read'])
    play.do(...inputs)
    expect(visible(play)).toEqual(['read', 'write', 'view_image'])
  })

  test('can be taken back, and allows only what is known', () => {
    const play = served(...CATALOGS, overlay)
    play.refused({ type: 'SetTurnToolOverlay', allow: ['unknown'], deny: [] })
    play.do({ type: 'ClearTurnToolOverlay' })
    expect(effectiveToolFilter(play.state)).toEqual(ALL)
  })
})

describe('revisions', () => {
  test('go on above those that are in use elsewhere', () => {
    const play = served(...CATALOGS)
    play.do({ type: 'SyncVisibilityRevisions', activeRevision: 3, stagedRevision: 7 }, stage(deny('write')))
    expect(play.state.visibility.staged.revision).toBe(8)
    const before = play.state
    play.do({ type: 'SyncVisibilityRevisions', activeRevision: 7, stagedRevision: 2 })
    expect(play.state).toBe(before)
  })

  test('of a state that is put in place are coherent and not older', () => {
    const play = served(...CATALOGS, inherit(ALL))
    const replace = (active: number, staged: number, filter: ToolFilter): MeerkatInput => ({
      ...(inherit(ALL) as Extract<MeerkatInput, { type: 'ReplaceVisibilityState' }>),
      active: { revision: active, filter: ALL, deferred: [] },
      staged: { revision: staged, filter, deferred: [] },
      witnesses: [tool('write')],
    })
    expect(play.refused(replace(2, 2, deny('write'))).reason).toContain('isCoherent')
    expect(play.refused(replace(3, 2, ALL)).reason).toContain('isCoherent')
    expect(play.refused(replace(0, 2, ALL)).reason).toContain('notOlder')
    expect(play.refused(replace(1, 2, deny('read'))).reason).toContain('isProven')
    publish(play, replace(1, 2, deny('write')))
    expect(visible(play)).toEqual(['read', 'view_image'])
  })

  test('rise when the model shows or hides images, and only then', () => {
    const play = served(...CATALOGS, { type: 'HydrateSessionLlmState', ...seeing })
    expect(play.state.visibility.active.revision).toBe(0)
    play.do(stage(deny('write')))
    play.do({ type: 'HydrateSessionLlmState', ...blind })
    const { active, staged } = play.state.visibility
    expect([active.revision, staged.revision]).toEqual([2, 3])
    publish(play, stage(deny('view_image')))
    const { revision } = play.state.visibility.active
    play.do({ type: 'HydrateSessionLlmState', ...seeing })
    expect(play.state.visibility.active.revision).toBe(revision)
  })
})

test.each<readonly [string, readonly MeerkatInput[]]>([
  ['is destroyed', [{ type: 'Destroy' }]],
  ['becomes another', [{ type: 'RegisterSession', sessionId: 'other' as never }]],
])('a session that %s starts without any say', (_, inputs) => {
  const play = served(...CATALOGS, stage(deny('write')))
  play.do(...inputs)
  expect(play.state.visibility.newest).toBe(0)
  expect(effectiveToolFilter(play.state)).toEqual(ALL)
})

test('every input in every phase', () => {
  const inputs: { readonly [Type in VisibilityInput['type']]: MeerkatInput } = {
    StagePersistentFilter: stage(ALL),
    StageVisibilityFilter: { type: 'StageVisibilityFilter', filter: ALL, witnesses: [] },
    CommitVisibilityFilter: { type: 'CommitVisibilityFilter', filter: ALL, revision: 0 },
    RequestDeferredTools: { type: 'RequestDeferredTools', authorities: [tool('search')] },
    StageDeferredNames: { type: 'StageDeferredNames', names: [] },
    CommitDeferredNames: { type: 'CommitDeferredNames', authorities: [] },
    ReplaceFilterToolAuthorityCatalog: { type: 'ReplaceFilterToolAuthorityCatalog', catalog: [] },
    ReplaceDeferredToolAuthorityCatalog: { type: 'ReplaceDeferredToolAuthorityCatalog', catalog: [] },
    SetTurnToolOverlay: { type: 'SetTurnToolOverlay', deny: ['x'] },
    ClearTurnToolOverlay: { type: 'ClearTurnToolOverlay' },
    PublishCommittedVisibleSet: { type: 'PublishCommittedVisibleSet', revision: 0 },
    ReplaceVisibilityState: inherit(ALL),
    SyncVisibilityRevisions: { type: 'SyncVisibilityRevisions', activeRevision: 1, stagedRevision: 1 },
  }
  const never = all(inputs, 'no-matching-transition')
  expect(outcomes(inputs, CATALOGS)).toEqual({
    initializing: never,
    idle: all(inputs, 'taken'),
    attached: all(inputs, 'taken'),
    running: all(inputs, 'taken'),
    retired: all(inputs, 'taken'),
    stopped: all(inputs, 'taken', {
      StagePersistentFilter: 'no-matching-transition',
      RequestDeferredTools: 'no-matching-transition',
      PublishCommittedVisibleSet: 'no-matching-transition',
    }),
    destroyed: never,
  } satisfies ReturnType<typeof outcomes<VisibilityInput['type']>>)
})
