/** Guards, changes and effects of the region `routing`. */

import { mapGet } from '../../persistent-map.ts'
import type { RoutingEffect } from './effect.ts'
import { classifyImageTerminal } from './image-terminal.ts'
import type { Asked, RoutingApproval, RoutingInput } from './input.ts'
import type { Sees } from './sees.ts'
import {
  activeImage,
  endImage,
  endOf,
  type ImageOperation,
  imagesOf,
  type ModelTarget,
  type PendingSwitch,
  type Routing,
  type RoutingTerminal,
  remembering,
  type SwitchDenial,
  type TurnOverride,
  withImage,
  withoutOverride,
  withoutPending,
} from './state.ts'

export type RoutingIn<Type> = Extract<RoutingInput, { readonly type: Type }>
type WithImage = { readonly operationId: string }
type WithSwitch = { readonly requestId: string }
type Turn = RoutingIn<'AdmitModelRoutingAssistantTurn'>

const imageOf = ({ routing }: Sees, { operationId }: WithImage): ImageOperation | undefined =>
  mapGet(routing.images, operationId)
const hasEnded = ({ recent }: Routing, type: RoutingTerminal['type'], id: string): boolean =>
  recent.some(end => end.type === type && end.id === id)

export function knowsBaseline({ routing }: Sees): boolean {
  return routing.baseline !== undefined
}
export function isOtherBaseline({ routing: { baseline } }: Sees, { target }: { target: ModelTarget }): boolean {
  return (
    baseline?.model !== target.model || baseline.realtime !== target.realtime || baseline.isDefault !== target.isDefault
  )
}
export function isNewSwitch({ routing }: Sees, { requestId }: WithSwitch): boolean {
  const { pending, override } = routing
  return (
    pending?.requestId !== requestId && override?.requestId !== requestId && !hasEnded(routing, 'switch', requestId)
  )
}
export function isNewImage(state: Sees, input: WithImage): boolean {
  return imageOf(state, input) === undefined && !hasEnded(state.routing, 'image', input.operationId)
}
export function isApprovalUnavailable(_: Sees, { approval }: Asked): boolean {
  return approval?.type === 'unavailable'
}
export function deniedApproval(_: Sees, { approval }: Asked): Denied | undefined {
  return approval?.type === 'denied' ? approval : undefined
}
type Denied = Extract<RoutingApproval, { readonly type: 'denied' }>
/** Whether the target needs another transport although the present one is required. */
export function losesTransport(_: Sees, { target, realtimeTransport }: Asked): boolean {
  return realtimeTransport === 'required' && !target.realtime
}
export function isSwitching({ routing: { pending, override, imageOverride } }: Sees): boolean {
  return pending !== undefined || override !== undefined || imageOverride !== undefined
}
export function isForSomeTurns(_: Sees, { turns }: { readonly turns: number }): boolean {
  return turns > 0
}
export function switchBeingApplied(
  { routing: { pending } }: Sees,
  { requestId }: WithSwitch,
): PendingSwitch | undefined {
  return pending?.phase === 'applyingPersistentReconfigure' && pending.requestId === requestId ? pending : undefined
}
export function switchForTurns({ routing: { pending } }: Sees): ForTurns | undefined {
  return pending?.phase === 'pendingForBoundary' ? pending : undefined
}
type ForTurns = Extract<PendingSwitch, { readonly phase: 'pendingForBoundary' }>
export function isCounted({ routing: { admitted } }: Sees, { turn }: Turn): boolean {
  return turn !== undefined && turn === admitted
}
export function overrideWithTurnsLeft({ routing: { override } }: Sees): TurnOverride | undefined {
  return override !== undefined && override.remaining > 1 ? override : undefined
}
export function overrideUsedUp({ routing: { override } }: Sees): TurnOverride | undefined {
  return override?.remaining === 1 ? override : undefined
}
export function hasImageOverride({ routing }: Sees): boolean {
  return routing.imageOverride !== undefined
}
export function noImageOverride(state: Sees): boolean {
  return !hasImageOverride(state)
}
export function needsOverride(state: Sees, input: WithImage): boolean {
  return plannedImage(state, input)?.requiresScopedOverride === true
}
type ImageIn<Phase> = Extract<ImageOperation, { readonly phase: Phase }>
export function plannedImage(state: Sees, input: WithImage): ImageIn<'planResolved'> | undefined {
  const image = imageOf(state, input)
  return image?.phase === 'planResolved' ? image : undefined
}
export function imageInOverride(state: Sees, input: WithImage): ImageIn<'scopedOverrideActive'> | undefined {
  const image = imageOf(state, input)
  return image?.phase === 'scopedOverrideActive' ? image : undefined
}
export function imageUnderWay(state: Sees, input: WithImage): UnderWay | undefined {
  return plannedImage(state, input) ?? imageInOverride(state, input)
}
type UnderWay = ImageIn<'planResolved' | 'scopedOverrideActive'>
/** Whether the reported end is the one that was classified. */
export function isClassifiedSo(state: Sees, input: RoutingIn<'CompleteImageOperation'>): boolean {
  return imageUnderWay(state, input)?.classified?.terminal === input.terminal
}
export function imageHoldingOverride({ routing }: Sees, { operationId }: WithImage): ImageOperation | undefined {
  return routing.imageOverride === operationId ? activeImage(routing) : undefined
}

