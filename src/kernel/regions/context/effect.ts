/** What leaves the region `context`. */

export type ContextEffect = { readonly type: 'SessionContextAdvanced'; readonly updatedAt: number }
