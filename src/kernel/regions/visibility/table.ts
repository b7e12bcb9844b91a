/**
 * Tool visibility: which tools the model may see, and how that changes.
 *
 * Enforces: a staged set becomes visible only by a commit; every change of the visible set has a revision, and two sets of
 * one revision are equal; a filter or a request names a tool together with its provider, and as long as it is named no
 * other provider can offer it. A turn's overlay ends with its run; a further attempt sets it again. The filter of the
 * model's capabilities is computed from the model (llm) and not kept here. The loop knows when a boundary is reached and a
 * commit due. Every change of what the model may see raises the generation, so that a reader compares generations only. A
 * replaced catalogue raises it even with the same names, because the connection behind them may be another.
 */

import type { Satellite } from '../../core.ts'
import { emptyMap, mapGet, mapOf } from '../../persistent-map.ts'
import { isRegistered } from '../guards.ts'
import type { LifecyclePhase } from '../lifecycle/state.ts'
import { resetTo } from '../lifetimes.ts'
import type { LlmInput } from '../llm/input.ts'
import { llmOf, NO_LLM, requesting, type SessionLlm } from '../llm/state.ts'
import { GOING, SERVED } from '../phases.ts'
import { ALL_TOOLS, distinct, namedBy, plain, sameFilter, sameNames } from '../tool-filter.ts'
import type { VisibilityEffect } from './effect.ts'
import type { ReplaceVisibilityState, VisibilityInput } from './input.ts'
import { visibilityInWords } from './key.ts'
import type { Sees } from './sees.ts'
import {
  afterModelChange,
  afterModelRequest,
  deferredNames,
  filteredNames,
  hasStagedVisibility,
  isBacked,
  sameContent,
  type ToolAuthority,
  type ToolCatalog,
  type TurnToolOverlay,
  toolGeneration,
  type Visibility,
  type VisibleSet,
} from './state.ts'

type In<Type> = Extract<VisibilityInput, { readonly type: Type }>
type Staging = In<'StagePersistentFilter' | 'StageVisibilityFilter'>
type Cataloguing = In<'ReplaceFilterToolAuthorityCatalog' | 'ReplaceDeferredToolAuthorityCatalog'>

const namesOf = (authorities: readonly ToolAuthority[]): readonly string[] => distinct(authorities.map(one => one.name))
function hasAll(authorities: readonly ToolAuthority[], names: readonly string[]): boolean {
  return names.every(name => authorities.some(one => one.name === name))
}