export function setBaseline(slice: Routing, { target }: { readonly target: ModelTarget }): Routing {
  return { ...slice, baseline: target, epoch: slice.epoch + 1 }
}
export const denySwitch =
  (denial: SwitchDenial) =>
  (slice: Routing, { requestId: id }: WithSwitch): Routing =>
    remembering(slice, { type: 'switch', id, terminal: 'denied', denial })
export const denyImage =
  (denial: SwitchDenial) =>
  (slice: Routing, { operationId: id }: WithImage): Routing =>
    remembering(slice, { type: 'image', id, terminal: 'denied', denial })
/** Begins a lasting switch; it replaces a waiting one. */
export function askToReconfigure(slice: Routing, input: RoutingIn<'RequestUntilChangedSwitchTurn'>): Routing {
  const { pending } = slice
  const { requestId, target } = input
  const displaced =
    pending === undefined ? slice : denySwitch('scopedOverrideConflict')(slice, { requestId: pending.requestId })
  return { ...displaced, pending: { phase: 'applyingPersistentReconfigure', requestId, target } }
}
export function completeReconfigure(
  slice: Routing,
  { requestId: id }: WithSwitch,
  _: Sees,
  pending: PendingSwitch,
): Routing {
  const applied = setBaseline(withoutPending(slice), pending)
  return remembering(applied, { type: 'switch', id, terminal: 'persistentReconfigureApplied' })
}
export function activate(slice: Routing, turn: Turn, _: Sees, pending: ForTurns): Routing {
  const { requestId, target, turns: remaining } = pending
  const override = { requestId, target, remaining }
  return { ...withoutPending(slice), override, ...admitted(turn), epoch: slice.epoch + 1 }
}
export function countTurn(slice: Routing, turn: Turn, _: Sees, override: TurnOverride): Routing {
  return { ...slice, override: { ...override, remaining: override.remaining - 1 }, ...admitted(turn) }
}
function admitted({ turn }: Turn): Pick<Routing, 'admitted'> {
  return turn === undefined ? {} : { admitted: turn }
}
export function restoreTurn(slice: Routing, _: Turn, __: Sees, { requestId: id }: TurnOverride): Routing {
  return remembering(withoutOverride(slice), { type: 'switch', id, terminal: 'consumedAndRestored' })
}
export function activateImage(
  slice: Routing,
  { operationId, target }: RoutingIn<'ActivateImageOperationOverride'>,
  _: Sees,
  { classified }: UnderWay,
): Routing {
  const active = { phase: 'scopedOverrideActive', operationId, target, ...(classified && { classified }) } as const
  return { ...withImage(slice, active), imageOverride: operationId, epoch: slice.epoch + 1 }
}
type Classify = RoutingIn<'ClassifyImageOperationTerminal'>
const classifiedBy = ({ observation, providerText }: Classify) => ({
  terminal: classifyImageTerminal(observation),
  providerText,
})
export function classify(slice: Routing, input: Classify, _: Sees, image: UnderWay): Routing {
  return withImage(slice, { ...image, classified: classifiedBy(input) })
}
export function classified(_: Sees, input: Classify): RoutingEffect {
  return { type: 'ImageOperationTerminalClassified', operationId: input.operationId, ...classifiedBy(input) }
}
/** Completes the operation; if its override is in effect, that has to be restored first. */
export const completeImage =
  (how: typeof withImage) =>
  (slice: Routing, input: RoutingIn<'CompleteImageOperation'>, _: Sees, { target }: UnderWay): Routing => {
    const { operationId, terminal, payload } = input
    const phase = 'restoringScopedOverride'
    return how(slice, { phase, operationId, target, terminal, ...(payload !== undefined && { payload }) })
  }
