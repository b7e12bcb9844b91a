/** The effects of the region `streams`. */
import type { Of, StreamAbandonReason } from './input.ts'
import type { InteractionStreamState } from './state.ts'

/** How a stream ended. */
export type InteractionStreamEnd = 'Completed' | 'Expired' | 'ClosedEarly' | 'Abandoned'

export type StreamEffect =
  | (Of<'InteractionStreamStateChanged'> & { readonly state: InteractionStreamState | InteractionStreamEnd })
  /** The holder of the stream should close it. Emitted once. */
  | (Of<'InteractionStreamCleanup'> & { readonly reason?: StreamAbandonReason })