function isWitnessed(_: Sees, { filter, witnesses }: Staging): boolean {
  return hasAll(witnesses, namedBy(filter))
}
function isBackedByFilterCatalog({ visibility: s }: Sees, { witnesses }: Staging): boolean {
  return isBacked(s.filterCatalog, witnesses)
}
function asksForSome(_: Sees, { authorities }: In<'RequestDeferredTools'>): boolean {
  return authorities.length > 0
}
function isBackedByDeferredCatalog(
  { visibility: s }: Sees,
  { authorities }: { readonly authorities: readonly ToolAuthority[] },
): boolean {
  return isBacked(s.deferredCatalog, authorities)
}
function isStagedFilter({ visibility: { staged } }: Sees, input: In<'CommitVisibilityFilter'>): boolean {
  return input.revision === staged.revision && sameFilter(plain(input.filter), staged.filter)
}
function isStagedRequest({ visibility: { staged } }: Sees, input: In<'CommitDeferredNames'>): boolean {
  return sameNames(namesOf(input.authorities), staged.deferred)
}
function isUncommitted(state: Sees): boolean {
  return hasStagedVisibility(state)
}
/** Whether the commit changes the filter: the staged filter differs, or only the revision does. */
function changesFilter({ visibility: { active, staged } }: Sees): boolean {
  return !sameFilter(active.filter, staged.filter) || sameContent(active, staged)
}
function changesRequest({ visibility: { active, staged } }: Sees): boolean {
  return !sameNames(active.deferred, staged.deferred) || sameContent(active, staged)
}
function isStagedRevision({ visibility: { staged } }: Sees, input: In<'PublishCommittedVisibleSet'>): boolean {
  return input.revision === staged.revision
}
/** Guard: the new catalogue keeps the provider of every tool that a filter names. */
function keepsFilteredTools({ visibility: s }: Sees, { catalog }: Cataloguing): boolean {
  return keeps(s.filterCatalog, catalogOf(catalog), filteredNames(s))
}
function keepsDeferredTools({ visibility: s }: Sees, { catalog }: Cataloguing): boolean {
  return keeps(s.deferredCatalog, catalogOf(catalog), deferredNames(s))
}
function keeps(old: ToolCatalog, next: ToolCatalog, names: readonly string[]): boolean {
  return names.every(name => {
    const owner = mapGet(old, name)
    return owner !== undefined && isBacked(next, [{ name, ...owner }])
  })
}
function allowsKnownTools({ visibility: s }: Sees, { allow = [] }: TurnToolOverlay): boolean {
  return allow.every(name => mapGet(s.filterCatalog, name) !== undefined)
}
function isCoherent(_: Sees, { active, staged }: ReplaceVisibilityState): boolean {
  if (active.revision > staged.revision) return false
  return active.revision < staged.revision || sameContent(plainSet(active), plainSet(staged))
}
function notOlder({ visibility: s }: Sees, { active }: ReplaceVisibilityState): boolean {
  return active.revision >= s.active.revision
}
function isProven({ visibility: s }: Sees, input: ReplaceVisibilityState): boolean {
  const { inherited, active, staged, witnesses, authorities } = input
  const filters = [inherited, active.filter, staged.filter]
  return (
    hasAll(witnesses, filters.flatMap(namedBy)) &&
    hasAll(authorities, [...active.deferred, ...staged.deferred]) &&
    isBacked(s.filterCatalog, witnesses) &&
    isBacked(s.deferredCatalog, authorities)
  )
}
const newestOf = (input: In<'SyncVisibilityRevisions'>): number => Math.max(input.activeRevision, input.stagedRevision)
function isAhead({ visibility: s }: Sees, input: In<'SyncVisibilityRevisions'>): boolean {
  return newestOf(input) > s.newest
}

const plainSet = ({ revision, filter, deferred }: VisibleSet): VisibleSet => ({
  revision,
  filter: plain(filter),
  deferred: distinct(deferred),
})
function catalogOf(authorities: readonly ToolAuthority[]): ToolCatalog {
  return mapOf(authorities.map(({ name, kind, sourceId }) => [name, { kind, sourceId }] as const))
}

const stage = (slice: Visibility, change: Partial<Omit<VisibleSet, 'revision'>>): Visibility => {
  const newest = slice.newest + 1
  return { ...slice, staged: { ...slice.staged, ...change, revision: newest }, newest }
}
function stageFilter(slice: Visibility, { filter }: Staging): Visibility {
  return stage(slice, { filter: plain(filter) })
}
/** Raises the generation. */
const seen = (slice: Visibility): Visibility => ({ ...slice, generation: toolGeneration(slice) + 1 })
/** Commits one part under the staged revision; if the other part is still staged, it gets a new revision. */
function commit(slice: Visibility, part: 'filter' | 'deferred'): Visibility {
  const active = { ...slice.active, [part]: slice.staged[part], revision: slice.staged.revision }
  const next = seen({ ...slice, active })
  return sameContent(active, slice.staged) ? next : stage(next, {})
}
function replace({ chosen: _, ...slice }: Visibility, input: ReplaceVisibilityState): Visibility {
  const staged = plainSet(input.staged)
  return {
    ...seen(slice),
    inherited: plain(input.inherited),
    ...(input.chosen === true && { chosen: true }),
    active: plainSet(input.active),
    staged,
    newest: Math.max(slice.newest, staged.revision),
  }
}
/** Before the first catalogue no reader has seen a tool that a deferred catalogue now hides, so the generation stays. */
function replaceDeferred(slice: Visibility, { catalog }: Cataloguing): Visibility {
  const next = { ...slice, deferredCatalog: catalogOf(catalog) }
  return slice.generation === undefined ? next : seen(next)
}
function overlaid(slice: Visibility, { allow, deny }: TurnToolOverlay): Visibility {
  return { ...seen(slice), overlay: { ...(allow && { allow: distinct(allow) }), deny: distinct(deny) } }
}
function withoutOverlay(slice: Visibility): Visibility {
  if (slice.overlay === undefined) return slice
  const { overlay: _, ...rest } = slice
  return seen(rest)
}

