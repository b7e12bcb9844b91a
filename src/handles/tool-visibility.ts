/** Which tools the model may see: what is staged is seen once it is committed, at a boundary. */
import { DslTransitionError } from '../kernel/authority.ts'
import type { AgentRuntimeId, SessionId } from '../kernel/ids.ts'
import { capabilityBaseFilter, type SessionLlm } from '../kernel/regions/llm/state.ts'
import { namedBy, type ToolFilter } from '../kernel/regions/tool-filter.ts'
import type { ReplaceVisibilityState } from '../kernel/regions/visibility/input.ts'
import {
  effectiveToolFilter,
  hasStagedVisibility,
  isToolVisible,
  type ToolAuthority,
  type TurnToolOverlay,
} from '../kernel/regions/visibility/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { witnessesIn } from '../kernel/tool-catalogue.ts'
import { HandleDslAuthority, type HandleInput } from './dsl-authority.ts'
import { type NamedInStep, stageError } from './tool-scope-error.ts'
import { refuseUnreadable } from './unreadable.ts'

/** What a session passes on to one that is made of it. */
export type InheritedVisibility = Omit<ReplaceVisibilityState, 'type'>

/** All that is so and all that is to be, with who provides what is named. */
export interface SessionToolVisibilityState extends InheritedVisibility {
  /** What the model's abilities leave. */
  readonly capabilityBase: ToolFilter
  /** The last revision that was given. */
  readonly newest: number
  readonly overlay?: TurnToolOverlay
}

/** Whatever names tools is refused with a `ToolScopeStageError`, everything else with a `DslTransitionError`. */
export class ToolVisibilityOwner {
  readonly #authority: HandleDslAuthority

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
  }

  visibilityState(): SessionToolVisibilityState {
    return stateOf(this.#authority.snapshotState())
  }

  /** What is left of the tools by the model, by whoever made the session, by its own choice, and by this turn. */
  effectiveFilter(): ToolFilter {
    return effectiveToolFilter(this.#authority.snapshotState())
  }

  /** Whether the model may see a tool. Those that control what it sees (`isControl`) are always there. */
  isVisible(name: string, isControl = false): boolean {
    return isToolVisible(this.#authority.snapshotState(), name, isControl)
  }

  /** Puts everything in place at once but the catalogues and the overlay. */
  replaceVisibilityState(state: InheritedVisibility): Promise<void> {
    const { inherited, active, staged, witnesses, authorities } = state
    const named: NamedInStep = {
      byFilter: { names: [inherited, active.filter, staged.filter].flatMap(namedBy), witnesses },
      byRequest: { names: [...active.deferred, ...staged.deferred], witnesses: authorities },
    }
    const input = { type: 'ReplaceVisibilityState', inherited, active, staged, witnesses, authorities } as const
    return this.#naming(named, input, () => {})
  }

  /** Stages the session's own choice of tools; answers the revision under which it is staged. */
  stagePersistentFilter(filter: ToolFilter, witnesses: readonly ToolAuthority[]): Promise<number> {
    return this.#naming(
      filtering(filter, witnesses),
      { type: 'StagePersistentFilter', filter, witnesses },
      stagedRevision,
    )
  }

  /** The same for whoever keeps the session, also while it is stopped. */
  stageVisibilityFilter(filter: ToolFilter, witnesses: readonly ToolAuthority[]): Promise<number> {
    return this.#naming(
      filtering(filter, witnesses),
      { type: 'StageVisibilityFilter', filter, witnesses },
      stagedRevision,
    )
  }

  /** Stages these in addition to the ones that were asked for; answers the revision under which they are. */
  requestDeferredTools(authorities: readonly ToolAuthority[]): Promise<number> {
    return this.#naming(requesting(authorities), { type: 'RequestDeferredTools', authorities }, stagedRevision)
  }

  /** Stages that no deferred tool is shown: to show some, they are requested. Answers the revision. */
  stageRequestedDeferredNames(names: readonly []): Promise<number> {
    return this.#authority.applyInputWithEffectsAndSample({ type: 'StageDeferredNames', names }, (_, state) =>
      stagedRevision(state),
    )
  }

  /** Commits the filter that is staged under this revision. Again is nothing. */
  commitVisibilityFilter(filter: ToolFilter, revision: number): Promise<void> {
    return this.#authority.applyInput({ type: 'CommitVisibilityFilter', filter, revision })
  }

  /** Commits the deferred tools that are staged, which are exactly these. Again is nothing. */
  commitDeferredNames(authorities: readonly ToolAuthority[]): Promise<void> {
    return this.#naming(requesting(authorities), { type: 'CommitDeferredNames', authorities }, () => {})
  }

  /** Commits all that is staged under this revision. Again is nothing. */
  publishCommittedVisibleSet(revision: number): Promise<void> {
    return this.#authority.applyInput({ type: 'PublishCommittedVisibleSet', revision })
  }

  /**
   * A boundary is reached: commits all that is staged. Answers what holds now; absent: nothing was staged. The boundaries
   * of runs that an executor performs do this themselves.
   */
  async boundaryApplied(): Promise<SessionToolVisibilityState | undefined> {
    for (;;) {
      const state = this.#authority.snapshotState()
      if (!hasStagedVisibility(state)) return undefined
      try {
        const publish = { type: 'PublishCommittedVisibleSet', revision: stagedRevision(state) } as const
        return await this.#authority.applyInputWithEffectsAndSample(publish, (_, after) => stateOf(after))
      } catch (error) {
        if (!(error instanceof DslTransitionError && error.isGuardRejected)) throw error
        // More was staged before this had its turn, and need not be visible yet; it is after a step that changes nothing.
        await this.#authority.applyInput({ type: 'SyncVisibilityRevisions', activeRevision: 0, stagedRevision: 0 })
      }
    }
  }

  /** Says which tools filters may name, and whose they are. What is named now stays whose it is. */
  replaceFilterToolAuthorityCatalog(catalog: readonly ToolAuthority[]): Promise<void> {
    return this.#authority.applyInput({ type: 'ReplaceFilterToolAuthorityCatalog', catalog })
  }

  /** Says which tools are hidden until they are asked for, and whose they are. What was asked for stays whose it is. */
  replaceDeferredToolAuthorityCatalog(catalog: readonly ToolAuthority[]): Promise<void> {
    return this.#authority.applyInput({ type: 'ReplaceDeferredToolAuthorityCatalog', catalog })
  }

  /** Narrows the tools for the run there is; with its end it is gone. */
  setTurnToolOverlay({ allow, deny }: TurnToolOverlay): Promise<void> {
    const input = { type: 'SetTurnToolOverlay', ...(allow && { allow }), deny } as const
    return this.#naming({ byFilter: { names: allow ?? [] } }, input, () => {})
  }

  clearTurnToolOverlay(): Promise<void> {
    return this.#authority.applyInput({ type: 'ClearTurnToolOverlay' })
  }

  async #naming<T>(named: NamedInStep, input: HandleInput, sample: (state: MeerkatState) => T): Promise<T> {
    try {
      return await this.#authority.applyInputWithEffectsAndSample(input, (_, state) => sample(state))
    } catch (error) {
      throw stageError(error, named, this.#authority.snapshotState().visibility)
    }
  }
}
refuseUnreadable(ToolVisibilityOwner)

