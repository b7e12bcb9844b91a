/**
 * What of the agent's tools a model is shown with one request, and what a call that it makes then is for.
 *
 * Enforces: which tools are visible is the port's word; a call to a tool that its request did not show is never made,
 * also not by a process that takes it up later, because the record says so. Calls that were asked for before go to the
 * tools that there are now.
 */
import type { SurfaceId } from '../../kernel/ids.ts'
import type { SurfaceFailureCause } from '../../kernel/regions/tool-surfaces/state.ts'
import type { CataloguedTool, OfferedTool, SurfacePin } from '../../kernel/tool-catalogue.ts'
import type { MessagePart } from '../../store/records.ts'
import type { RunPort } from '../executor.ts'
import { LOAD_TOOLS, loadTools } from './load-tools.ts'
import { metaOf, withMeta } from './parts.ts'
import type { AgentTool } from './tool.ts'

/** A tool under the name that the model calls it by. */
export interface ShownTool {
  readonly name: string
  readonly tool: AgentTool
  /** The connection that a call is for, of a surface's tool. */
  readonly pin?: SurfacePin
}

/** The tools of one request. */
export interface ShownTools {
  readonly visible: readonly ShownTool[]
  /** All that can be called: for calls that were asked for with earlier requests. */
  readonly all: readonly ShownTool[]
}

interface Catalogued extends ShownTool, Pick<CataloguedTool, 'state'> {
  /** By which name the port knows it. */
  readonly asked: string
}

/** Asks the port what the model may see of these tools now. */
export async function shownTools(port: RunPort, tools: readonly AgentTool[]): Promise<ShownTools> {
  const { tools: catalogued } = await port.tools(tools.map(offered))
  const taken = new Set<string>()
  const all = catalogued.flatMap((one): readonly Catalogued[] => {
    const tool = tools[one.index]
    const name = wireName(one.name)
    // Providers refuse a request with two tools of one name: the first of them stays.
    if (tool === undefined || one.state === 'unavailable' || taken.has(name)) return []
    taken.add(name)
    return [{ ...one, name, asked: one.name, tool }]
  })
  const visible = all.filter(({ state }) => state === 'visible')
  if (!tools.some(({ deferred }) => deferred === true) || tools.some(({ name }) => name === LOAD_TOOLS)) {
    return { visible, all }
  }
  const loader = { name: LOAD_TOOLS, tool: loadTools(port, all.filter(isLoadable)) }
  const isWanted = all.some(({ state }) => state === 'deferred')
  return { visible: isWanted ? [...visible, loader] : visible, all: [...all, loader] }
}

/** Whether a tool may be asked for. One that is shown already may, too: a call that is repeated asks for it again. */
function isLoadable({ tool, state }: Catalogued): boolean {
  return tool.deferred === true && state !== 'hidden'
}

function offered({ name, deferred, surface }: AgentTool): OfferedTool {
  const more = {
    ...(deferred === true && { deferred }),
    ...(surface !== undefined && { surface: surface as SurfaceId }),
  }
  return { name, ...more }
}

/** The longest name that providers take. */
const MAX_NAME_CHARS = 64

/** Providers take letters, digits, `_` and `-`, and no point. */
function wireName(name: string): string {
  return name
    .replaceAll('.', '__')
    .replaceAll(/[^\w-]/g, '_')
    .slice(0, MAX_NAME_CHARS)
}

/** Marks a call to a tool that its request did not show: nobody is to make it, be there such a tool by then or not. */
export function withUnseen(part: MessagePart, { visible }: ShownTools): MessagePart {
  if (part.type !== 'tool-call' || visible.some(({ name }) => name === part.name)) return part
  return { ...part, ...withMeta({ ...metaOf(part), unseen: unknownTool(part.name, visible) }) }
}

/** What the model is told of a tool that it was not shown. */
export function unknownTool(name: string, tools: readonly ShownTool[]): string {
  const names = tools.map(one => one.name).join(', ')
  return `There is no tool named ${name}. ${names === '' ? 'There are no tools.' : `The tools are: ${names}.`}`
}

/** What the model is told where the connection of a tool's surface went away before the call was made. */
export function surfaceGone(surfaceId: SurfaceId, cause: SurfaceFailureCause): string {
  const why = cause === 'surface_draining' ? 'is being removed' : 'has another connection now, or none'
  return `The call was not made: ${surfaceId} ${why}. Look at the tools that there are, and try again if it is among them.`
}