const NOTHING_NAMED: VisibleSet = { revision: 0, filter: ALL_TOOLS, deferred: [] }
const INITIAL: Visibility = {
  inherited: ALL_TOOLS,
  active: NOTHING_NAMED,
  staged: NOTHING_NAMED,
  newest: 0,
  filterCatalog: emptyMap(),
  deferredCatalog: emptyMap(),
}

function changed({ visibility: { active, staged } }: Sees): VisibilityEffect {
  return { type: 'ToolVisibilityChanged', activeRevision: active.revision, stagedRevision: staged.revision }
}
function changedIfSo(after: Sees, _: unknown, before: Sees): readonly VisibilityEffect[] {
  return after.visibility.active.revision === before.visibility.active.revision ? [] : [changed(after)]
}
/** No effect for the first catalogue: no reader has seen an earlier generation. */
function otherGeneration({ visibility }: Sees, _: unknown, before: Sees): readonly VisibilityEffect[] {
  const generation = toolGeneration(visibility)
  const known = toolGeneration(before.visibility)
  return known === 0 || generation <= known ? [] : [{ type: 'ToolGenerationChanged', generation }]
}
function published({ visibility: { active } }: Sees): VisibilityEffect {
  return { type: 'CommittedVisibleSetPublished', revision: active.revision }
}

const modelled = {
  then: (slice: Visibility, input: SessionLlm, state: Sees): Visibility => afterModelChange(slice, state, llmOf(input)),
  emit: [changedIfSo, otherGeneration],
}
const OVERLAY = { of: 'the overlay of the turn', then: withoutOverlay, emit: [otherGeneration] }

const staging: Satellite<Sees, VisibilityInput | LlmInput, VisibilityEffect, 'visibility', LifecyclePhase>['on'] = {
  StagePersistentFilter: [
    {
      name: 'staged',
      from: GOING,
      when: [isRegistered, isWitnessed, isBackedByFilterCatalog],
      then: stageFilter,
      emit: [changed],
    },
  ],
  StageVisibilityFilter: [
    {
      name: 'staged',
      from: SERVED,
      when: [isRegistered, isWitnessed, isBackedByFilterCatalog],
      then: stageFilter,
      emit: [changed],
    },
  ],
  RequestDeferredTools: [
    {
      name: 'staged',
      from: GOING,
      when: [isRegistered, asksForSome, isBackedByDeferredCatalog],
      then: (slice, { authorities }) =>
        stage(slice, { deferred: distinct([...slice.staged.deferred, ...namesOf(authorities)]) }),
      emit: [changed],
    },
  ],
  StageDeferredNames: [
    {
      name: 'staged',
      from: SERVED,
      when: [isRegistered],
      then: slice => stage(slice, { deferred: [] }),
      emit: [changed],
    },
  ],
}

const committing: Satellite<Sees, VisibilityInput | LlmInput, VisibilityEffect, 'visibility', LifecyclePhase>['on'] = {
  CommitVisibilityFilter: [
    {
      name: 'committed',
      from: SERVED,
      when: [isRegistered, isStagedFilter, isUncommitted, changesFilter],
      then: slice => commit(slice, 'filter'),
      emit: [changed, otherGeneration],
    },
    { name: 'again', from: SERVED, when: [isRegistered, isStagedFilter] },
  ],
  CommitDeferredNames: [
    {
      name: 'committed',
      from: SERVED,
      when: [isRegistered, isStagedRequest, isBackedByDeferredCatalog, isUncommitted, changesRequest],
      then: slice => commit(slice, 'deferred'),
      emit: [changed, otherGeneration],
    },
    { name: 'again', from: SERVED, when: [isRegistered, isStagedRequest, isBackedByDeferredCatalog] },
  ],
  PublishCommittedVisibleSet: [
    {
      name: 'published',
      from: GOING,
      when: [isRegistered, isStagedRevision, isUncommitted],
      then: slice => seen({ ...slice, active: slice.staged }),
      emit: [published, otherGeneration],
    },
    { name: 'again', from: GOING, when: [isRegistered, isStagedRevision] },
  ],
}

