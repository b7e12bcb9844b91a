/**
 * The models of a machine's sessions: which model a session has, which one is asked, and which tools it sees.
 *
 * The host is asked what a model can do while nothing is locked. Its answer is used only if the session still has the
 * model that it had when the question was asked. So a change happens as a whole or not at all, and of two at once the
 * second is refused.
 */
import { MeerkatError } from '../errors.ts'
import type {
  ClassifiedImage,
  FiniteSwitchRequest,
  ImageOperationEnd,
  ImageOperationRequest,
  ImageOperationSeen,
  ImagePlanRefusal,
  ModelRoutingHandle,
  UntilChangedSwitchRequest,
} from '../handles/model-routing.ts'
import { ToolScopeStageError } from '../handles/tool-scope-error.ts'
import type { ToolVisibilityOwner } from '../handles/tool-visibility.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { LlmEffect } from '../kernel/regions/llm/effect.ts'
import type { LlmInput } from '../kernel/regions/llm/input.ts'
import {
  isLlm,
  type Llm,
  type SessionLlm,
  type SessionLlmCapabilitySurface,
  type SessionLlmIdentity,
  surfaceOf,
} from '../kernel/regions/llm/state.ts'
import type { ModelRoutingStatus, ModelTarget, SwitchDenial } from '../kernel/regions/routing/state.ts'
import type { ToolFilter } from '../kernel/regions/tool-filter.ts'
import type { ToolAuthority } from '../kernel/regions/visibility/state.ts'
import type { Clock } from '../time.ts'
import * as takes from './arguments.ts'
import type { Entries, Entry } from './entries.ts'
import { demandCurrentRun, refusalOf, validated } from './errors.ts'

/** Answers what models can do. */
export interface SessionLlmReconfigureHost {
  /**
   * What this model can do; undefined: unknown, and then the session keeps the model that it has. `signal` aborts when
   * the answer would come too late.
   */
  resolveCapabilitySurface(
    sessionId: SessionId,
    target: SessionLlmIdentity,
    signal: AbortSignal,
  ): Promise<SessionLlmCapabilitySurface | undefined>
}

/** What a change of model changed. */
export type SessionLlmReconfigurePlan = Omit<
  Extract<LlmEffect, { readonly type: 'SessionLlmReconfigurePlanResolved' }>,
  'type'
>

/** A model that answered in a run after the session's own had failed. `previous`: the model that the session had. */
export type StickyModelFallback = Omit<Extract<LlmInput, { readonly type: 'CommitStickyModelFallback' }>, 'type'>

/** Another model for some assistant turns or, without `turns`, from now on. */
export type SwitchTurnRequest = FiniteSwitchRequest | (UntilChangedSwitchRequest & { readonly turns?: never })

interface SessionModelsOptions {
  readonly entries: Entries
  readonly clock: Clock
  /** Called when a served session has another model. Never fails. */
  readonly changed: (sessionId: SessionId) => Promise<void>
}

type Replacement = Extract<LlmInput, { readonly type: 'ReconfigureSessionLlmIdentity' | 'CommitStickyModelFallback' }>

/** How long the host may take to say what a model can do. */
const RESOLVE_MS = 30_000

/** Refusals of the machine are `rejected`; a session that is not registered is `not-ready`. */
export class SessionModels {
  readonly #options: SessionModelsOptions
  #host: SessionLlmReconfigureHost | undefined

