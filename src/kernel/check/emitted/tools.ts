/** When the effects of models, tools and servers are emitted. */
import { mapGet, mapValues } from '../../persistent-map.ts'
import { sameFields, surfaceOf } from '../../regions/llm/state.ts'
import type { McpServerEffect } from '../../regions/mcp-servers/effect.ts'
import type { RoutingEffect } from '../../regions/routing/effect.ts'
import type { ImageOperation, RoutingTerminal } from '../../regions/routing/state.ts'
import type { ToolSurfaceEffect } from '../../regions/tool-surfaces/effect.ts'
import type { Surface } from '../../regions/tool-surfaces/state.ts'
import type { VisibilityEffect } from '../../regions/visibility/effect.ts'
import { toolGeneration } from '../../regions/visibility/state.ts'
import { given, once, type Rules, type Stepped } from './rule.ts'

type ToolRules = Rules<
  | McpServerEffect['type']
  | RoutingEffect['type']
  | ToolSurfaceEffect['type']
  | VisibilityEffect['type']
  | 'SessionLlmReconfigurePlanResolved'
>

const MCP_STATES = {
  McpServerConnectPending: 'PendingConnect',
  McpServerConnected: 'Connected',
  McpServerFailed: 'Failed',
  McpServerDisconnected: 'Disconnected',
  McpServerReload: 'PendingConnect',
} as const
const isRegistered = ({ before: { registration } }: Stepped): boolean => registration.sessionId !== undefined

const mcp: Pick<ToolRules, McpServerEffect['type']> = {
  McpServerStateChanged: {
    when: 'for each word on a server of a registered session, with how it stands then',
    expected: step => {
      const { input } = step
      const state = Object.entries(MCP_STATES).find(([type]) => type === input.type)?.[1]
      return state === undefined || !('serverId' in input) || !isRegistered(step)
        ? []
        : [{ serverId: input.serverId, state }]
    },
  },
  McpServerReloadRequested: {
    when: 'when a server of a registered session is to be connected anew',
    expected: step => {
      const asked = given(step, 'McpServerReload')
      return asked === undefined || !isRegistered(step) ? [] : [{ serverId: asked.serverId }]
    },
  },
}

const OTHERWISE_SAID: readonly string[] = [
  'PublishCommittedVisibleSet',
  'RegisterSession',
  'UnregisterSession',
  'Destroy',
]

const visibility: Pick<ToolRules, VisibilityEffect['type']> = {
  ToolVisibilityChanged: {
    when: 'exactly when what is visible, or is to be, has another revision',
    expected: ({ before, input, after }) => {
      const [{ active, staged }, now] = [before.visibility, after.visibility]
      const isSame = active.revision === now.active.revision && staged.revision === now.staged.revision
      // These inputs report the change by other effects, or end the session.
      if (isSame || OTHERWISE_SAID.includes(input.type)) return []
      return [{ activeRevision: now.active.revision, stagedRevision: now.staged.revision }]
    },
  },
  ToolGenerationChanged: {
    when: 'exactly when the generation of tools rises after the first catalogue, with its number',
    expected: ({ before, after }) => {
      const [known, generation] = [toolGeneration(before.visibility), toolGeneration(after.visibility)]
      return known === 0 || generation <= known ? [] : [{ generation }]
    },
  },
  CommittedVisibleSetPublished: {
    when: 'when all that is staged is committed, with its revision',
    expected: step => {
      const published = given(step, 'PublishCommittedVisibleSet')
      const { active, staged } = step.before.visibility
      if (published === undefined || active.revision === staged.revision) return []
      return [{ revision: published.revision }]
    },
  },
}

