/** The inputs that the region `context` decides on. */

/** The session's context changed at this time, ms since the epoch. */
export type ContextInput = { readonly type: 'AdvanceSessionContext'; readonly updatedAt: number }
