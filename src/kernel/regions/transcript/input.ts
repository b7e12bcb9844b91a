/** What the region `transcript` decides on. */

export type TranscriptInput =
  /** Messages that no run brought: a system message, a notice. */
  | { readonly type: 'ExtendTranscript'; readonly messages: number }
  /** A summary joins the transcript as its next message and stands for everything before `covers`. */
  | { readonly type: 'CompactTranscript'; readonly covers: number }
