/** What a peer's word looks like in the conversation, for hosts that put it into words themselves. */
import { jsonOf } from '../foreign.ts'
import { type PeerConversationProjection, promptText as textOf } from '../kernel/peer-conversation.ts'

/** The text a model reads. A message has none of its own: its content follows its block prefix. */
export function promptText(projection: PeerConversationProjection): string {
  if (projection.type === 'Message') return textOf(projection)
  if (projection.type !== 'ResponseTerminal') return textOf({ ...projection, payload: readable(projection.payload) })
  return textOf({ ...projection, fact: { ...projection.fact, payload: readable(projection.fact.payload) } })
}

/** The payload as plain JSON; of one that has none, why not. */
function readable(payload: unknown): unknown {
  const json = jsonOf(payload)
  return 'problem' in json ? { unreadable: json.problem } : json.value
}