  static {
    const { id, later, now, optional } = takes
    takes.checkArguments(this, {
      setSessionLlmReconfigureHost: now(optional(takes.withMethods('resolveCapabilitySurface'))),
      hydrateSessionLlmState: later(id, takes.llm),
      reconfigureSessionLlmIdentity: later(id, takes.identity),
      commitStickyModelFallback: later(id, takes.fallback),
      clearSessionLlmState: later(id),
      resolvedSessionLlmCapabilities: now(id),
      sessionModelRoutingStatus: now(id),
      configureModelRoutingBaseline: later(id, takes.target),
      requestSwitchTurn: later(id, takes.switchRequest),
      completeUntilChangedSwitchTurn: later(id, id),
      admitModelRoutingAssistantTurn: later(id),
      beginImageOperation: later(id, takes.imageRequest),
      denyImageOperationPlan: later(id, takes.ofImage),
      activateImageOperationOverride: later(id, id, takes.target),
      classifyImageOperationTerminal: later(id, takes.ofImage),
      completeImageOperation: later(id, takes.ofImage),
      restoreImageOperationOverride: later(id, id),
      stagePersistentFilter: later(id, takes.filter, takes.authorities),
      requestDeferredTools: later(id, takes.authorities),
      publishCommittedVisibleSet: later(id, takes.count),
    })
  }

  constructor(options: SessionModelsOptions) {
    this.#options = options
  }

  /** Sets the host that knows what models can do. Undefined: no model is changed by name. */
  setSessionLlmReconfigureHost(host: SessionLlmReconfigureHost | undefined): void {
    this.#host = host
  }

  /** Says which model the session was built with. */
  async hydrateSessionLlmState(sessionId: SessionId, { identity, surface }: SessionLlm): Promise<void> {
    const entry = this.#options.entries.of(sessionId)
    const hydrate = { type: 'HydrateSessionLlmState', identity, ...(surface && { surface }) } as const
    await validated('the model', entry.authority.applyInput(hydrate))
    await this.#follow(entry)
  }

  /**
   * Changes the session's model. `rejected` if it is unknown what the model can do; `conflict` (the caller may try
   * again) if the session got another model meanwhile. Then nothing has changed.
   */
  async reconfigureSessionLlmIdentity(
    sessionId: SessionId,
    target: SessionLlmIdentity,
  ): Promise<SessionLlmReconfigurePlan> {
    const entry = this.#options.entries.of(sessionId)
    const previous = seenIn(entry.authority.snapshotState().llm)
    const surface = await this.#resolved(sessionId, target)
    const seen = previous && { previous }
    return this.#replace(entry, { type: 'ReconfigureSessionLlmIdentity', ...seen, identity: target, surface })
  }

  /**
   * Keeps the fallback model that answered after the session's own had failed. Only while the run still recovers from
   * that very attempt: later it is `rejected`. `conflict` if the session got another model meanwhile.
   */
  async commitStickyModelFallback(
    sessionId: SessionId,
    fallback: StickyModelFallback,
  ): Promise<SessionLlmReconfigurePlan> {
    const entry = this.#options.entries.of(sessionId)
    demandCurrentRun('the model', entry.authority.snapshotState(), fallback.runId)
    return this.#replace(entry, { ...fallback, type: 'CommitStickyModelFallback' })
  }

  /** Forgets which model the session has; until another is named, no tool is hidden because of the model. */
  async clearSessionLlmState(sessionId: SessionId): Promise<void> {
    const entry = this.#options.entries.of(sessionId)
    await validated('forgetting the model', entry.authority.applyInput({ type: 'ClearSessionLlmState' }))
    await this.#follow(entry)
  }