const STANDALONE = 'standalone' as AgentRuntimeId

/** Visibility for an agent without a machine. `model`: the one it has, if what that can do matters. */
export async function standaloneToolVisibilityOwner(
  sessionId: SessionId,
  model?: SessionLlm,
): Promise<ToolVisibilityOwner> {
  const authority = HandleDslAuthority.ephemeral(sessionId)
  if (model !== undefined) {
    await authority.applyInput({ type: 'PrepareBindings', sessionId, runtimeId: STANDALONE, fence: 0, generation: 0 })
    await authority.applyInput({ type: 'HydrateSessionLlmState', ...model })
  }
  return new ToolVisibilityOwner(authority)
}

function stateOf({ visibility, llm }: MeerkatState): SessionToolVisibilityState {
  const { inherited, active, staged, newest, overlay, filterCatalog, deferredCatalog } = visibility
  const filtered = [inherited, active.filter, staged.filter].flatMap(namedBy)
  return {
    capabilityBase: capabilityBaseFilter(llm),
    inherited,
    active,
    staged,
    newest,
    witnesses: witnessesIn(filterCatalog, filtered),
    authorities: witnessesIn(deferredCatalog, [...active.deferred, ...staged.deferred]),
    ...(overlay && { overlay }),
  }
}

function stagedRevision({ visibility: { staged } }: MeerkatState): number {
  return staged.revision
}
function filtering(filter: ToolFilter, witnesses: readonly ToolAuthority[]): NamedInStep {
  return { byFilter: { names: namedBy(filter), witnesses } }
}
function requesting(authorities: readonly ToolAuthority[]): NamedInStep {
  return { byRequest: { names: authorities.map(({ name }) => name), witnesses: authorities } }
}
