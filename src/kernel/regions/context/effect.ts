/** The effects of the region `context`. */

export type ContextEffect = { readonly type: 'SessionContextAdvanced'; readonly updatedAt: number }