export const visibility: Satellite<Sees, VisibilityInput | LlmInput, VisibilityEffect, 'visibility', LifecyclePhase> = {
  name: 'visibility',
  about: 'Which tools the model may see: filters and requests that are staged and committed, and what one turn shows.',
  initial: INITIAL,
  key: visibilityInWords,
  phaseOf: state => state.lifecycle.phase,
  phases: SERVED,
  on: {
    ...staging,
    ...committing,
    ReplaceFilterToolAuthorityCatalog: [
      {
        name: 'replaced',
        from: SERVED,
        when: [isRegistered, keepsFilteredTools],
        then: (slice, { catalog }) => seen({ ...slice, filterCatalog: catalogOf(catalog) }),
        emit: [otherGeneration],
      },
    ],
    ReplaceDeferredToolAuthorityCatalog: [
      {
        name: 'replaced',
        from: SERVED,
        when: [isRegistered, keepsDeferredTools],
        then: replaceDeferred,
        emit: [otherGeneration],
      },
    ],
    SetTurnToolOverlay: [
      {
        name: 'set',
        from: SERVED,
        when: [isRegistered, allowsKnownTools],
        then: overlaid,
        emit: [otherGeneration],
      },
    ],
    ClearTurnToolOverlay: [
      { name: 'cleared', from: SERVED, when: [isRegistered], then: withoutOverlay, emit: [otherGeneration] },
    ],
    ReplaceVisibilityState: [
      {
        name: 'replaced',
        from: SERVED,
        when: [isRegistered, isCoherent, notOlder, isProven],
        then: replace,
        emit: [changed, otherGeneration],
      },
    ],
    SyncVisibilityRevisions: [
      {
        name: 'raised',
        from: SERVED,
        when: [isRegistered, isAhead],
        then: (slice, input) => ({ ...slice, newest: newestOf(input) }),
      },
      { name: 'known', from: SERVED, when: [isRegistered] },
    ],
  },
  lives: { run: OVERLAY, service: OVERLAY, session: resetTo(INITIAL) },
  follow: {
    HydrateSessionLlmState: modelled,
    ReconfigureSessionLlmIdentity: modelled,
    CommitStickyModelFallback: modelled,
    ModelRequested: {
      then: (slice, input, state) => afterModelRequest(slice, state, requesting(state.llm, input)),
      emit: [otherGeneration],
    },
    ClearSessionLlmState: {
      then: (slice, _, state) => afterModelChange(slice, state, NO_LLM),
      emit: [changedIfSo, otherGeneration],
    },
  },
  invariants: [
    {
      id: 'named-tools-have-a-provider',
      text: 'every tool that a filter names or that was asked for is in its catalogue',
      holds: ({ visibility: s }) =>
        filteredNames(s).every(name => mapGet(s.filterCatalog, name) !== undefined) &&
        deferredNames(s).every(name => mapGet(s.deferredCatalog, name) !== undefined),
    },
    {
      id: 'revisions-tell-visible-sets-apart',
      text: 'the active revision is not above the staged one, nor that above the newest; where they are equal, so are the sets',
      holds: ({ visibility: { active, staged, newest } }) =>
        active.revision <= staged.revision &&
        staged.revision <= newest &&
        (active.revision < staged.revision || sameContent(active, staged)),
    },
    {
      id: 'visibility-is-of-a-session',
      text: 'a session that is unregistered or destroyed has no say over tools',
      holds: s => isUntouched(s.visibility) || (isRegistered(s) && s.lifecycle.phase !== 'destroyed'),
    },
  ],
}

function isUntouched({ newest, inherited, overlay, filterCatalog, deferredCatalog }: Visibility): boolean {
  const { size } = filterCatalog
  return newest === 0 && inherited.type === 'all' && overlay === undefined && size + deferredCatalog.size === 0
}
