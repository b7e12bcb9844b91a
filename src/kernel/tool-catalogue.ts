/**
 * Which of the tools that an executor offers the model may see, and the inputs by which the machine learns of them.
 *
 * 1. The executor's own tools keep their names. Of several surfaces with a tool of one name, the one active longest has the
 *    bare name; each can also be called as `surface.tool`. Filters may use either name.
 * 2. A name in a filter or a request stays in its catalogue with its provider, also while that does not offer it. Another
 *    provider's tool of that name is hidden.
 * 3. A session that names its tools (`chosen`) inherits that list as a filter.
 */
import type { SurfaceId } from './ids.ts'
import type { MeerkatInput } from './inputs.ts'
import { mapEntries, mapGet } from './persistent-map.ts'
import { capabilityBaseFilter } from './regions/llm/state.ts'
import { ALL_TOOLS, admits, distinct, namedBy, plain, sameFilter, type ToolFilter } from './regions/tool-filter.ts'
import { isSnapshotAligned, qualifiedToolName, type SurfaceTool, surfaceTools } from './regions/tool-surfaces/state.ts'
import {
  deferredNames,
  filteredNames,
  isToolAdmitted,
  isToolDeferred,
  type ToolAuthority,
  type ToolCatalog,
  type ToolWitness,
  type Visibility,
} from './regions/visibility/state.ts'
import type { MeerkatState } from './state.ts'

/** A tool that an executor offers. */
export interface OfferedTool {
  readonly name: string
  /**
   * Its provider, stable across restarts: a filter that names the tool applies to this provider's tool alone. Absent: its
   * surface, else the executor.
   */
  readonly provider?: ToolWitness
  /** Hidden until the model or a caller requests it. */
  readonly deferred?: boolean
  /** Lets the model change what it sees, and is always shown. No filter can name it. */
  readonly control?: boolean
  /** The tool surface that it belongs to: it is shown while that is active. */
  readonly surface?: SurfaceId
}

/** The connection that a call of a surface's tool has to use. */
export interface SurfacePin {
  readonly surfaceId: SurfaceId
  readonly generation: number
}

/**
 * `requested`: shown from the next boundary on. `unavailable`: its surface is not active, or does not have it.
 */
export type ToolState = 'visible' | 'hidden' | 'deferred' | 'requested' | 'unavailable'

/** An offered tool, as it stands in the catalogue of one model call. */
export interface CataloguedTool {
  /** The name for the model: the bare name, or `surface.tool` if another tool has that. */
  readonly name: string
  readonly state: ToolState
  /** Its index among the offered tools, from 0. */
  readonly index: number
  /** Present on a surface's tool, while the surface is active. */
  readonly pin?: SurfacePin
  /** The surface whose tool has the bare name; `''`: the executor's own tool has it. */
  readonly shadowedBy?: string
}

/** The provider of tools that name none. */
export const EXECUTOR: ToolWitness = { kind: 'executor', sourceId: 'own' }

interface Routed extends Omit<CataloguedTool, 'state'> {
  readonly tool: OfferedTool
  /** All names by which it can be called, its own first. Empty while its surface is not active. */
  readonly names: readonly string[]
}

/** Every offered tool, with its state for the model. */
export function cataloguedTools(state: MeerkatState, offered: readonly OfferedTool[]): readonly CataloguedTool[] {
  return routed(state, offered).map(({ tool, names, ...one }) => ({ ...one, state: stateOf(state, tool, names) }))
}

function stateOf(state: MeerkatState, tool: OfferedTool, names: readonly string[]): ToolState {
  const { visibility } = state
  if (names.length === 0) return 'unavailable'
  if (tool.control === true) return 'visible'
  if (names.some(name => isOthers(visibility.filterCatalog, name, tool)) || !isToolAdmitted(state, names))
    return 'hidden'
  // What a model can't use, it can't use under another name either.
  if (!admits(capabilityBaseFilter(state.llm), tool.name)) return 'hidden'
  if (!isToolDeferred(visibility, names)) return 'visible'
  return names.some(name => visibility.staged.deferred.includes(name)) ? 'requested' : 'deferred'
}

/** Whether the catalogue has this name for another provider. */
function isOthers(catalog: ToolCatalog, name: string, tool: OfferedTool): boolean {
  const known = mapGet(catalog, name)
  const own = witnessOf(tool)
  return known !== undefined && own !== undefined && !sameWitness(known, own)
}

function routed(state: MeerkatState, offered: readonly OfferedTool[]): readonly Routed[] {
  const own = new Set(offered.flatMap(({ name, surface }) => (surface === undefined ? name : [])))
  const reachable = state.toolSurfaces.surfaces.size === 0 ? [] : surfaceTools(state.toolSurfaces)
  return offered.map((tool, index): Routed => {
    const { name, surface } = tool
    if (surface === undefined) return { name, index, tool, names: [name] }
    const found = reachable.find(one => one.surfaceId === surface && one.name === name)
    return found === undefined ? { name, index, tool, names: [] } : ofSurface(found, own, { index, tool })
  })
}

function ofSurface(found: SurfaceTool, own: ReadonlySet<string>, rest: Pick<Routed, 'index' | 'tool'>): Routed {
  const { name, surfaceId, generation } = found
  const pin = { surfaceId, generation }
  const qualified = qualifiedToolName(found)
  const shadowedBy = own.has(name) ? '' : found.shadowedBy
  if (shadowedBy === undefined) return { ...rest, name, names: [name, qualified], pin }
  return { ...rest, name: qualified, names: [qualified], pin, shadowedBy }
}

function witnessOf({ provider, surface }: OfferedTool): ToolWitness | undefined {
  return provider ?? (surface === undefined ? undefined : { kind: 'surface', sourceId: surface })
}
function sameWitness(one: ToolWitness, other: ToolWitness): boolean {
  return one.kind === other.kind && one.sourceId === other.sourceId
}

