/** Looks into a session's dealings with its peers. */
import type { InteractionStreamState, Lane, OutboundRequestState, PeerCorrelationId } from 'meerkat-ts/kernel'
import { mapGet } from '../../../src/kernel/persistent-map.ts'
import type { Play } from './play.ts'

const id = (name: string): PeerCorrelationId => name as PeerCorrelationId

export function outboundRequest({ state }: Play, name: string): OutboundRequestState | undefined {
  return mapGet(state.interactions.outbound, id(name))
}
/** The lane in which it came. */
export function inboundRequest({ state }: Play, name: string): Lane | undefined {
  return mapGet(state.interactions.inbound, id(name))
}
export function stream({ state }: Play, name: string): InteractionStreamState | undefined {
  return mapGet(state.streams.open, id(name))
}