const surfacesOf = ({ toolSurfaces }: Stepped['after']): readonly Surface[] => [...mapValues(toolSurfaces.surfaces)]
/** Surfaces that a step changed, as they were and as they are. */
function changedSurfaces({ before, after }: Stepped): readonly (readonly [Surface | undefined, Surface])[] {
  if (before.toolSurfaces === after.toolSurfaces) return []
  return surfacesOf(after)
    .map(now => [mapGet(before.toolSurfaces.surfaces, now.id), now] as const)
    .filter(([was, now]) => was !== now)
}
const generations = (surface: Surface | undefined): readonly number[] => {
  if (surface === undefined) return []
  const serving = 'serving' in surface.base ? [surface.base.serving.generation] : []
  return [...serving, ...surface.retiring.map(({ generation }) => generation)]
}
/** Names the connection through which a surface's tools are offered; its state if there is none. */
const offeredBy = (surface: Surface | undefined): string => {
  const { base } = surface ?? { base: { state: 'Absent' as const } }
  if (base.state === 'Active') return String(base.serving.generation)
  return base.state === 'Absent' ? 'Absent' : base.state
}
const started = (step: Stepped) => {
  const call = given(step, 'SurfaceCallStarted')
  const surface = call && mapGet(step.before.toolSurfaces.surfaces, call.surfaceId)
  return call && { call, surface }
}
/** The generation that the call is admitted to: its surface is active and still has the named connection. */
function admittedTo(step: Stepped): number | undefined {
  const asked = started(step)
  if (asked?.surface?.base.state !== 'Active' || step.before.toolSurfaces.phase === 'shutdown') return undefined
  const { generation = asked.surface.base.serving.generation } = asked.call
  return generations(asked.surface).includes(generation) ? generation : undefined
}

const surfaces: Pick<ToolRules, ToolSurfaceEffect['type']> = {
  ScheduleSurfaceCompletion: {
    when: 'exactly when a connection is to be made, with what names it',
    expected: step =>
      changedSurfaces(step).flatMap(([was, { id, pending }]) =>
        pending === undefined || was?.pending?.sequence === pending.sequence
          ? []
          : [
              {
                surfaceId: id,
                operation: pending.operation,
                pendingTaskSequence: pending.sequence,
                stagedIntentSequence: pending.lineage,
              },
            ],
      ),
  },
  RefreshVisibleSurfaceSet: {
    when: 'exactly when the tools on offer are others, with the epoch of the list',
    expected: step => {
      const isOther = changedSurfaces(step).some(([was, now]) => offeredBy(was) !== offeredBy(now))
      return once(isOther, () => ({ snapshotEpoch: step.after.toolSurfaces.snapshotEpoch }))
    },
  },
  EmitExternalToolDelta: {
    when: 'exactly when a change of a surface has come further',
    expected: step =>
      changedSurfaces(step).flatMap(([was, { id, lastDelta }]) =>
        lastDelta === undefined || was?.lastDelta === lastDelta ? [] : [{ surfaceId: id, ...lastDelta }],
      ),
  },
  CloseSurfaceConnection: {
    when: 'for each connection that is no more',
    expected: step =>
      changedSurfaces(step).flatMap(([was, now]) =>
        generations(was)
          .filter(generation => !generations(now).includes(generation))
          .map(generation => ({ surfaceId: now.id, generation })),
      ),
  },
  SurfaceCallAdmitted: {
    when: 'when a call is put through, with the connection that it goes to',
    expected: step => {
      const generation = admittedTo(step)
      const surfaceId = started(step)?.call.surfaceId
      return generation === undefined || surfaceId === undefined ? [] : [{ surfaceId, generation }]
    },
  },
  RejectSurfaceCall: {
    when: 'when a call can’t be put through, with the reason',
    expected: step => {
      const asked = started(step)
      if (asked === undefined || admittedTo(step) !== undefined) return []
      const cause =
        asked.surface?.base.state === 'Removing' ? ('surface_draining' as const) : ('surface_unavailable' as const)
      return [{ surfaceId: asked.call.surfaceId, cause }]
    },
  },
}

const imagesOf = ({ routing }: Stepped['after']): readonly ImageOperation[] => [...mapValues(routing.images)]
/** The ends that a step added to the remembered ones. */
function routingEnds({ before, after }: Stepped): readonly RoutingTerminal[] {
  const known = new Set(before.routing.recent)
  return after.routing.recent.filter(end => !known.has(end))
}

const ASKING = ['RequestFiniteSwitchTurn', 'RequestUntilChangedSwitchTurn', 'BeginImageOperation']
const OF_SESSION = ['RegisterSession', 'UnregisterSession', 'Destroy']

