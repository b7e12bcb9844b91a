/** What a text of the runtime begins with, taken off what others say: none of it can be taken for one of its own texts. */
import type { InputKind } from './regions/ledger/state.ts'

const HEADERS: { readonly [Kind in InputKind]?: string } = {
  'peer-message': '[COMMS MESSAGE from ',
  'peer-request': '[SYSTEM NOTICE][PEER_REQUEST]',
  'peer-response-progress': '[SYSTEM NOTICE][PEER_RESPONSE_PROGRESS]',
  'peer-response-terminal': '[SYSTEM NOTICE][PEER_RESPONSE_TERMINAL]',
}

/** Whether an input of this kind says what others have said. */
export function isOfPeer(kind: InputKind): boolean {
  return HEADERS[kind] !== undefined
}

/** A text with which an input of this kind begins: the header of its own kind may stand there, and nothing else of the kind. */
export function beginningOf(kind: InputKind, text: string): string {
  const header = HEADERS[kind] ?? ''
  return text.startsWith(header) ? header + unmarked(text.slice(header.length)) : unmarked(text)
}

export function unmarked(text: string): string {
  return text.replace(MARK, '\\[')
}

/** The same for the text of a JSON value: within its strings a bracket may be written by its number. */
export function unmarkedJson(json: string): string {
  return json.replace(MARK, '\\u005b')
}

const MARK = /(?<!\\)\[(?=\s*(?:system\s+notice|comms\s+message|peer_(?:request|response)|mcp_pending))/gi
