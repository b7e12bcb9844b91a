/** Reads a session's records in pages that are small enough to read between two other pieces of work. */
import type { SessionId } from '../kernel/ids.ts'
import { PAGE_BYTES, PAGE_ROWS } from '../store/pages.ts'
import type { Position } from '../store/records.ts'
import type { LogRow, Store } from '../store/store.ts'
import { nextTurn } from '../turns.ts'

export interface LogQuery {
  readonly sessionId: SessionId
  /** Only records behind this position. */
  readonly after?: Position
  /** Once aborted, the iteration fails with its reason. */
  readonly signal?: AbortSignal | undefined
}

/** The records behind a position, one page in a turn of the event loop. */
async function* pagesOf(
  store: Store,
  { sessionId, after: from = 0, signal }: LogQuery,
): AsyncGenerator<readonly LogRow[], void> {
  for (let after = from; ; ) {
    await nextTurn()
    signal?.throwIfAborted()
    const rows = await store.read({ sessionId, after, limit: PAGE_ROWS, maxBytes: PAGE_BYTES })
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    after = last.position
  }
}

/** The records behind a position, one by one. */
export async function* rowsOf(store: Store, query: LogQuery): AsyncGenerator<LogRow, void> {
  for await (const rows of pagesOf(store, query)) yield* rows
}