  /** What the session's model can do, as far as that is known. */
  resolvedSessionLlmCapabilities(sessionId: SessionId): SessionLlmCapabilitySurface | undefined {
    return surfaceOf(this.#options.entries.of(sessionId).authority.snapshotState().llm)
  }

  sessionModelRoutingStatus(sessionId: SessionId): ModelRoutingStatus {
    return this.#routing(sessionId).status()
  }
  configureModelRoutingBaseline(sessionId: SessionId, target: ModelTarget): Promise<void> {
    return validated('the baseline', this.#routing(sessionId).setBaseline(target))
  }

  /** Answers why the switch is denied; undefined: it waits for its turn, or for the session to be changed over. */
  requestSwitchTurn(sessionId: SessionId, request: SwitchTurnRequest): Promise<SwitchDenial | undefined> {
    const routing = this.#routing(sessionId)
    const { turns, ...rest } = request
    const asked =
      turns === undefined
        ? routing.requestUntilChangedSwitchTurn(rest)
        : routing.requestFiniteSwitchTurn({ ...rest, turns })
    return validated(`switch ${request.requestId}`, asked)
  }
  /** Records that the session has the model that a lasting switch asked for. */
  completeUntilChangedSwitchTurn(sessionId: SessionId, requestId: string): Promise<void> {
    const completed = this.#routing(sessionId).completeUntilChangedSwitchTurnReconfigure(requestId)
    return validated(`the end of switch ${requestId}`, completed)
  }
  /** Records that an assistant turn begins. Answers whether a switch takes part in it. */
  admitModelRoutingAssistantTurn(sessionId: SessionId): Promise<boolean> {
    return validated('the assistant turn', this.#routing(sessionId).admitAssistantTurn())
  }

  /** Answers why the operation is denied; undefined: it is planned. */
  beginImageOperation(sessionId: SessionId, request: ImageOperationRequest): Promise<SwitchDenial | undefined> {
    const begun = this.#routing(sessionId).beginImageOperation(request)
    return validated(`image operation ${request.operationId}`, begun)
  }
  denyImageOperationPlan(sessionId: SessionId, refusal: ImagePlanRefusal): Promise<void> {
    const denied = this.#routing(sessionId).denyImageOperationPlan(refusal)
    return validated(`the denial of image operation ${refusal.operationId}`, denied)
  }
  activateImageOperationOverride(sessionId: SessionId, operationId: string, target: ModelTarget): Promise<void> {
    const activated = this.#routing(sessionId).activateImageOperationOverride(operationId, target)
    return validated(`the model of image operation ${operationId}`, activated)
  }
  classifyImageOperationTerminal(sessionId: SessionId, seen: ImageOperationSeen): Promise<ClassifiedImage> {
    const classified = this.#routing(sessionId).classifyImageOperationTerminal(seen)
    return validated(`what was seen of image operation ${seen.operationId}`, classified)
  }
  completeImageOperation(sessionId: SessionId, end: ImageOperationEnd): Promise<void> {
    return validated(
      `the end of image operation ${end.operationId}`,
      this.#routing(sessionId).completeImageOperation(end),
    )
  }
  /** False if the operation's model is not asked any more. */
  restoreImageOperationOverride(sessionId: SessionId, operationId: string): Promise<boolean> {
    const restored = this.#routing(sessionId).restoreImageOperationOverride(operationId)
    return validated(`the end of the model of image operation ${operationId}`, restored)
  }

  /** Stages the session's own filter of tools; answers the revision to publish it under. */
  stagePersistentFilter(
    sessionId: SessionId,
    filter: ToolFilter,
    witnesses: readonly ToolAuthority[],
  ): Promise<number> {
    return staged('the filter', this.#tools(sessionId).stagePersistentFilter(filter, witnesses))
  }
  /** Stages deferred tools; answers the revision to publish them under. */
  requestDeferredTools(sessionId: SessionId, authorities: readonly ToolAuthority[]): Promise<number> {
    return staged('the request for tools', this.#tools(sessionId).requestDeferredTools(authorities))
  }
  /** Shows what is staged under this revision. */
  publishCommittedVisibleSet(sessionId: SessionId, revision: number): Promise<void> {
    return validated(`revision ${revision}`, this.#tools(sessionId).publishCommittedVisibleSet(revision))
  }

  #routing(sessionId: SessionId): ModelRoutingHandle {
    return this.#options.entries.of(sessionId).bindings.modelRouting
  }
  #tools(sessionId: SessionId): ToolVisibilityOwner {
    return this.#options.entries.of(sessionId).bindings.toolVisibilityOwner
  }

  /** An executor that is registered later gets the model that the session has then. */
  async #follow({ sessionId }: Entry): Promise<void> {
    if (this.#options.entries.isServed(sessionId)) await this.#options.changed(sessionId)
  }

  /** Replaces the model, and answers what that changed. */
  async #replace(entry: Entry, input: Replacement): Promise<SessionLlmReconfigurePlan> {
    const { sessionId } = entry
    const effects = await this.#replaced(entry, input)
    const plan = effects.find(effect => effect.type === 'SessionLlmReconfigurePlanResolved')
    if (plan === undefined) throw new MeerkatError('internal', `session ${sessionId} changed its model without a plan`)
    await this.#follow(entry)
    const { type: _, ...changes } = plan
    return changes
  }

  async #replaced(
    { sessionId, authority }: Entry,
    input: Replacement,
  ): ReturnType<Entry['authority']['applyInputWithEffects']> {
    try {
      return await validated('the model', authority.applyInputWithEffects(input))
    } catch (error) {
      const { llm } = authority.snapshotState()
      const isOvertaken = isGuarded(error) && !isLlm(llm, input.previous)
      throw isOvertaken ? overtaken(sessionId, input.identity, llm, error) : error
    }
  }

  async #resolved(sessionId: SessionId, target: SessionLlmIdentity): Promise<SessionLlmCapabilitySurface> {
    const host = this.#host
    if (host === undefined) {
      const message = `no model of session ${sessionId} can be changed, because no host says what models can do`
      throw new MeerkatError('unsupported', `${message}; call setSessionLlmReconfigureHost first`)
    }
    const aborting = new AbortController()
    const late = Promise.withResolvers<never>()
    const inTime = this.#options.clock.after(RESOLVE_MS, () => {
      aborting.abort()
      late.reject(unresolved(target, `there was no answer in ${RESOLVE_MS} ms`, { retryable: true }))
    })
    try {
      const asked = host.resolveCapabilitySurface(sessionId, target, aborting.signal)
      const surface = await Promise.race([asked, late.promise])
      if (surface === undefined) throw unresolved(target, 'the host does not know it')
      return surface
    } catch (error) {
      if (error instanceof MeerkatError) throw error
      throw unresolved(target, error instanceof Error ? error.message : String(error), { cause: error })
    } finally {
      inTime()
    }
  }
}

