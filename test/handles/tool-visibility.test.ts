/** Which tools the model may see, as the session service, the tool loader and the loop see it. */
import { describe, expect, test } from 'vitest'
import { HandleDslAuthority } from '../../src/handles/dsl-authority.ts'
import { ToolScopeStageError } from '../../src/handles/tool-scope-error.ts'
import { standaloneToolVisibilityOwner, ToolVisibilityOwner } from '../../src/handles/tool-visibility.ts'
import type { ToolFilter } from '../../src/kernel/regions/tool-filter.ts'
import type { ToolAuthority } from '../../src/kernel/regions/visibility/state.ts'
import { blind, seeing } from '../kernel/support/model-sessions.ts'
import { guardRejected, noTransition, SESSION, written } from './support.ts'

const tool = (name: string, sourceId = 'files'): ToolAuthority => ({ name, kind: 'mcp', sourceId })
const deny = (...names: string[]): ToolFilter => ({ type: 'deny', names })
const NAMES = ['read', 'write', 'search', 'index']

async function catalogued(owner: ToolVisibilityOwner): Promise<ToolVisibilityOwner> {
  await owner.replaceFilterToolAuthorityCatalog([tool('read'), tool('write'), tool('view_image')])
  await owner.replaceDeferredToolAuthorityCatalog([tool('search'), tool('index')])
  return owner
}
const owned = (): Promise<ToolVisibilityOwner> =>
  catalogued(new ToolVisibilityOwner(HandleDslAuthority.ephemeral(SESSION)))
const visible = (owner: ToolVisibilityOwner): readonly string[] => NAMES.filter(name => owner.isVisible(name))

async function refusal(act: Promise<unknown>): Promise<Pick<ToolScopeStageError, 'name' | 'kind' | 'tools'>> {
  try {
    await act
  } catch (error) {
    if (!(error instanceof ToolScopeStageError)) throw error
    const { name, kind, tools } = error
    return { name, kind, tools }
  }
  throw new Error('it was not refused')
}
const stageError = (kind: ToolScopeStageError['kind'], ...tools: string[]): object => ({
  name: 'ToolScopeStageError',
  kind,
  tools,
})

describe('what is staged', () => {
  test('is seen from the next boundary on', async () => {
    const owner = await owned()
    expect(await owner.boundaryApplied()).toBeUndefined()
    expect(await owner.stagePersistentFilter(deny('write'), [tool('write')])).toBe(1)
    expect(await owner.requestDeferredTools([tool('search')])).toBe(2)
    expect(visible(owner)).toEqual(['read', 'write'])
    const committed = await owner.boundaryApplied()
    expect(committed).toMatchObject({ active: { revision: 2, filter: deny('write'), deferred: ['search'] } })
    expect(committed).toEqual(owner.visibilityState())
    expect(visible(owner)).toEqual(['read', 'search'])
    expect(owner.effectiveFilter()).toEqual(deny('write'))
    expect(await owner.boundaryApplied()).toBeUndefined()
  })

  test('adds up where tools are asked for, and all of them can be hidden again', async () => {
    const owner = await owned()
    await owner.requestDeferredTools([tool('search')])
    await owner.requestDeferredTools([tool('index')])
    await owner.boundaryApplied()
    expect(visible(owner)).toEqual(NAMES)
    await owner.stageRequestedDeferredNames([])
    await owner.boundaryApplied()
    expect(visible(owner)).toEqual(['read', 'write'])
    expect(owner.isVisible('search', true)).toBe(true)
  })

  test('is committed in parts, or under its revision, and again is nothing', async () => {
    const owner = await owned()
    await owner.requestDeferredTools([tool('search')])
    const revision = await owner.stageVisibilityFilter(deny('read'), [tool('read')])
    await owner.commitVisibilityFilter(deny('read'), revision)
    expect(visible(owner)).toEqual(['write'])
    await owner.commitDeferredNames([tool('search')])
    await owner.commitDeferredNames([tool('search')])
    expect(visible(owner)).toEqual(['write', 'search'])
    const next = await owner.stageVisibilityFilter({ type: 'all' }, [])
    await expect(owner.publishCommittedVisibleSet(revision)).rejects.toMatchObject(guardRejected)
    await owner.publishCommittedVisibleSet(next)
    await owner.publishCommittedVisibleSet(next)
    expect(visible(owner)).toEqual(['read', 'write', 'search'])
  })

  test('while a boundary is being committed goes with it', async () => {
    const { authority, hold } = await written()
    const owner = await catalogued(new ToolVisibilityOwner(authority))
    await owner.stagePersistentFilter(deny('write'), [tool('write')])
    const flight = hold()
    const staging = owner.requestDeferredTools([tool('search')])
    const boundary = owner.boundaryApplied()
    await flight.begun
    flight.release()
    expect(await staging).toBe(2)
    expect(await boundary).toMatchObject({ active: { revision: 2, filter: deny('write'), deferred: ['search'] } })
  })
})

