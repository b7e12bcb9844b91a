/** The inputs that the region `endings` decides on. */

export type EndingsInput =
  /** Ends the next abandoned inputs, in order: at most this many, with those that they carry. */
  { readonly type: 'EndGivenUp'; readonly most: number }
