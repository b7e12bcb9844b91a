/**
 * Writes event streams to the socket directly. Through a web stream, each event would take three times as long, and
 * there is one for every token of a model.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { EventTexts } from './event-stream.ts'

/** Writes the pieces as fast as the client takes them, until the stream or the client ends. */
export async function writeStream(outgoing: ServerResponse, answer: Response, texts: EventTexts): Promise<void> {
  const gone = new AbortController()
  outgoing.once('close', () => {
    gone.abort()
    texts.leave()
  })
  outgoing.on('error', () => {})
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers))
  outgoing.write(texts.first)
  try {
    for (let text = await texts.next(); text !== undefined && !gone.signal.aborted; text = await texts.next()) {
      if (!outgoing.write(text)) await once(outgoing, 'drain', { signal: gone.signal })
    }
  } catch {
    // The client left during the wait.
  }
  outgoing.end()
}
