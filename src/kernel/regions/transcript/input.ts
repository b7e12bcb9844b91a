/** The inputs that the region `transcript` decides on. */

export type TranscriptInput =
  /** Adds messages outside of a run: a system message, a notice. */
  | { readonly type: 'ExtendTranscript'; readonly messages: number }
  /** Adds a summary as the next message; it replaces all messages before `covers` for the model. */
  | { readonly type: 'CompactTranscript'; readonly covers: number }
