/** Which tools a session's model may see, and how a caller changes that. Tools are named as the model calls them. */
import { defined } from '../defined.ts'
import type { Transaction } from '../driver/transaction.ts'
import { MeerkatError } from '../errors.ts'
import type { CoreExecutor, ToolSummary } from '../executor/executor.ts'
import type { SessionId, SurfaceId } from '../kernel/ids.ts'
import { mapEntries, mapGet } from '../kernel/persistent-map.ts'
import { namedBy, sameFilter } from '../kernel/regions/tool-filter.ts'
import { type ToolCatalog, toolGeneration } from '../kernel/regions/visibility/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { EXECUTOR, type OfferedTool, toolFilterOf, witnessesIn } from '../kernel/tool-catalogue.ts'
import { catalogue, nextCatalogue, requestTools } from '../loop/offered.ts'
import type { LetterId } from '../store/mail.ts'
import type { SessionOptions } from '../store/records.ts'
import type { LiveSession } from './live-session.ts'
import { offeredTools } from './offered-tools.ts'
import { demandChangeable } from './refusals.ts'
import type { ToolsView } from './views.ts'

export interface ToolFilterParams {
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
}

/** The revision under which a change of the tools is staged. */
export interface StagedTools {
  readonly revision: number
}

export interface ToolRequestParams {
  readonly names: readonly string[]
}

/** The tools of the session's next turn. */
export function toolsView(
  executor: CoreExecutor | undefined,
  { id, options }: { readonly id: SessionId; readonly options: SessionOptions },
  state: MeerkatState,
): ToolsView {
  const summaries = executor && summariesOf(executor, options, id)
  // An executor that does not list its tools shows them only while a run goes on.
  if (summaries === undefined) return { generation: toolGeneration(state.visibility), tools: [] }
  const { generation, tools } = nextCatalogue(state, { offered: summaries.map(offered), chosen: options.tools })
  return {
    generation,
    tools: tools.flatMap(({ name, state: stands, index, shadowedBy }) => {
      const summary = summaries[index]
      return summary === undefined ? [] : { ...summary, name, state: stands, ...defined({ shadowedBy }) }
    }),
  }
}

/** Every tool that the executor has for a session, also those that the session's options leave out. */
function summariesOf(
  executor: CoreExecutor,
  { tools: _, ...options }: SessionOptions,
  id: SessionId,
): readonly ToolSummary[] | undefined {
  return offeredTools(executor, options, id)
}

function offered({ name, deferred, surface }: ToolSummary): OfferedTool {
  return { name, ...(deferred === true && { deferred }), ...(surface && { surface: surface as SurfaceId }) }
}

/** Stages a filter of the model's tools; answers the revision under which it is staged. */
export function filterTools(
  executor: CoreExecutor | undefined,
  live: LiveSession,
  { allow, deny }: ToolFilterParams,
  letter: LetterId | undefined,
): Promise<StagedTools> {
  return live.driver.mutate(tx => {
    demandChangeable(tx, live.id)
    const filter = toolFilterOf(allow, deny)
    if (sameFilter(filter, tx.state.visibility.staged.filter)) return revisionOf(tx.state)
    demandKnown(tx, { executor, live }, 'filterCatalog', { ...defined({ allow, deny }) })
    tx.performs(letter)
    const witnesses = witnessesIn(tx.state.visibility.filterCatalog, namedBy(filter))
    tx.step({ type: 'StageVisibilityFilter', filter, witnesses })
    return revisionOf(tx.state)
  })
}

/** Stages deferred tools to be shown; answers the revision under which they are staged. */
export function askForTools(
  executor: CoreExecutor | undefined,
  live: LiveSession,
  { names }: ToolRequestParams,
  letter: LetterId | undefined,
): Promise<StagedTools> {
  return live.driver.mutate(tx => {
    demandChangeable(tx, live.id)
    demandKnown(tx, { executor, live }, 'deferredCatalog', { names })
    tx.performs(letter)
    requestTools(tx, names)
    return revisionOf(tx.state)
  })
}

/** The revision that is staged; where none is, the one in force. */
export function revisionOf({ visibility }: MeerkatState): StagedTools {
  return { revision: visibility.staged.revision }
}

/** Refuses names of unknown tools, where the executor lists its tools. */
function demandKnown(
  tx: Transaction,
  { executor, live: { record } }: { readonly executor: CoreExecutor | undefined; readonly live: LiveSession },
  catalog: 'filterCatalog' | 'deferredCatalog',
  given: Readonly<Record<string, readonly string[]>>,
): void {
  const named = Object.entries(given).flatMap(([path, names]) => names.map(name => ({ path, name })))
  const unknownIn = (known: ToolCatalog) => named.filter(({ name }) => mapGet(known, name) === undefined)
  if (unknownIn(tx.state.visibility[catalog]).length === 0) return
  const summaries = executor && summariesOf(executor, record.options, record.id)
  // The executor does not list its tools, so no name can be called unknown.
  if (summaries === undefined)
    return trust(
      tx,
      catalog,
      named.map(({ name }) => name),
    )
  catalogue(tx, { offered: summaries.map(offered), chosen: record.options.tools })
  const known = tx.state.visibility[catalog]
  const unknown = unknownIn(known)
  if (unknown.length === 0) return
  const what = catalog === 'filterCatalog' ? 'tool' : 'deferred tool'
  const names = mapEntries(known).map(([name]) => name)
  const list = names.length === 0 ? 'none is known' : `they are: ${names.toSorted().join(', ')}`
  const issues = unknown.map(({ path, name }) => ({ path, message: `is no ${what}: ${name}` }))
  const message = `there is no ${what} named ${unknown.map(({ name }) => name).join(' or ')}; ${list}`
  throw new MeerkatError('invalid-params', message, { details: { issues } })
}

/** Adds names to a catalogue, as tools that the executor itself provides. */
function trust(tx: Transaction, catalog: 'filterCatalog' | 'deferredCatalog', names: readonly string[]): void {
  const known = tx.state.visibility[catalog]
  const all = [...mapEntries(known).map(([name]) => name), ...names]
  const type = catalog === 'filterCatalog' ? 'ReplaceFilterToolAuthorityCatalog' : 'ReplaceDeferredToolAuthorityCatalog'
  tx.step({ type, catalog: witnessesIn(known, all, EXECUTOR) })
}
