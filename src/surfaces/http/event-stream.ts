/** Events as Server-Sent Events. */

import type { EventFeed, EventPage } from '../event-feed.ts'
import { type FaultLog, publicError } from '../fault.ts'

/** What an `EventSource` waits before it comes back. */
const RECONNECT_MS = 1000

/**
 * The feed as a stream. Each event's id is its cursor, so `Last-Event-ID` resumes exactly behind the last one that
 * arrived. The stream pulls: a client that does not read stops the reading of the log. `leave` is called when the
 * client is gone.
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
    // Nothing is read ahead of the client but what it will be given next.
    { highWaterMark: 1 },
  )
  sources.set(stream, texts)
  return stream
}

/** What a stream is made of, for whoever writes it without the stream. */
export interface EventTexts {
  readonly first: string
  /** The next piece; undefined at the end. */
  next(): Promise<string | undefined>
  /** The client is gone. */
  leave(): void
}

const sources = new WeakMap<object, EventTexts>()

/** What an answer's body is made of, if it is an event stream that nobody has read. */
export function textsOf({ body }: Response): EventTexts | undefined {
  return body === null || body.locked ? undefined : sources.get(body)
}

/** The next piece of the stream; undefined at its end. A failed read ends it: coming back tells the client why. */
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

/** Of events that readers share: whoever comes second finds the text made. */
const texts = new WeakMap<EventPage['events'][number], string>()

/** JSON holds no bare line breaks, so one `data` line is enough. */
function eventText(event: EventPage['events'][number]): string {
  const known = texts.get(event)
  if (known !== undefined) return known
  const text = `id: ${event.cursor}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
  texts.set(event, text)
  return text
}
