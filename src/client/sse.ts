/** Parses Server-Sent Events: text in, events out, no I/O. */

export interface ServerSentEvent {
  readonly id?: string
  readonly event?: string
  readonly data: string
}

export class SseParser {
  #rest = ''

  /** The events that are complete now. Comments, which servers send as heartbeats, are dropped. */
  push(text: string): readonly ServerSentEvent[] {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    return blocks.flatMap(parseBlock)
  }
}

function parseBlock(block: string): readonly ServerSentEvent[] {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 1) continue
    fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ''))
  }
  const { id, event, data } = Object.fromEntries(fields)
  if (data === undefined) return []
  return [{ data, ...(id === undefined ? {} : { id }), ...(event === undefined ? {} : { event }) }]
}
