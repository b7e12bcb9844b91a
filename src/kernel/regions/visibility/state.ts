/** The slice of the region `visibility`: the active and the staged set of tools, and the providers of named tools. */
import { mapGet, type PersistentMap } from '../../persistent-map.ts'
import { capabilityBaseFilter, type Llm, VIEW_IMAGE } from '../llm/state.ts'
import { admits, composed, namedBy, sameFilter, sameNames, type ToolFilter } from '../tool-filter.ts'

/** A tool's provider. A name alone is not enough, because another provider may use it later. */
export interface ToolWitness {
  /** The kind of provider. */
  readonly kind: string
  /** The provider's id, stable across restarts. */
  readonly sourceId: string
}

/** A tool's name with its provider. */
export interface ToolAuthority extends ToolWitness {
  readonly name: string
}

export type ToolCatalog = PersistentMap<string, ToolWitness>

/** The set of visible tools of one revision. */
export interface VisibleSet {
  readonly revision: number
  readonly filter: ToolFilter
  /** Deferred tools that were requested. */
  readonly deferred: readonly string[]
}

/** A filter for one turn. `allow` absent: all tools. */
export interface TurnToolOverlay {
  readonly allow?: readonly string[]
  readonly deny: readonly string[]
}

export interface Visibility {
  /** The filter that the session was created with. */
  readonly inherited: ToolFilter
  /** `inherited` is the session's option `tools`. */
  readonly chosen?: true
  readonly active: VisibleSet
  /** Replaces `active` when it is committed. Equal to it if the revisions are equal. */
  readonly staged: VisibleSet
  /** The last revision that was given. */
  readonly newest: number
  /** The tools that filters may name. */
  readonly filterCatalog: ToolCatalog
  /** The tools that stay hidden until they are asked for. */
  readonly deferredCatalog: ToolCatalog
  readonly overlay?: TurnToolOverlay
  /** Rises with every change of the visible tools. Absent: no tools were catalogued yet. */
  readonly generation?: number
}

/** The generation of the visible tools, from 0. */
export function toolGeneration({ generation = 0 }: Visibility): number {
  return generation
}

interface Seen {
  readonly visibility: Visibility
  readonly llm: Llm
}

/** The combined filter: of the model's capabilities, inherited, the session's own, and this turn's. */
export function effectiveToolFilter(state: Seen): ToolFilter {
  return composed(layersOf(state))
}

function layersOf({ visibility: { inherited, active, overlay }, llm }: Seen): readonly ToolFilter[] {
  const lasting = [capabilityBaseFilter(llm), inherited, active.filter]
  if (overlay === undefined) return lasting
  const denied: ToolFilter = { type: 'deny', names: overlay.deny }
  return overlay.allow === undefined
    ? [...lasting, denied]
    : [...lasting, { type: 'allow', names: overlay.allow }, denied]
}

/** Whether the model may see a tool. Control tools (`isControl`) are always visible. */
export function isToolVisible(state: Seen, name: string, isControl = false): boolean {
  if (isControl) return true
  return !isToolDeferred(state.visibility, [name]) && isToolAdmitted(state, [name])
}

/** Whether a tool with these names is deferred: it was not requested, or the request is not committed. */
export function isToolDeferred({ active, deferredCatalog }: Visibility, names: readonly string[]): boolean {
  return names.some(name => mapGet(deferredCatalog, name) !== undefined && !active.deferred.includes(name))
}

/** Whether the filters admit a tool with these names: one of them is allowed, and none is denied. */
export function isToolAdmitted(state: Seen, names: readonly string[]): boolean {
  return layersOf(state).every(filter =>
    filter.type === 'allow' ? names.some(name => admits(filter, name)) : names.every(name => admits(filter, name)),
  )
}

/** Whether something waits to be committed at the next boundary. */
export function hasStagedVisibility({ visibility: { active, staged } }: Seen): boolean {
  return staged.revision !== active.revision
}

export function sameContent(one: VisibleSet, other: VisibleSet): boolean {
  return sameFilter(one.filter, other.filter) && sameNames(one.deferred, other.deferred)
}

/** Whether the catalogue has each of these tools, from the same provider. */
export function isBacked(catalog: ToolCatalog, authorities: readonly ToolAuthority[]): boolean {
  return authorities.every(({ name, kind, sourceId }) => {
    const known = mapGet(catalog, name)
    return known?.kind === kind && known.sourceId === sourceId
  })
}

/** All names in the present filters, allowed or denied. */
export function filteredNames({ inherited, active, staged, overlay }: Visibility): readonly string[] {
  return [...namedBy(inherited), ...namedBy(active.filter), ...namedBy(staged.filter), ...(overlay?.allow ?? [])]
}
export function deferredNames({ active, staged }: Visibility): readonly string[] {
  return [...active.deferred, ...staged.deferred]
}

/** A request to another model may show or hide images: that is another generation, where one was seen. */
export function afterModelRequest(slice: Visibility, state: Seen, llm: Llm): Visibility {
  const isSame = sameFilter(capabilityBaseFilter(state.llm), capabilityBaseFilter(llm))
  return isSame ? slice : { ...slice, ...nextGeneration(slice) }
}

function nextGeneration({ generation }: Visibility): Pick<Visibility, 'generation'> {
  return generation === undefined ? {} : { generation: generation + 1 }
}

/** A change of model may show or hide image tools; such a change of the visible set gets a revision. */
export function afterModelChange(slice: Visibility, state: Seen, llm: Llm): Visibility {
  if (isToolVisible(state, VIEW_IMAGE) === isToolVisible({ ...state, llm }, VIEW_IMAGE)) {
    return afterModelRequest(slice, state, llm)
  }
  const revision = slice.newest + 1
  const newest = hasStagedVisibility(state) ? revision + 1 : revision
  return {
    ...slice,
    active: { ...slice.active, revision },
    staged: { ...slice.staged, revision: newest },
    newest,
    ...nextGeneration(slice),
  }
}
