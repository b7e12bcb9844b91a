/** Which tools the model may see: what is so, what is to be, and who provides the tools that are named. */
import { mapGet, type PersistentMap } from '../../persistent-map.ts'
import { capabilityBaseFilter, type Llm, VIEW_IMAGE } from '../llm/state.ts'
import { admits, composed, namedBy, sameFilter, sameNames, type ToolFilter } from '../tool-filter.ts'

/** Who provides a tool: a name alone may come to mean another one's. */
export interface ToolWitness {
  /** What sort of provider it is. */
  readonly kind: string
  /** Which of them, stable across restarts. */
  readonly sourceId: string
}

/** A name with who provides it. */
export interface ToolAuthority extends ToolWitness {
  readonly name: string
}

export type ToolCatalog = PersistentMap<string, ToolWitness>

/** What a session shows under one revision. */
export interface VisibleSet {
  readonly revision: number
  readonly filter: ToolFilter
  /** Deferred tools that were asked for. */
  readonly deferred: readonly string[]
}

/** What holds for one turn. Absent `allow`: everything. */
export interface TurnToolOverlay {
  readonly allow?: readonly string[]
  readonly deny: readonly string[]
}

export interface Visibility {
  /** What whoever made the session leaves of the tools. */
  readonly inherited: ToolFilter
  /** That filter is the list of tools which the session was opened or updated with. */
  readonly chosen?: true
  readonly active: VisibleSet
  /** Takes the place of `active` when it is committed. With the same revision, it is the same. */
  readonly staged: VisibleSet
  /** The last revision that was given. */
  readonly newest: number
  /** The tools that filters may name. */
  readonly filterCatalog: ToolCatalog
  /** The tools that stay hidden until they are asked for. */
  readonly deferredCatalog: ToolCatalog
  readonly overlay?: TurnToolOverlay
  /** Rises with every change of what the model may see. Absent: nobody has said yet which tools there are. */
  readonly generation?: number
}

/** Rises with every change of what the model may see, from 0. */
export function toolGeneration({ generation = 0 }: Visibility): number {
  return generation
}

interface Seen {
  readonly visibility: Visibility
  readonly llm: Llm
}

/** What is left of the tools by the model, by whoever made the session, by its own choice, and by this turn. */
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

/** Whether the model may see a tool. Those that control what it sees (`isControl`) are always there. */
export function isToolVisible(state: Seen, name: string, isControl = false): boolean {
  if (isControl) return true
  return !isToolDeferred(state.visibility, [name]) && isToolAdmitted(state, [name])
}

/** Whether a tool of these names is hidden because nobody has asked for it, or what was asked is not committed. */
export function isToolDeferred({ active, deferredCatalog }: Visibility, names: readonly string[]): boolean {
  return names.some(name => mapGet(deferredCatalog, name) !== undefined && !active.deferred.includes(name))
}

/** Whether filters leave a tool of these names: it is allowed by any of them, and denied by any. */
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

/** Whether a catalogue has each of these names, from the provider it is said to be of. */
export function isBacked(catalog: ToolCatalog, authorities: readonly ToolAuthority[]): boolean {
  return authorities.every(({ name, kind, sourceId }) => {
    const known = mapGet(catalog, name)
    return known?.kind === kind && known.sourceId === sourceId
  })
}

/** What filters name at present, allowed or denied. */
export function filteredNames({ inherited, active, staged, overlay }: Visibility): readonly string[] {
  return [...namedBy(inherited), ...namedBy(active.filter), ...namedBy(staged.filter), ...(overlay?.allow ?? [])]
}
export function deferredNames({ active, staged }: Visibility): readonly string[] {
  return [...active.deferred, ...staged.deferred]
}

/** A request to another model may show or hide images: that is another generation, where one was seen. */
export function afterModelRequest(slice: Visibility, state: Seen, llm: Llm): Visibility {
  return isSameFor(state, llm) ? slice : { ...slice, ...nextGeneration(slice) }
}

function isSameFor(state: Seen, llm: Llm): boolean {
  return isToolVisible(state, VIEW_IMAGE) === isToolVisible({ ...state, llm }, VIEW_IMAGE)
}

function nextGeneration({ generation }: Visibility): Pick<Visibility, 'generation'> {
  return generation === undefined ? {} : { generation: generation + 1 }
}

/** Another model may show or hide images: that is a change of what is visible, so it gets a revision. */
export function afterModelChange(slice: Visibility, state: Seen, llm: Llm): Visibility {
  if (isSameFor(state, llm)) return slice
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
