/** What a text of the runtime begins with, taken off what others say: none of it can be taken for one of its own texts. */

export function unmarked(text: string): string {
  return text.replace(MARK, '\\[')
}

/** The same for the text of a JSON value: within its strings a bracket may be written by its number. */
export function unmarkedJson(json: string): string {
  return json.replace(MARK, '\\u005b')
}

const MARK = /\[(?=\s*(?:system\s+notice|comms\s+message|peer_(?:request|response)|mcp_pending))/gi
