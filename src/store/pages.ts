/** Reads records in pages so small that other work can run between two of them. */
import { nextTurn } from '../turns.ts'
import type { Position } from './records.ts'
import type { LogRow } from './store.ts'

/** Records of a page at most. */
export const PAGE_ROWS = 200
/** About how much text a page holds, unless a single record is longer: a few milliseconds of work. */
export const PAGE_BYTES: number = 128 * 1024

interface Page {
  readonly after: Position
  readonly limit: number
  readonly maxBytes: number
}

/**
 * The records after a position up to another one, read in pages with a turn of the event loop between two. Undefined
 * if they end before it, because the session was removed meanwhile.
 */
export async function rowsThrough(
  read: (page: Page) => readonly LogRow[] | Promise<readonly LogRow[]>,
  { after, last }: { readonly after: Position; readonly last: Position },
): Promise<readonly LogRow[] | undefined> {
  const rows: LogRow[] = []
  for (let from = after; from < last; ) {
    // Most sessions have few records and need no second turn.
    if (rows.length > 0) await nextTurn()
    const page = await read({ after: from, limit: PAGE_ROWS, maxBytes: PAGE_BYTES })
    const end = page.at(-1)
    if (end === undefined) return undefined
    for (const row of page) if (row.position <= last) rows.push(row)
    from = end.position
  }
  return rows
}