/** How many switches and image operations ended in this step without a remembered end. */
function interruptedIn({ before: { routing: was }, after: { routing: now } }: Stepped): number {
  const ids = new Set([now.pending?.requestId, now.override?.requestId])
  const switches = [was.pending, was.override].filter(one => one !== undefined && !ids.has(one.requestId))
  const images = mapValues(was.images).filter(({ operationId }) => mapGet(now.images, operationId) === undefined)
  return switches.length + images.length
}

const routing: Pick<ToolRules, RoutingEffect['type']> = {
  ModelRoutingStatusChanged: {
    when: 'exactly when another model may be asked, with the epoch of that',
    expected: ({ before, input, after }) => {
      const { epoch } = after.routing
      return once(epoch !== before.routing.epoch && !OF_SESSION.includes(input.type), () => ({ epoch }))
    },
  },
  ModelRoutingTerminated: {
    when: 'once for each switch and image operation that ends',
    expected: step => {
      if (step.before.routing === step.after.routing) return []
      const isKept = !OF_SESSION.includes(step.input.type)
      const ends = isKept ? routingEnds(step) : []
      return isKept && ends.length > 0
        ? ends.map(end => ({ end }))
        : Array.from({ length: interruptedIn(step) }, () => ({}))
    },
  },
  ModelRoutingApprovalTerminalized: {
    when: 'when a requested approval is denied, with the reason',
    expected: ({ before, input, after }) => {
      if (!ASKING.includes(input.type) || !('approval' in input) || input.approval.type !== 'denied') return []
      const [end] = routingEnds({ before, input, after })
      const isDenied = end?.terminal === 'denied' && end.denial === 'deniedDuringApproval'
      return isDenied ? [{ parent: end.type, id: end.id, reason: input.approval.reason }] : []
    },
  },
  SwitchTurnFiniteOverrideActivated: {
    when: 'exactly when a switch for some turns takes effect',
    expected: ({ before, after }) => {
      const { override } = after.routing
      if (override === undefined || override.requestId === before.routing.override?.requestId) return []
      return [{ requestId: override.requestId, target: override.target }]
    },
  },
  SwitchTurnPersistentReconfigureRequested: {
    when: 'exactly when a session is to be changed over to another model',
    expected: ({ before, after }) => {
      const { pending } = after.routing
      if (pending?.phase !== 'applyingPersistentReconfigure' || pending === before.routing.pending) return []
      return [{ requestId: pending.requestId, target: pending.target }]
    },
  },
  ImageOperationPhaseChanged: {
    when: 'exactly when an image operation that goes on comes into another phase',
    expected: ({ before, after }) =>
      imagesOf(after).flatMap(({ operationId, phase }) =>
        mapGet(before.routing.images, operationId)?.phase === phase ? [] : [{ operationId, phase }],
      ),
  },
  ImageOperationTerminalClassified: {
    when: 'when it is said what an image operation came to',
    expected: ({ input, after }) => {
      if (input.type !== 'ClassifyImageOperationTerminal') return []
      const image = mapGet(after.routing.images, input.operationId)
      const classified = image !== undefined && 'classified' in image ? image.classified : undefined
      return classified === undefined ? [] : [{ operationId: input.operationId, ...classified }]
    },
  },
}

const llm: Pick<ToolRules, 'SessionLlmReconfigurePlanResolved'> = {
  SessionLlmReconfigurePlanResolved: {
    when: 'when another model serves the session, or stays after a failure, with what that changes',
    expected: ({ before, input, after }) => {
      const isOther = input.type === 'ReconfigureSessionLlmIdentity' || input.type === 'CommitStickyModelFallback'
      const [was, is] = [surfaceOf(before.llm), surfaceOf(after.llm)]
      const revision = after.visibility.active.revision
      return once(isOther, () => ({
        ...(was && { previousSurface: was }),
        ...(is && { currentSurface: is }),
        capabilityChanged: !sameFields(was, is),
        committedVisibleSetChanged: revision !== before.visibility.active.revision,
        activeVisibilityRevision: revision,
      }))
    },
  },
}

export const toolRules: ToolRules = { ...llm, ...mcp, ...visibility, ...surfaces, ...routing }
