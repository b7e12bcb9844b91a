/** Sends events as Server-Sent Events. */

import { isStreamed } from '../../cursor.ts'
import type { EventFeed, EventPage } from '../event-feed.ts'
import { type FaultLog, publicError } from '../fault.ts'

/** How long an `EventSource` waits before it connects again. */
const RECONNECT_MS = 1000

/**
 * The feed as a stream. Each event's id is its cursor, so `Last-Event-ID` resumes exactly behind the last event that
 * arrived. The stream is pulled: a client that does not read stops the reading of the log. `leave` is called when the
 * client has left.
 */
export function eventStream(feed: EventFeed, log: FaultLog, leave: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const texts: EventTexts = { first: `retry: ${RECONNECT_MS}\n\n`, next: () => nextText(feed, log), leave }
  const stream = new ReadableStream<Uint8Array>(
    {
      start: controller => controller.enqueue(encoder.encode(texts.first)),
      async pull(controller) {
        const text = await texts.next()
        if (text === undefined) controller.close()
        else controller.enqueue(encoder.encode(text))
      },
      cancel: leave,
    },
    // No more than one piece is read before the client asks for it.
    { highWaterMark: 1 },
  )
  sources.set(stream, texts)
  return stream
}

/** The pieces of a stream, for code that writes them without the stream. */
export interface EventTexts {
  readonly first: string
  /** The next piece; undefined at the end. */
  next(): Promise<string | undefined>
  /** The client has left. */
  leave(): void
}

const sources = new WeakMap<object, EventTexts>()

/** The pieces of an answer's body, if it is an event stream that was not read yet. */
export function textsOf({ body }: Response): EventTexts | undefined {
  return body === null || body.locked ? undefined : sources.get(body)
}

/**
 * The next piece; undefined at the end. A failed read ends the stream: the client learns the reason when it connects
 * again.
 */
async function nextText(feed: EventFeed, log: FaultLog): Promise<string | undefined> {
  try {
    const page = await feed.next()
    if (page === undefined) return undefined
    return page.events.length === 0 ? ': alive\n\n' : page.events.map(eventText).join('')
  } catch (error) {
    publicError(error, log)
    return undefined
  }
}

/** Readers share the events of records: the text of such an event is made once. */
const texts = new WeakMap<EventPage['events'][number], string>()

function eventText(event: EventPage['events'][number]): string {
  // A streamed event is made for its reader. One entry a token would cost the collector more than the text does.
  if (isStreamed(event.cursor)) return textOf(event)
  const known = texts.get(event) ?? textOf(event)
  texts.set(event, known)
  return known
}

/** JSON contains no bare line breaks, so one `data` line is enough. */
function textOf(event: EventPage['events'][number]): string {
  return `id: ${event.cursor}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}
