/** How a peer's message is written in the conversation, for hosts that write it themselves. */
import { jsonOf } from '../foreign.ts'
import { type PeerConversationProjection, promptText as textOf } from '../kernel/peer-conversation.ts'

/** The text that a model reads. A message has none of its own: its content follows its block prefix. */
export function promptText(projection: PeerConversationProjection): string {
  if (projection.type === 'Message') return textOf(projection)
  if (projection.type !== 'ResponseTerminal') return textOf({ ...projection, payload: readable(projection.payload) })
  return textOf({ ...projection, fact: { ...projection.fact, payload: readable(projection.fact.payload) } })
}

/** The payload as plain JSON; where it can't be written so, the reason. */
function readable(payload: unknown): unknown {
  const json = jsonOf(payload)
  return 'problem' in json ? { unreadable: json.problem } : json.value
}
