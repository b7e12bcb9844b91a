/**
 * Which of the agent's tools one request shows to the model, and which tool a call of the model is for.
 *
 * Enforces: the port decides which tools are visible. A call to a tool that its request did not show is never made, not
 * even by a process that resumes the work later, because the record says so. Calls that were made with earlier requests
 * go to the present tools.
 */
import type { SurfaceId } from '../../kernel/ids.ts'
import type { SurfaceFailureCause } from '../../kernel/regions/tool-surfaces/state.ts'
import type { CataloguedTool, OfferedTool, SurfacePin } from '../../kernel/tool-catalogue.ts'
import type { MessagePart } from '../../store/records.ts'
import type { CalledModel, RunPort } from '../executor.ts'
import { LOAD_TOOLS, loadTools } from './load-tools.ts'
import { metaOf, withMeta } from './parts.ts'
import type { AgentTool } from './tool.ts'

/** A tool and the name by which the model calls it. */
export interface ShownTool {
  readonly name: string
  readonly tool: AgentTool
  /** For a tool of a surface, the connection that its calls use. */
  readonly pin?: SurfacePin
}

/** The tools of one request. */
export interface ShownTools {
  readonly visible: readonly ShownTool[]
  /** All tools that can be called, for calls that were made with earlier requests. */
  readonly all: readonly ShownTool[]
}

interface Catalogued extends ShownTool, Pick<CataloguedTool, 'state'> {
  /** The name by which the port knows it. */
  readonly asked: string
}

/** Asks the port which of these tools the called model may see now. */
export async function shownTools(port: RunPort, tools: readonly AgentTool[], called: CalledModel): Promise<ShownTools> {
  const { tools: catalogued } = await port.tools(tools.map(offered), called)
  const taken = new Set<string>()
  const all = catalogued.flatMap((one): readonly Catalogued[] => {
    const tool = tools[one.index]
    const name = wireName(one.name)
    // Providers refuse a request with two tools of one name: the first stays.
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

/**
 * Whether the model may load the tool. One that is visible already counts too, because a repeated call requests it
 * again.
 */
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

/** The longest name that providers accept. */
const MAX_NAME_CHARS = 64

/** Providers accept letters, digits, `_` and `-`, but no dot. */
function wireName(name: string): string {
  return name
    .replaceAll('.', '__')
    .replaceAll(/[^\w-]/g, '_')
    .slice(0, MAX_NAME_CHARS)
}

/** Marks a call to a tool that its request did not show: it is never made, even if the tool exists by then. */
export function withUnseen(part: MessagePart, { visible }: ShownTools): MessagePart {
  if (part.type !== 'tool-call' || visible.some(({ name }) => name === part.name)) return part
  return { ...part, ...withMeta({ ...metaOf(part), unseen: unknownTool(part.name, visible) }) }
}

/** What the model is told about a tool that it was not shown. */
export function unknownTool(name: string, tools: readonly ShownTool[]): string {
  const names = tools.map(one => one.name).join(', ')
  return `There is no tool named ${name}. ${names === '' ? 'There are no tools.' : `The tools are: ${names}.`}`
}

/** What the model is told where the tool's surface lost its connection before the call was made. */
export function surfaceGone(surfaceId: SurfaceId, cause: SurfaceFailureCause): string {
  const why = cause === 'surface_draining' ? 'is being removed' : 'has another connection now, or none'
  return `The call was not made: ${surfaceId} ${why}. Look at the tools that there are, and try again if it is among them.`
}
