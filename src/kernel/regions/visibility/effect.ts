/** What leaves the region `visibility`. */

export type VisibilityEffect =
  /** What is visible or is to be has changed. */
  | { readonly type: 'ToolVisibilityChanged'; readonly activeRevision: number; readonly stagedRevision: number }
  | { readonly type: 'CommittedVisibleSetPublished'; readonly revision: number }
