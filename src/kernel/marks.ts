/** Escapes the headers of the runtime's own texts in what peers send, so that no peer can imitate such a text. */
import type { InputKind } from './regions/ledger/state.ts'

const HEADERS: { readonly [Kind in InputKind]?: string } = {
  'peer-message': '[COMMS MESSAGE from ',
  'peer-request': '[SYSTEM NOTICE][PEER_REQUEST]',
  'peer-response-progress': '[SYSTEM NOTICE][PEER_RESPONSE_PROGRESS]',
  'peer-response-terminal': '[SYSTEM NOTICE][PEER_RESPONSE_TERMINAL]',
}

/** Whether an input of this kind contains a peer's text. */
export function isOfPeer(kind: InputKind): boolean {
  return HEADERS[kind] !== undefined
}

/** The beginning of an input of this kind: it may have the header of its own kind, and no other header. */
export function beginningOf(kind: InputKind, text: string): string {
  const header = HEADERS[kind] ?? ''
  return text.startsWith(header) ? header + unmarked(text.slice(header.length)) : unmarked(text)
}

export function unmarked(text: string): string {
  return text.replace(MARK, '\\[')
}

/** The same for JSON text, whose strings need a JSON escape sequence for the bracket. */
export function unmarkedJson(json: string): string {
  return json.replace(MARK, '\\u005b')
}

const MARK = /(?<!\\)\[(?=\s*(?:system\s+notice|comms\s+message|peer_(?:request|response)|mcp_pending))/gi