describe('tools are named with who provides them', () => {
  test.for<[string, ToolFilter, readonly ToolAuthority[], object]>([
    ['nobody provides', deny('fly', 'read'), [tool('fly'), tool('read')], stageError('UnknownTools', 'fly')],
    ['nobody vouches for', deny('write', 'read'), [tool('read')], stageError('MissingFilterWitnesses', 'write')],
    [
      'somebody else provides',
      deny('write'),
      [tool('write', 'elsewhere')],
      stageError('InvalidFilterWitnesses', 'write'),
    ],
  ])('a filter that names what %s', async ([_, filter, witnesses, expected]) => {
    const owner = await owned()
    expect(await refusal(owner.stagePersistentFilter(filter, witnesses))).toEqual(expected)
    expect(await refusal(owner.stageVisibilityFilter(filter, witnesses))).toEqual(expected)
    expect(owner.visibilityState().newest).toBe(0)
  })

  test.for<[string, readonly ToolAuthority[], object]>([
    ['nobody provides', [tool('search'), tool('fly')], stageError('UnknownTools', 'fly')],
    ['nobody vouches for', [{ name: 'search', kind: '', sourceId: '' }], stageError('MissingWitnesses', 'search')],
    ['somebody else provides', [tool('index', 'elsewhere')], stageError('InvalidWitnesses', 'index')],
    ['is nothing', [], stageError('Owner')],
  ])('a request for what %s', async ([_, authorities, expected]) => {
    const owner = await owned()
    expect(await refusal(owner.requestDeferredTools(authorities))).toEqual(expected)
    expect(owner.visibilityState().newest).toBe(0)
  })

  test('what is named stays whose it is', async () => {
    const owner = await owned()
    await owner.stagePersistentFilter(deny('write'), [tool('write')])
    await owner.requestDeferredTools([tool('search')])
    await expect(owner.replaceFilterToolAuthorityCatalog([tool('write', 'else')])).rejects.toMatchObject(guardRejected)
    await expect(owner.replaceDeferredToolAuthorityCatalog([])).rejects.toMatchObject(guardRejected)
    await owner.replaceFilterToolAuthorityCatalog([tool('write'), tool('read', 'else')])
    expect(await refusal(owner.stagePersistentFilter(deny('read'), [tool('read')]))).toEqual(
      stageError('InvalidFilterWitnesses', 'read'),
    )
  })
})

describe('the overlay of a turn', () => {
  test('narrows what is seen until it is cleared', async () => {
    const owner = await owned()
    await owner.setTurnToolOverlay({ allow: ['read', 'write'], deny: ['write'] })
    expect(visible(owner)).toEqual(['read'])
    expect(owner.visibilityState().overlay).toEqual({ allow: ['read', 'write'], deny: ['write'] })
    await owner.clearTurnToolOverlay()
    expect(visible(owner)).toEqual(['read', 'write'])
    expect(owner.visibilityState()).not.toHaveProperty('overlay')
  })

  test('allows known tools alone', async () => {
    const owner = await owned()
    expect(await refusal(owner.setTurnToolOverlay({ allow: ['fly'], deny: [] }))).toEqual(
      stageError('UnknownTools', 'fly'),
    )
  })
})

test('a session passes on what it shows, whole or not at all', async () => {
  const parent = await owned()
  await parent.stagePersistentFilter(deny('write'), [tool('write')])
  await parent.boundaryApplied()
  await parent.requestDeferredTools([tool('search')])
  const passed = parent.visibilityState()
  const child = await owned()
  await child.replaceVisibilityState(passed)
  expect(child.visibilityState()).toEqual(passed)
  expect(visible(child)).toEqual(['read'])
  const stranger = new ToolVisibilityOwner(HandleDslAuthority.ephemeral(SESSION))
  expect(await refusal(stranger.replaceVisibilityState(passed))).toEqual(stageError('UnknownTools', 'search', 'write'))
  const older = { ...passed, active: { ...passed.active, revision: 0 }, staged: { ...passed.staged, revision: 0 } }
  expect(await refusal(child.replaceVisibilityState(older))).toEqual(stageError('Owner'))
  expect(child.visibilityState()).toEqual(passed)
})

test('an agent that stands alone shows what its model can see', async () => {
  const images = async (...model: [typeof seeing] | []): Promise<boolean> =>
    (await standaloneToolVisibilityOwner(SESSION, ...model)).isVisible('view_image')
  expect([await images(), await images(seeing), await images(blind)]).toEqual([true, true, false])
})

test('nothing is staged through a closed gate', async () => {
  const { authority, gate } = await written()
  const owner = await catalogued(new ToolVisibilityOwner(authority))
  await owner.stagePersistentFilter(deny('write'), [tool('write')])
  gate.close()
  expect(await refusal(owner.requestDeferredTools([tool('search')]))).toEqual(stageError('Owner'))
  await expect(owner.boundaryApplied()).rejects.toMatchObject(noTransition)
  expect(owner.visibilityState().newest).toBe(1)
})
