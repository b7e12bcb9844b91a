/**
 * What a session streams, for its readers: from memory where this process owns the session, else from the copy that its
 * owner keeps in the store. A reader gets it after it has read every record.
 */
import { type Cursor, cursorAt } from '../cursor.ts'
import { Tail } from '../driver/tail.ts'
import type { EventView } from '../events.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { Store } from '../store/store.ts'
import { Answer } from './event-answer.ts'
import type { LiveSession } from './live-session.ts'
import { liveView } from './reads.ts'

export interface EventPage {
  readonly events: readonly EventView[]
  readonly cursor: string
}

/** The streamed events behind a place; undefined where the reader has records to read first. */
export function streamedEvents(live: LiveSession, at: Cursor, limit: number): EventPage | undefined {
  const { driver, id } = live
  const { position, isCommitting } = driver
  if (at.event !== undefined) return undefined
  if (at.position < position) return recentEvents(live, at, limit)
  // A reader ahead of the driver may have read the record whose commit is not answered yet.
  if (at.position > position && isCommitting) return undefined
  return pageOf(driver.tail, id, at, limit)
}

/** The newest records, from memory. */
function recentEvents({ recent }: LiveSession, at: Cursor, limit: number): EventPage | undefined {
  const answer = new Answer(limit, at, cursorAt(at.position, at.seen))
  for (const row of recent.after(at.position) ?? []) if (answer.take(row)) break
  return answer.events.length === 0 ? undefined : answer
}

/** The same for a session that another process owns: what its owner stored last. */
export async function storedStream(
  store: Store,
  sessionId: SessionId,
  at: Cursor,
  limit: number,
): Promise<EventPage | undefined> {
  const streamed = at.event === undefined ? await store.streamed(sessionId) : undefined
  if (streamed === undefined || at.position < streamed.position) return undefined
  return pageOf(Tail.of(streamed.events), sessionId, at, limit)
}

function pageOf(tail: Tail, sessionId: SessionId, at: Cursor, limit: number): EventPage {
  const said = tail.since(at.seen, limit)
  const last = said.at(-1)
  const events = said.map(one => liveView(sessionId, at.position, one))
  return { events, cursor: cursorAt(at.position, last?.seen ?? at.seen) }
}
