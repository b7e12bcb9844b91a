/** The effects of the region `visibility`. */

export type VisibilityEffect =
  /** The active or the staged set has another revision. */
  | { readonly type: 'ToolVisibilityChanged'; readonly activeRevision: number; readonly stagedRevision: number }
  | { readonly type: 'CommittedVisibleSetPublished'; readonly revision: number }
  /** The visible tools, or their providers, have changed. */
  | { readonly type: 'ToolGenerationChanged'; readonly generation: number }
