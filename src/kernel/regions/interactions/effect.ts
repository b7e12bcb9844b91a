/** The effects of the region `interactions`. */
import type { Of } from './input.ts'
import type { OutboundRequestState } from './state.ts'

/** How a request of this session ended. */
export type OutboundRequestEnd = 'Completed' | 'Failed' | 'TimedOut'

export type InteractionEffect =
  | (Of<'PeerInteractionStateChanged'> & { readonly state: OutboundRequestState | OutboundRequestEnd })
  /** Callers that wait for this answer should be released. Emitted once. */
  | Of<'PeerInteractionCleanup'>
  | (Of<'InboundPeerInteractionStateChanged'> & { readonly state: 'Received' | 'Replied' })
