/** Reads an event stream as an `EventSource` does, block by block. */
export interface SseBlock {
  readonly id?: string
  readonly event?: string
  readonly data?: string
  readonly retry?: string
  /** Text of a comment. */
  readonly comment?: string
}

export interface SseReader {
  readonly response: Response
  /** The next block; undefined at the end of the stream. */
  next(): Promise<SseBlock | undefined>
  /** The ids of the next events, past whatever else comes between. */
  ids(count: number): Promise<readonly string[]>
  leave(): void
}

export async function openStream(url: string, headers: Readonly<Record<string, string>> = {}): Promise<SseReader> {
  const leaving = new AbortController()
  const response = await fetch(url, { headers, signal: leaving.signal })
  const blocks = response.body === null ? undefined : blocksOf(response.body)
  const next = async (): Promise<SseBlock | undefined> => (await blocks?.next())?.value ?? undefined
  return {
    response,
    next,
    leave: () => leaving.abort(),
    async ids(count) {
      const found: string[] = []
      while (found.length < count) {
        const block = await next()
        if (block === undefined) throw new Error(`the stream ended after ${found.join(', ')}`)
        if (block.id !== undefined) found.push(block.id)
      }
      return found
    },
  }
}

async function* blocksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<SseBlock, undefined, undefined> {
  let rest = ''
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + piece).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) yield parse(block)
  }
  return undefined
}

function parse(block: string): SseBlock {
  const fields = block.split('\n').map(line => {
    const colon = line.indexOf(':')
    return [colon === 0 ? 'comment' : line.slice(0, colon), line.slice(colon + 1).trimStart()]
  })
  return Object.fromEntries(fields) as SseBlock
}
