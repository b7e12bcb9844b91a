/**
 * What a session streams, for its readers: from memory where this process owns the session, else as its owner keeps it in
 * the store. A reader comes to it when it has read every record.
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

/** The events behind a place; undefined where records come first. */
export function spoken(live: LiveSession, at: Cursor, limit: number): EventPage | undefined {
  const { driver, id } = live
  const { position, isCommitting } = driver
  if (at.event !== undefined) return undefined
  if (at.position < position) return written(live, at, limit)
  // Who is further than the driver may have read the record that is being written.
  if (at.position > position && isCommitting) return undefined
  return pageOf(driver.tail, id, at, limit)
}

/** What was just written. */
function written({ recent }: LiveSession, at: Cursor, limit: number): EventPage | undefined {
  const answer = new Answer(limit, at, cursorAt(at.position, at.seen))
  for (const row of recent.after(at.position) ?? []) if (answer.take(row)) break
  return answer.events.length === 0 ? undefined : answer
}

/** The same of a session whose owner is another process: what that kept last. */
export async function kept(
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
