/** The slice of the region `routing`: baseline, switches and image operations. */
import { emptyMap, mapDelete, mapGet, mapSet, mapValues, type PersistentMap } from '../../persistent-map.ts'

/** A model, and whether it uses a realtime transport. */
export interface ModelTarget {
  readonly model: string
  readonly realtime: boolean
  /** The baseline is the executor's default; `model` is only a stand-in for its name. */
  readonly isDefault?: true
}

/** A requested switch that is not in effect yet. */
export type PendingSwitch =
  /** Begins with the next assistant turn. */
  | {
      readonly phase: 'pendingForBoundary'
      readonly requestId: string
      readonly target: ModelTarget
      /** For how many assistant turns. */
      readonly turns: number
    }
  /** A lasting switch: the session's host is reconfiguring it. */
  | { readonly phase: 'applyingPersistentReconfigure'; readonly requestId: string; readonly target: ModelTarget }

/** A switch for a number of assistant turns, the present one included. */
export interface TurnOverride {
  readonly requestId: string
  readonly target: ModelTarget
  readonly remaining: number
}

export type ImageTerminal =
  | 'generated'
  | 'emptyResult'
  | 'failed'
  | 'timeout'
  | 'cancelled'
  | 'safetyFiltered'
  | 'refusedByProvider'
/** What to do with text that came with an image or in its place. */
export type ProviderTextDisposition = 'keep' | 'discard'

interface Image<Phase extends string> {
  readonly phase: Phase
  readonly operationId: string
}
interface Classified {
  readonly terminal: ImageTerminal
  readonly providerText: ProviderTextDisposition
}
interface Planned {
  readonly target: ModelTarget
  /** How it ended, once it was classified. */
  readonly classified?: Classified
}

/** An image operation that has not ended. */
export type ImageOperation =
  | (Image<'planResolved'> & Planned & { readonly requiresScopedOverride: boolean })
  | (Image<'scopedOverrideActive'> & Planned)
  | (Image<'restoringScopedOverride'> & {
      readonly target: ModelTarget
      readonly terminal: ImageTerminal
      readonly payload?: string
    })

export type SwitchDenial =
  | 'approvalRequiredButUnavailable'
  | 'deniedDuringApproval'
  | 'scopedOverrideConflict'
  | 'realtimeTransportConflict'
/** Why the requested image can't be made. */
export type ImagePlanDenial = 'unsupportedByModel' | 'unsupportedByProvider' | 'invalidRequest' | 'policy'

/** How a switch or an image operation ended. */
export type RoutingTerminal =
  | { readonly type: 'switch'; readonly id: string; readonly terminal: 'consumedAndRestored' }
  | { readonly type: 'switch'; readonly id: string; readonly terminal: 'persistentReconfigureApplied' }
  /** The process ended while it reconfigured the session. */
  | { readonly type: 'switch'; readonly id: string; readonly terminal: 'interrupted' }
  | { readonly type: 'switch'; readonly id: string; readonly terminal: 'denied'; readonly denial: SwitchDenial }
  | { readonly type: 'image'; readonly id: string; readonly terminal: ImageTerminal; readonly payload?: string }
  | { readonly type: 'image'; readonly id: string; readonly terminal: 'denied'; readonly denial: SwitchDenial }
  | {
      readonly type: 'image'
      readonly id: string
      readonly terminal: 'planDenied'
      readonly denial: ImagePlanDenial
      readonly payload?: string
    }

export interface Routing {
  readonly baseline?: ModelTarget
  /** Rises with every change of the effective model. */
  readonly epoch: number
  readonly pending?: PendingSwitch
  readonly override?: TurnOverride
  /** The turn that the override counted last, if it had a name. */
  readonly admitted?: string
  /** The image operations that have not ended. */
  readonly images: PersistentMap<string, ImageOperation>
  /** The image operation whose model is in effect. */
  readonly imageOverride?: string
  /** The newest ends, the last one last. */
  readonly recent: readonly RoutingTerminal[]
}

/** How many ends are kept for later queries; each was emitted when it happened. */
const RECENT = 64

export const NO_ROUTING: Routing = { epoch: 0, images: emptyMap(), recent: [] }

export interface ModelRoutingStatus {
  readonly epoch: number
  /** The effective model; absent while none was set. */
  readonly effective?: ModelTarget
  readonly source: 'image' | 'turn' | 'baseline'
  readonly baseline?: ModelTarget
  readonly pending?: PendingSwitch
  readonly override?: TurnOverride
  readonly images: readonly ImageOperation[]
  readonly recent: readonly RoutingTerminal[]
}

/** The effective model and its source, what is pending, and how the newest switches and image operations ended. */
export function modelRoutingStatus({ routing }: { readonly routing: Routing }): ModelRoutingStatus {
  const { epoch, baseline, pending, override, recent } = routing
  const image = activeImage(routing)
  const effective = image?.target ?? override?.target ?? baseline
  return {
    epoch,
    ...(effective && { effective }),
    source: image ? 'image' : override ? 'turn' : 'baseline',
    ...(baseline && { baseline }),
    ...(pending && { pending }),
    ...(override && { override }),
    images: imagesOf(routing),
    recent,
  }
}

/** The unfinished image operations, in the order of their ids. */
export function imagesOf({ images }: Routing): readonly ImageOperation[] {
  return [...mapValues(images)].sort((a, b) => (a.operationId < b.operationId ? -1 : 1))
}
export function activeImage({ images, imageOverride }: Routing): ImageOperation | undefined {
  return imageOverride === undefined ? undefined : mapGet(images, imageOverride)
}

export function withImage(slice: Routing, image: ImageOperation): Routing {
  return { ...slice, images: mapSet(slice.images, image.operationId, image) }
}

/** Adds an end to the recent ones. */
export function remembering(slice: Routing, end: RoutingTerminal): Routing {
  return { ...slice, recent: [...slice.recent, end].slice(-RECENT) }
}
export function withoutPending(slice: Routing): Routing {
  const { pending: _, ...rest } = slice
  return rest
}
export function withoutOverride(slice: Routing): Routing {
  const { override: _, admitted: __, ...rest } = slice
  return { ...rest, epoch: slice.epoch + 1 }
}

/** Ends an image operation, and its override if that is in effect. */
export function endImage(slice: Routing, image: ImageOperation): Routing {
  const ended = remembering({ ...slice, images: mapDelete(slice.images, image.operationId) }, endOf(image))
  if (slice.imageOverride !== image.operationId) return ended
  const { imageOverride: _, ...rest } = ended
  return { ...rest, epoch: slice.epoch + 1 }
}
/** The end of an image operation that was cut off: it failed, unless its end was completed. */
export function endOf(image: ImageOperation): Extract<RoutingTerminal, { type: 'image' }> {
  if (image.phase !== 'restoringScopedOverride') return { type: 'image', id: image.operationId, terminal: 'failed' }
  const { operationId: id, terminal, payload } = image
  return { type: 'image', id, terminal, ...(payload !== undefined && { payload }) }
}
