/**
 * The feed of events that surfaces push from.
 *
 * It keeps nothing but a place: a client that comes back continues exactly behind what it has seen.
 */
import type { Callable, EventFeed as Feed, FeedPlace } from './operation.ts'
import { MAX_WAIT_MS } from './operations/fields.ts'
import { callOperation, type OperationResult } from './operations.ts'

export type EventPage = OperationResult<'events/read'>

export type EventFeed = Feed<EventPage>

const PAGE_SIZE = 100

export interface FeedWaits {
  readonly idleMs: number
  readonly signal: AbortSignal
}

/** Opens a feed. A wrong place fails here, before anything is delivered. */
export async function openEventFeed(
  runtime: Callable,
  position: FeedPlace,
  { idleMs, signal }: FeedWaits,
): Promise<EventFeed> {
  const place = { ...position, limit: PAGE_SIZE }
  const waits = { idleMs: Math.min(Math.ceil(idleMs), MAX_WAIT_MS), signal }
  // The runtime's answers satisfy the schemas.
  if (runtime.follow !== undefined) return (await runtime.follow(place, waits)) as EventFeed
  return asking(runtime, place, waits)
}

/** A feed that calls `events/read` for each page. */
async function asking(runtime: Callable, place: FeedPlace, { idleMs, signal }: FeedWaits): Promise<EventFeed> {
  let isClosed = false
  const read = async (at: FeedPlace, waitMs: number): Promise<EventPage | undefined> => {
    try {
      const page = await callOperation(runtime, 'events/read', { ...at, waitMs }, { signal })
      return isClosed || signal.aborted ? undefined : page
    } catch (error) {
      if (isClosed || signal.aborted) return undefined
      throw error
    }
  }
  const first = await read(place, 0)
  let ready = first !== undefined && first.events.length > 0 ? first : undefined
  let after = first?.cursor ?? place.after
  return {
    async next() {
      const page = ready ?? (await read(after === undefined ? place : { ...place, after }, idleMs))
      ready = undefined
      after = page?.cursor ?? after
      return page
    },
    close: () => {
      isClosed = true
    },
  }
}
