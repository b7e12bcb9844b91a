/** What leaves the region `streams`. */
import type { Of, StreamAbandonReason } from './input.ts'
import type { InteractionStreamState } from './state.ts'

/** How it ended. */
export type InteractionStreamEnd = 'Completed' | 'Expired' | 'ClosedEarly' | 'Abandoned'

export type StreamEffect =
  | (Of<'InteractionStreamStateChanged'> & { readonly state: InteractionStreamState | InteractionStreamEnd })
  /** Whoever holds the stream is to let go. Said once. */
  | (Of<'InteractionStreamCleanup'> & { readonly reason?: StreamAbandonReason })
