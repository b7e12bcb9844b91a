/** What leaves the region `visibility`. */

export type VisibilityEffect =
  /** What is visible or is to be has changed. */
  | { readonly type: 'ToolVisibilityChanged'; readonly activeRevision: number; readonly stagedRevision: number }
  | { readonly type: 'CommittedVisibleSetPublished'; readonly revision: number }
  /** The model may see other tools than before, or tools of other providers. */
  | { readonly type: 'ToolGenerationChanged'; readonly generation: number }
