/** The inputs that the region `visibility` decides on. */
import type { ToolFilter } from '../tool-filter.ts'
import type { ToolAuthority, TurnToolOverlay, VisibleSet } from './state.ts'

interface Filtered<Type extends string> {
  readonly type: Type
  readonly filter: ToolFilter
  /** The providers of the tools in the filter. */
  readonly witnesses: readonly ToolAuthority[]
}

export type VisibilityInput =
  /** Stages the session's own filter, which stays until it is changed. */
  | Filtered<'StagePersistentFilter'>
  /** The same by the session's host, also while it is stopped. */
  | Filtered<'StageVisibilityFilter'>
  | { readonly type: 'CommitVisibilityFilter'; readonly filter: ToolFilter; readonly revision: number }
  /** Stages deferred tools in addition to those that are staged already. */
  | { readonly type: 'RequestDeferredTools'; readonly authorities: readonly ToolAuthority[] }
  /** Stages that no deferred tool is visible; `RequestDeferredTools` adds some. */
  | { readonly type: 'StageDeferredNames'; readonly names: readonly [] }
  | { readonly type: 'CommitDeferredNames'; readonly authorities: readonly ToolAuthority[] }
  | { readonly type: 'ReplaceFilterToolAuthorityCatalog'; readonly catalog: readonly ToolAuthority[] }
  | { readonly type: 'ReplaceDeferredToolAuthorityCatalog'; readonly catalog: readonly ToolAuthority[] }
  | ({ readonly type: 'SetTurnToolOverlay' } & TurnToolOverlay)
  | { readonly type: 'ClearTurnToolOverlay' }
  /** Commits the staged set of this revision. */
  | { readonly type: 'PublishCommittedVisibleSet'; readonly revision: number }
  | ReplaceVisibilityState
  /** Reports revisions that are used elsewhere; the next one is above them. */
  | { readonly type: 'SyncVisibilityRevisions'; readonly activeRevision: number; readonly stagedRevision: number }

/** Replaces everything except the catalogues and the overlay: how a session gets what it inherits. */
export interface ReplaceVisibilityState {
  readonly type: 'ReplaceVisibilityState'
  readonly inherited: ToolFilter
  /** The inherited filter is the session's option `tools`, and changes with that option. */
  readonly chosen?: boolean
  readonly active: VisibleSet
  readonly staged: VisibleSet
  /** The providers of the tools in the filters. */
  readonly witnesses: readonly ToolAuthority[]
  /** The providers of the deferred tools. */
  readonly authorities: readonly ToolAuthority[]
}
