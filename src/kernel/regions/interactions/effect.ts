/** What leaves the region `interactions`. */
import type { Of } from './input.ts'
import type { OutboundRequestState } from './state.ts'

/** How a request of ours ended. */
export type OutboundRequestEnd = 'Completed' | 'Failed' | 'TimedOut'

export type InteractionEffect =
  | (Of<'PeerInteractionStateChanged'> & { readonly state: OutboundRequestState | OutboundRequestEnd })
  /** Whoever waits for this answer is to be let go. Said once. */
  | Of<'PeerInteractionCleanup'>
  | (Of<'InboundPeerInteractionStateChanged'> & { readonly state: 'Received' | 'Replied' })
