/** How a peer's message is written in the conversation, for hosts that write it themselves. */
import { jsonOf } from '../foreign.ts'
import type { PeerConversationProjection } from '../kernel/peer-conversation.ts'
import * as kernel from '../kernel/peer-conversation.ts'
import { anObject, aText, checkedFunction, checkOptions, type Field, oneOf, optional, readable } from '../options.ts'

const anything: Field = { wanted: 'anything', fits: () => true, optional: true }
const STATUS = oneOf('Completed', 'Failed', 'Cancelled')
const ofRequest = { peerId: aText, requestId: aText, payload: anything }

/** What a projection says, besides its type. */
const FIELDS: Readonly<Record<PeerConversationProjection['type'], Readonly<Record<string, Field>>>> = {
  Message: { peerId: aText },
  Request: { ...ofRequest, displayName: optional(aText), intent: aText },
  ResponseProgress: { ...ofRequest, phase: oneOf('Accepted', 'InProgress', 'PartialResult') },
  ResponseTerminal: { fact: anObject },
}
const FACT = { source: anObject, correlationId: aText, status: STATUS, payload: anything }
const SOURCE = { transportIdentity: optional(aText), routeIdentity: aText, displayIdentity: aText }

/** Checks what came from outside. Throws `PeerResponseTerminalFactError`. */
export const peerResponseTerminalFact: typeof kernel.peerResponseTerminalFact = checkedFunction(
  'peerResponseTerminalFact',
  kernel.peerResponseTerminalFact,
  [
    'parts',
    {
      transportIdentity: optional(aText),
      routeIdentity: aText,
      displayIdentity: optional(aText),
      correlationId: aText,
      status: STATUS,
      payload: anything,
    },
  ],
)

/** What stands before the blocks of a message; nothing else has one. */
export const blockPrefixText: typeof kernel.blockPrefixText = readable('blockPrefixText', projection => {
  checkProjection('blockPrefixText', projection)
  return kernel.blockPrefixText(projection)
})

/** Under which a terminal response stands in the conversation once, however often it arrives; nothing else has one. */
export const contextKey: typeof kernel.contextKey = readable('contextKey', projection => {
  checkProjection('contextKey', projection)
  return kernel.contextKey(projection)
})

/** The same for the fact itself. */
export const peerResponseTerminalContextKey: typeof kernel.peerResponseTerminalContextKey = readable(
  'peerResponseTerminalContextKey',
  fact => {
    checkFact('peerResponseTerminalContextKey', fact)
    return kernel.peerResponseTerminalContextKey(fact)
  },
)

/** The text that a model reads. A message has none of its own: its content follows its block prefix. */
export const promptText: typeof kernel.promptText = readable('promptText', projection => {
  checkProjection('promptText', projection)
  if (projection.type === 'Message') return kernel.promptText(projection)
  if (projection.type !== 'ResponseTerminal') {
    return kernel.promptText({ ...projection, payload: plain(projection.payload) })
  }
  return kernel.promptText({ ...projection, fact: { ...projection.fact, payload: plain(projection.fact.payload) } })
})

function checkProjection(whose: string, projection: PeerConversationProjection): void {
  const { type } = projection
  const fields = Object.hasOwn(FIELDS, type) ? FIELDS[type] : {}
  checkOptions(whose, projection, { type: oneOf(...Object.keys(FIELDS)), ...fields })
  if (projection.type === 'ResponseTerminal') checkFact(whose, projection.fact)
}

function checkFact(whose: string, fact: kernel.PeerResponseTerminalFact): void {
  checkOptions(whose, fact, FACT)
  checkOptions(whose, fact.source, SOURCE)
}

/** The payload as plain JSON; where it can't be written so, the reason. */
function plain(payload: unknown): unknown {
  const json = jsonOf(payload)
  return 'problem' in json ? { unreadable: json.problem } : json.value
}
