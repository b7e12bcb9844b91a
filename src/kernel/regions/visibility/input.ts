/** What the region `visibility` decides on. */
import type { ToolFilter } from '../tool-filter.ts'
import type { ToolAuthority, TurnToolOverlay, VisibleSet } from './state.ts'

interface Filtered<Type extends string> {
  readonly type: Type
  readonly filter: ToolFilter
  /** Who provides the tools that the filter names. */
  readonly witnesses: readonly ToolAuthority[]
}

export type VisibilityInput =
  /** The session's own choice of tools, until it is changed. */
  | Filtered<'StagePersistentFilter'>
  /** The same from whoever keeps the session, also while it is stopped. */
  | Filtered<'StageVisibilityFilter'>
  | { readonly type: 'CommitVisibilityFilter'; readonly filter: ToolFilter; readonly revision: number }
  /** Stages them in addition to those that are. */
  | { readonly type: 'RequestDeferredTools'; readonly authorities: readonly ToolAuthority[] }
  /** Stages that none is shown; to show some, they have to be requested. */
  | { readonly type: 'StageDeferredNames'; readonly names: readonly [] }
  | { readonly type: 'CommitDeferredNames'; readonly authorities: readonly ToolAuthority[] }
  | { readonly type: 'ReplaceFilterToolAuthorityCatalog'; readonly catalog: readonly ToolAuthority[] }
  | { readonly type: 'ReplaceDeferredToolAuthorityCatalog'; readonly catalog: readonly ToolAuthority[] }
  | ({ readonly type: 'SetTurnToolOverlay' } & TurnToolOverlay)
  | { readonly type: 'ClearTurnToolOverlay' }
  /** Commits all that is staged under this revision. */
  | { readonly type: 'PublishCommittedVisibleSet'; readonly revision: number }
  | ReplaceVisibilityState
  /** Revisions that are in use elsewhere: the next one is above them. */
  | { readonly type: 'SyncVisibilityRevisions'; readonly activeRevision: number; readonly stagedRevision: number }

/** Puts everything but the catalogues and the overlay in place at once: how a session gets what it inherits. */
export interface ReplaceVisibilityState {
  readonly type: 'ReplaceVisibilityState'
  readonly inherited: ToolFilter
  /** The filter is the list of tools which the session was opened or updated with; another choice takes its place. */
  readonly chosen?: boolean
  readonly active: VisibleSet
  readonly staged: VisibleSet
  /** Who provides the tools that the filters name. */
  readonly witnesses: readonly ToolAuthority[]
  /** Who provides the deferred ones. */
  readonly authorities: readonly ToolAuthority[]
}