export function restoreImage(slice: Routing, _: WithImage, __: Sees, image: ImageOperation): Routing {
  return endImage(slice, image)
}

/** An image's override ends with its run. */
export function afterRun(slice: Routing): Routing {
  const image = activeImage(slice)
  return image === undefined ? slice : endImage(slice, image)
}
/** Ends what the former process had in progress. */
export function afterProcess(slice: Routing): Routing {
  const quiet = imagesOf(slice).reduce(endImage, slice)
  const { pending } = quiet
  if (pending?.phase !== 'applyingPersistentReconfigure') return quiet
  return remembering(withoutPending(quiet), { type: 'switch', id: pending.requestId, terminal: 'interrupted' })
}

const ENDED = 'ModelRoutingTerminated'

/** The ends of all switches and image operations, with the session. */
export function allEnded(_: Sees, __: unknown, { routing }: Sees): readonly RoutingEffect[] {
  const switches = [routing.pending, routing.override].flatMap((one): readonly RoutingTerminal[] =>
    one === undefined ? [] : [{ type: 'switch', id: one.requestId, terminal: 'interrupted' }],
  )
  return [...switches, ...imagesOf(routing).map(endOf)].map(end => ({ type: ENDED, end }))
}
/** The ends of what the former process had in progress. */
export function cutOff(after: Sees, _: unknown, { routing: old }: Sees): readonly RoutingEffect[] {
  const { pending } = old
  const switches: readonly RoutingTerminal[] =
    pending?.phase === 'applyingPersistentReconfigure'
      ? [{ type: 'switch', id: pending.requestId, terminal: 'interrupted' }]
      : []
  const ends = [...imagesOf(old).map(endOf), ...switches].map((end): RoutingEffect => ({ type: ENDED, end }))
  return [...ends, ...statusIfChanged(after, old)]
}
/** The ends that this step added, and a change of the routing status. */
export function statusAndEnds(after: Sees, _: unknown, { routing: old }: Sees): readonly RoutingEffect[] {
  const { routing: now } = after
  if (now === old) return []
  const last = old.recent.at(-1)
  const added = now.recent.slice(last === undefined ? 0 : now.recent.lastIndexOf(last) + 1)
  const ends = added.map((end): RoutingEffect => ({ type: ENDED, end }))
  return [...ends, ...statusIfChanged(after, old)]
}
function statusIfChanged({ routing: { epoch } }: Sees, old: Routing): readonly RoutingEffect[] {
  return epoch === old.epoch ? [] : [{ type: 'ModelRoutingStatusChanged', epoch }]
}
export const denialOf =
  (parent: RoutingTerminal['type']) =>
  (_: Sees, input: WithSwitch | WithImage, __: Sees, { reason }: Denied): RoutingEffect => {
    const id = 'requestId' in input ? input.requestId : input.operationId
    return { type: 'ModelRoutingApprovalTerminalized', parent, id, reason }
  }
export const imageMoved =
  (phase: ImageOperation['phase']) =>
  (_: Sees, { operationId }: WithImage): RoutingEffect => ({ type: 'ImageOperationPhaseChanged', operationId, phase })
