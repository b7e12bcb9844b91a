/** What the region `endings` decides on. */

export type EndingsInput =
  /** Says the end of some of what was given up, in its order: of this many, and of what they carry. */
  { readonly type: 'EndGivenUp'; readonly most: number }