/**
 * The inputs by which the machine's catalogues show what is offered now and its filter is the session's list of tools
 * (`chosen`); none if they are so already. A session that is over may refuse any of them.
 */
export function cataloguingSteps(
  state: MeerkatState,
  offered: readonly OfferedTool[],
  chosen: readonly string[] | undefined,
): readonly MeerkatInput[] {
  const { visibility, toolSurfaces } = state
  const all = routed(state, offered).filter(({ tool }) => tool.control !== true)
  const filter = catalogFor(all, visibility.filterCatalog, filteredNames(visibility))
  const deferred = catalogFor(
    all.filter(({ tool }) => tool.deferred === true),
    visibility.deferredCatalog,
    deferredNames(visibility),
  )
  const isAligned = isSnapshotAligned(toolSurfaces)
  // The connections may have changed even if the names are the same.
  const isPinned = all.some(({ pin }) => pin !== undefined)
  const isKnown = (isAligned || !isPinned) && isCatalog(visibility.filterCatalog, filter)
  const steps: MeerkatInput[] = []
  // First: what is hidden until it is asked for is hidden by then.
  if (!isCatalog(visibility.deferredCatalog, deferred)) {
    steps.push({ type: 'ReplaceDeferredToolAuthorityCatalog', catalog: listOf(deferred) })
  }
  if (!isKnown) steps.push({ type: 'ReplaceFilterToolAuthorityCatalog', catalog: listOf(filter) })
  if (!isAligned) steps.push({ type: 'SurfaceSnapshotAligned', epoch: toolSurfaces.snapshotEpoch })
  return [...steps, ...inheriting(state, { filter, deferred }, chosen)]
}

type Catalog = ReadonlyMap<string, ToolWitness>

function catalogFor(tools: readonly Routed[], known: ToolCatalog, named: readonly string[]): Catalog {
  const catalog = new Map<string, ToolWitness>()
  for (const name of named) {
    const witness = mapGet(known, name)
    if (witness !== undefined) catalog.set(name, witness)
  }
  for (const { tool, names } of tools) {
    for (const name of names) {
      if (!catalog.has(name)) catalog.set(name, witnessOf(tool) ?? mapGet(known, name) ?? EXECUTOR)
    }
  }
  return catalog
}

function isCatalog(known: ToolCatalog, next: Catalog): boolean {
  if (known.size !== next.size) return false
  for (const [name, witness] of mapEntries(known)) {
    const other = next.get(name)
    if (other === undefined || !sameWitness(witness, other)) return false
  }
  return true
}

function listOf(catalog: Catalog, names: readonly string[] = [...catalog.keys()]): readonly ToolAuthority[] {
  return distinct(names).flatMap(name => {
    const witness = catalog.get(name)
    return witness === undefined ? [] : [{ name, ...witness }]
  })
}

/** The input that makes the session's list of tools its inherited filter, or removes that filter with the list. */
function inheriting(
  { visibility }: MeerkatState,
  catalogs: { readonly filter: Catalog; readonly deferred: Catalog },
  names: readonly string[] | undefined,
): readonly MeerkatInput[] {
  const { inherited, active, staged, chosen = false } = visibility
  if (names === undefined && !chosen) return []
  const known = names?.filter(name => catalogs.filter.has(name))
  const next: ToolFilter = known === undefined ? ALL_TOOLS : plain({ type: 'allow', names: known })
  if (sameFilter(inherited, next) && chosen === (names !== undefined)) return []
  const filters = [next, active.filter, staged.filter]
  return [
    {
      type: 'ReplaceVisibilityState',
      inherited: next,
      ...(names !== undefined && { chosen: true }),
      active,
      staged,
      witnesses: listOf(catalogs.filter, filters.flatMap(namedBy)),
      authorities: listOf(catalogs.deferred, [...active.deferred, ...staged.deferred]),
    },
  ]
}

/** The filter that admits the allowed names without the denied ones. */
export function toolFilterOf(allow: readonly string[] | undefined, deny: readonly string[] = []): ToolFilter {
  if (allow === undefined) return plain({ type: 'deny', names: deny })
  return plain({ type: 'allow', names: allow.filter(name => !deny.includes(name)) })
}

/** The inputs by which a fork gets the tool filters of its source. */
export function inheritedTools(source: Visibility): readonly MeerkatInput[] {
  const { filter, deferred } = source.staged
  // The source's own list of tools is among the options that the fork has anyway.
  const inherited = source.chosen === true ? ALL_TOOLS : source.inherited
  const filtered = distinct([...namedBy(inherited), ...namedBy(filter)])
  if (sameFilter(inherited, ALL_TOOLS) && sameFilter(filter, ALL_TOOLS) && deferred.length === 0) return []
  const [witnesses, authorities] = [
    witnessesIn(source.filterCatalog, filtered),
    witnessesIn(source.deferredCatalog, deferred),
  ]
  const shown = { revision: 1, filter, deferred }
  return [
    { type: 'ReplaceFilterToolAuthorityCatalog', catalog: witnesses },
    { type: 'ReplaceDeferredToolAuthorityCatalog', catalog: authorities },
    { type: 'ReplaceVisibilityState', inherited, active: shown, staged: shown, witnesses, authorities },
  ]
}

/** The providers of these tools by the catalogue; `other`: the provider of names that it does not have. */
export function witnessesIn(
  catalog: ToolCatalog,
  names: readonly string[],
  other?: ToolWitness,
): readonly ToolAuthority[] {
  return distinct(names).flatMap(name => {
    const witness = mapGet(catalog, name) ?? other
    return witness === undefined ? [] : [{ name, ...witness }]
  })
}