function isGuarded(error: unknown): boolean {
  return error instanceof MeerkatError && error.cause instanceof DslTransitionError && error.cause.isGuardRejected
}

function seenIn(llm: Llm): SessionLlm | undefined {
  if (llm.phase === 'unknown') return undefined
  const surface = surfaceOf(llm)
  return { identity: llm.identity, ...(surface && { surface }) }
}

function overtaken(sessionId: SessionId, { model }: SessionLlmIdentity, now: Llm, cause: unknown): MeerkatError {
  const message = `session ${sessionId} got another model while ${model} was looked up: look at it and ask again`
  const current = now.phase === 'unknown' ? {} : { current: now.identity }
  return new MeerkatError('conflict', message, { retryable: true, cause, details: { sessionId, model, ...current } })
}

function unresolved(
  { provider, model }: SessionLlmIdentity,
  why: string,
  options: { readonly retryable?: boolean; readonly cause?: unknown } = {},
): MeerkatError {
  const message = `what ${model} of ${provider} can do is not known: ${why}`
  return new MeerkatError('rejected', message, { ...options, details: { provider, model } })
}

async function staged(what: string, act: Promise<number>): Promise<number> {
  try {
    return await act
  } catch (error) {
    if (!(error instanceof ToolScopeStageError)) throw error
    const { kind, tools, message, cause } = error
    // What refuses every step is reported as for every other call.
    if (cause instanceof DslTransitionError && !cause.isGuardRejected) throw refusalOf(what, cause)
    throw new MeerkatError('rejected', `${what} was refused: ${message}`, { details: { kind, tools }, cause: error })
  }
}
