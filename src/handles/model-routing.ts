/** Which model is asked: the baseline, the switches, and the operations that make images. */
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { RoutingInput } from '../kernel/regions/routing/input.ts'
import {
  type ImageTerminal,
  type ModelRoutingStatus,
  type ModelTarget,
  modelRoutingStatus,
  type ProviderTextDisposition,
  type RoutingTerminal,
  type SwitchDenial,
} from '../kernel/regions/routing/state.ts'
import { refuseUnreadable } from '../unreadable.ts'
import { type HandleDslAuthority, unlessGuarded } from './dsl-authority.ts'

type Params<Type extends RoutingInput['type']> = Omit<Extract<RoutingInput, { readonly type: Type }>, 'type'>

export type FiniteSwitchRequest = Params<'RequestFiniteSwitchTurn'>
export type UntilChangedSwitchRequest = Params<'RequestUntilChangedSwitchTurn'>
export type ImageOperationRequest = Params<'BeginImageOperation'>
export type ImagePlanRefusal = Params<'DenyImageOperationPlan'>
export type ImageOperationSeen = Params<'ClassifyImageOperationTerminal'>
export type ImageOperationEnd = Params<'CompleteImageOperation'>

/** How an image operation ended, and what to do with the text that came with it. */
export interface ClassifiedImage {
  readonly terminal: ImageTerminal
  readonly providerText: ProviderTextDisposition
}

/** An id names one switch or one image operation: a second use of it is refused with `guard-rejected`. */
export class ModelRoutingHandle {
  readonly #authority: HandleDslAuthority

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
  }

  /** Sets the model that is asked by default. Setting the same one again changes nothing. */
  setBaseline(target: ModelTarget): Promise<void> {
    return this.#authority.applyInput({ type: 'SetModelRoutingBaseline', target })
  }

  /**
   * Asks for another model for this many assistant turns, from the next one on. Answers why that is denied; undefined:
   * it waits for the turn.
   */
  requestFiniteSwitchTurn(request: FiniteSwitchRequest): Promise<SwitchDenial | undefined> {
    const denied = denialIn('switch', request.requestId)
    return this.#authority.applyInputWithEffectsAndSample({ type: 'RequestFiniteSwitchTurn', ...request }, denied)
  }

  /**
   * Asks for another model from now on. Answers why that is denied; undefined: the host changes the session over and
   * then calls `completeUntilChangedSwitchTurnReconfigure`.
   */
  requestUntilChangedSwitchTurn(request: UntilChangedSwitchRequest): Promise<SwitchDenial | undefined> {
    const denied = denialIn('switch', request.requestId)
    return this.#authority.applyInputWithEffectsAndSample({ type: 'RequestUntilChangedSwitchTurn', ...request }, denied)
  }

  /** Records that the session has the model that the switch asked for. */
  completeUntilChangedSwitchTurnReconfigure(requestId: string): Promise<void> {
    return this.#authority.applyInput({ type: 'CompleteUntilChangedSwitchTurnReconfigure', requestId })
  }

  /**
   * Records that an assistant turn begins. Answers whether a switch takes part in it: one that begins, counts down or
   * ends.
   */
  admitAssistantTurn(): Promise<boolean> {
    return unlessGuarded(this.#authority.applyInput({ type: 'AdmitModelRoutingAssistantTurn' }))
  }

  /** Plans an image operation. Answers why it is denied; undefined: it is planned. */
  beginImageOperation(request: ImageOperationRequest): Promise<SwitchDenial | undefined> {
    const denied = denialIn('image', request.operationId)
    return this.#authority.applyInputWithEffectsAndSample({ type: 'BeginImageOperation', ...request }, denied)
  }

  /** The operation can't be performed as planned, and was never begun. */
  denyImageOperationPlan(refusal: ImagePlanRefusal): Promise<void> {
    return this.#authority.applyInput({ type: 'DenyImageOperationPlan', ...refusal })
  }

  /** From now on the operation's model is asked. */
  activateImageOperationOverride(operationId: string, target: ModelTarget): Promise<void> {
    return this.#authority.applyInput({ type: 'ActivateImageOperationOverride', operationId, target })
  }

  /** Derives the operation's end from what was observed; it is completed with that end or none. */
  async classifyImageOperationTerminal(seen: ImageOperationSeen): Promise<ClassifiedImage> {
    const effects = await this.#authority.applyInputWithEffects({ type: 'ClassifyImageOperationTerminal', ...seen })
    const said = effects.find(effect => effect.type === 'ImageOperationTerminalClassified')
    if (said === undefined) throw new Error(`image operation ${seen.operationId} was classified without an end`)
    return { terminal: said.terminal, providerText: said.providerText }
  }

  /** The operation is over; if its model is being asked, that has to be restored. */
  completeImageOperation(end: ImageOperationEnd): Promise<void> {
    return this.#authority.applyInput({ type: 'CompleteImageOperation', ...end })
  }

  /** The operation's model is not asked any more; false if it was not, for example after the end of its run. */
  restoreImageOperationOverride(operationId: string): Promise<boolean> {
    return unlessGuarded(this.#authority.applyInput({ type: 'RestoreImageOperationOverride', operationId }))
  }

  status(): ModelRoutingStatus {
    return modelRoutingStatus(this.#authority.snapshotState())
  }
}
refuseUnreadable(ModelRoutingHandle)

function denialIn(type: RoutingTerminal['type'], id: string) {
  return (effects: readonly MeerkatEffect[]): SwitchDenial | undefined => {
    for (const effect of effects) {
      if (effect.type !== 'ModelRoutingTerminated') continue
      const { end } = effect
      if (end.type === type && end.id === id && end.terminal === 'denied') return end.denial
    }
    return undefined
  }
}
