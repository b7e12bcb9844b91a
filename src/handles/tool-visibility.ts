/** Which tools the model may see. A staged change is visible once it is committed, at a boundary. */
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
import { anObject, checkOptions, optional } from '../options.ts'
import { refuseUnreadable } from '../unreadable.ts'
import { HandleDslAuthority, type HandleInput } from './dsl-authority.ts'
import { type NamedInStep, stageError } from './tool-scope-error.ts'

/** What a session passes on to a session that is made from it. */
export type InheritedVisibility = Omit<ReplaceVisibilityState, 'type'>

/** Everything committed and staged, with the providers of all tools that it names. */
export interface SessionToolVisibilityState extends InheritedVisibility {
  /** The filter that follows from what the model can do. */
  readonly capabilityBase: ToolFilter
  /** The newest revision that was given out. */
  readonly newest: number
  readonly overlay?: TurnToolOverlay
}

/** A call that names tools fails with a `ToolScopeStageError`, any other with a `DslTransitionError`. */
export class ToolVisibilityOwner {
  readonly #authority: HandleDslAuthority

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
  }

  visibilityState(): SessionToolVisibilityState {
    return stateOf(this.#authority.snapshotState())
  }

  /**
   * The filter in force: of the model's abilities, of the session's creator, of the session itself, and of this turn.
   */
  effectiveFilter(): ToolFilter {
    return effectiveToolFilter(this.#authority.snapshotState())
  }

  /** Whether the model may see a tool. The tools that control what it sees (`isControl`) are always visible. */
  isVisible(name: string, isControl = false): boolean {
    return isToolVisible(this.#authority.snapshotState(), name, isControl)
  }

  /** Replaces everything at once, apart from the catalogues and the overlay. */
  replaceVisibilityState(state: InheritedVisibility): Promise<void> {
    const { inherited, active, staged, witnesses, authorities } = state
    const named: NamedInStep = {
      byFilter: { names: [inherited, active.filter, staged.filter].flatMap(namedBy), witnesses },
      byRequest: { names: [...active.deferred, ...staged.deferred], witnesses: authorities },
    }
    const input = { type: 'ReplaceVisibilityState', inherited, active, staged, witnesses, authorities } as const
    return this.#naming(named, input, () => {})
  }

  /** Stages the session's own filter; answers the revision under which it is staged. */
  stagePersistentFilter(filter: ToolFilter, witnesses: readonly ToolAuthority[]): Promise<number> {
    return this.#naming(
      filtering(filter, witnesses),
      { type: 'StagePersistentFilter', filter, witnesses },
      stagedRevision,
    )
  }

  /** Stages the filter of the session's keeper, also while the session is stopped. */
  stageVisibilityFilter(filter: ToolFilter, witnesses: readonly ToolAuthority[]): Promise<number> {
    return this.#naming(
      filtering(filter, witnesses),
      { type: 'StageVisibilityFilter', filter, witnesses },
      stagedRevision,
    )
  }

  /** Stages these tools besides the ones requested before; answers the revision under which they are staged. */
  requestDeferredTools(authorities: readonly ToolAuthority[]): Promise<number> {
    return this.#naming(requesting(authorities), { type: 'RequestDeferredTools', authorities }, stagedRevision)
  }

  /** Stages that no deferred tool is shown. Tools to be shown are requested instead. Answers the revision. */
  stageRequestedDeferredNames(names: readonly []): Promise<number> {
    return this.#authority.applyInputWithEffectsAndSample({ type: 'StageDeferredNames', names }, (_, state) =>
      stagedRevision(state),
    )
  }

  /** Commits the filter that is staged under this revision. A second call changes nothing. */
  commitVisibilityFilter(filter: ToolFilter, revision: number): Promise<void> {
    return this.#authority.applyInput({ type: 'CommitVisibilityFilter', filter, revision })
  }

  /** Commits the staged deferred tools, which must be exactly these. A second call changes nothing. */
  commitDeferredNames(authorities: readonly ToolAuthority[]): Promise<void> {
    return this.#naming(requesting(authorities), { type: 'CommitDeferredNames', authorities }, () => {})
  }

  /** Commits everything that is staged under this revision. A second call changes nothing. */
  publishCommittedVisibleSet(revision: number): Promise<void> {
    return this.#authority.applyInput({ type: 'PublishCommittedVisibleSet', revision })
  }

  /**
   * Commits everything that is staged, because a boundary is reached. Answers the new state; undefined: nothing was
   * staged. At the boundaries of an executor's run the runtime does this itself.
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
        // More was staged while this call waited for its turn: a step that changes nothing makes it visible here.
        await this.#authority.applyInput({ type: 'SyncVisibilityRevisions', activeRevision: 0, stagedRevision: 0 })
      }
    }
  }

  /** Says which tools filters may name, and their providers. A tool that is named now keeps its provider. */
  replaceFilterToolAuthorityCatalog(catalog: readonly ToolAuthority[]): Promise<void> {
    return this.#authority.applyInput({ type: 'ReplaceFilterToolAuthorityCatalog', catalog })
  }

  /** Says which tools are hidden until they are requested, and their providers. A requested tool keeps its provider. */
  replaceDeferredToolAuthorityCatalog(catalog: readonly ToolAuthority[]): Promise<void> {
    return this.#authority.applyInput({ type: 'ReplaceDeferredToolAuthorityCatalog', catalog })
  }

  /** Narrows the tools for the current run, until its end. */
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

/** Visibility for an agent without a machine. `model`: its model, where its abilities matter. */
export async function standaloneToolVisibilityOwner(
  sessionId: SessionId,
  model?: SessionLlm,
): Promise<ToolVisibilityOwner> {
  const authority = HandleDslAuthority.ephemeral(sessionId)
  if (model !== undefined) {
    checkOptions('standaloneToolVisibilityOwner', model, { identity: anObject, surface: optional(anObject) })
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
