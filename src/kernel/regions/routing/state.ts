/** Which model is asked, while switches and image operations have their say. */
import { emptyMap, mapDelete, mapGet, mapSet, mapValues, type PersistentMap } from '../../persistent-map.ts'

/** A model to ask, and whether it speaks over a realtime transport. */
export interface ModelTarget {
  readonly model: string
  readonly realtime: boolean
  /** As a baseline: whatever the executor asks by default; `model` is only what that was when it was said. */
  readonly isDefault?: true
}

/** A switch that was asked for and has not begun. */
export type PendingSwitch =
  /** Begins with the next assistant turn. */
  | {
      readonly phase: 'pendingForBoundary'
      readonly requestId: string
      readonly target: ModelTarget
      /** For how many assistant turns. */
      readonly turns: number
    }
  /** Lasts; whoever keeps the session is changing it over. */
  | { readonly phase: 'applyingPersistentReconfigure'; readonly requestId: string; readonly target: ModelTarget }

/** A switch for a number of assistant turns, this one included. */
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
/** What to do with the words that came with an image or in its place. */
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
  /** How it ended, once that is known. */
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
/** Why an image can't be made as it was asked for. */
export type ImagePlanDenial = 'unsupportedByModel' | 'unsupportedByProvider' | 'invalidRequest' | 'policy'

/** How a switch or an image operation ended. */
export type RoutingTerminal =
  | { readonly type: 'switch'; readonly id: string; readonly terminal: 'consumedAndRestored' }
  | { readonly type: 'switch'; readonly id: string; readonly terminal: 'persistentReconfigureApplied' }
  /** Its process was lost while the session was changed over. */
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
  /** Rises with every change of the model that is asked. */
  readonly epoch: number
  readonly pending?: PendingSwitch
  readonly override?: TurnOverride
  /** The turn that the override counted last, where its name is known. */
  readonly admitted?: string
  /** Those that have not ended. */
  readonly images: PersistentMap<string, ImageOperation>
  /** The operation whose model is asked at present. */
  readonly imageOverride?: string
  /** The newest ends, the last one last. */
  readonly recent: readonly RoutingTerminal[]
}

/** Ends that stay for whoever asks later; each was reported when it came. */
const RECENT = 64

export const NO_ROUTING: Routing = { epoch: 0, images: emptyMap(), recent: [] }

export interface ModelRoutingStatus {
  readonly epoch: number
  /** The model that is asked; absent while nobody has said which. */
  readonly effective?: ModelTarget
  readonly source: 'image' | 'turn' | 'baseline'
  readonly baseline?: ModelTarget
  readonly pending?: PendingSwitch
  readonly override?: TurnOverride
  readonly images: readonly ImageOperation[]
  readonly recent: readonly RoutingTerminal[]
}

/** Which model is asked and why, what is to come, and how the newest switches and image operations ended. */
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

/** By id. */
export function imagesOf({ images }: Routing): readonly ImageOperation[] {
  return [...mapValues(images)].sort((a, b) => (a.operationId < b.operationId ? -1 : 1))
}
export function activeImage({ images, imageOverride }: Routing): ImageOperation | undefined {
  return imageOverride === undefined ? undefined : mapGet(images, imageOverride)
}

export function withImage(slice: Routing, image: ImageOperation): Routing {
  return { ...slice, images: mapSet(slice.images, image.operationId, image) }
}

/** An end is said and remembered for a while. */
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

/** The operation is over; if its model was asked, it no longer is. */
export function endImage(slice: Routing, image: ImageOperation): Routing {
  const ended = remembering({ ...slice, images: mapDelete(slice.images, image.operationId) }, endOf(image))
  if (slice.imageOverride !== image.operationId) return ended
  const { imageOverride: _, ...rest } = ended
  return { ...rest, epoch: slice.epoch + 1 }
}
/** One that is cut off has failed, whatever was about to be said of it. */
export function endOf(image: ImageOperation): Extract<RoutingTerminal, { type: 'image' }> {
  if (image.phase !== 'restoringScopedOverride') return { type: 'image', id: image.operationId, terminal: 'failed' }
  const { operationId: id, terminal, payload } = image
  return { type: 'image', id, terminal, ...(payload !== undefined && { payload }) }
}
