/**
 * Events as a feed of pages, for surfaces that push.
 *
 * A feed holds nothing but a cursor: it reads the next page only when the one before was delivered, so a slow reader
 * slows the reading and never makes anything pile up, and one who comes back goes on exactly behind what it saw.
 */

import type { Callable } from './operation.ts'
import { MAX_WAIT_MS } from './operations/fields.ts'
import { callOperation, type OperationResult } from './operations.ts'

export interface FeedPosition {
  readonly sessionId?: string
  readonly after?: string
}

export type EventPage = OperationResult<'events/read'>

export interface EventFeed {
  /** The next page; an empty one after `idleMs` without an event, undefined once the signal is aborted. */
  next(): Promise<EventPage | undefined>
}

const PAGE_SIZE = 100

/** Opens a feed. What is wrong with the position shows here, before anything was delivered. */
export async function openEventFeed(
  runtime: Callable,
  position: FeedPosition,
  { idleMs, signal }: { readonly idleMs: number; readonly signal: AbortSignal },
): Promise<EventFeed> {
  const longest = Math.min(Math.ceil(idleMs), MAX_WAIT_MS)
  const read = async (at: FeedPosition, waitMs: number): Promise<EventPage | undefined> => {
    try {
      const page = await callOperation(runtime, 'events/read', { ...at, limit: PAGE_SIZE, waitMs }, { signal })
      return signal.aborted ? undefined : page
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    }
  }
  const first = await read(position, 0)
  // An empty first page is no sign of life that anybody waits for.
  let ready = first !== undefined && first.events.length > 0 ? first : undefined
  let after = first?.cursor ?? position.after
  return {
    async next() {
      const page = ready ?? (await read(after === undefined ? position : { ...position, after }, longest))
      ready = undefined
      after = page?.cursor ?? after
      return page
    },
  }
}
