/** What the region `context` decides on. */

/** What the session knows changed at this time, ms since the epoch. */
export type ContextInput = { readonly type: 'AdvanceSessionContext'; readonly updatedAt: number }
