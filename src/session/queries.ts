/** Pages of what a runtime lists. */
import type { RunId, SessionId } from '../kernel/ids.ts'
import type { Store } from '../store/store.ts'
import { version } from '../version.ts'
import type { Core } from './core.ts'
import { rowsOf } from './log-pages.ts'
import { eventsOf, readMessages, runView } from './reads.ts'
import type { HistoryMessage, Page, RuntimeInfo, RunView } from './views.ts'

/** The length of a page where the caller names none. */
export const PAGE = 100
/** An answer holds at most this many pages of text: about a megabyte. */
const PAGES = 8

/** The first `limit` items, and the cursor of the next page if there are more. */
export function pageOf<T>(items: readonly T[], limit: number, cursor: (item: T) => string): Page<T> {
  const page = items.slice(0, limit)
  const last = page.at(-1)
  return items.length > limit && last !== undefined ? { items: page, next: cursor(last) } : { items: page }
}

/** Parses `key=value` or `key`, by which a label is asked for. */
export function labelOf(text: string): readonly [key: string, value: string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

/** Committed messages from an index on. */
export async function pageOfHistory(
  store: Store,
  sessionId: SessionId,
  length: number,
  from: number,
  limit: number,
): Promise<{ messages: readonly HistoryMessage[]; next?: number }> {
  const found = from >= length ? [] : await readMessages(store, sessionId, from, limit, PAGES)
  const messages = found.map(({ compactsBefore: _, ...message }) => message)
  const last = messages.at(-1)
  return { messages, ...(last !== undefined && last.index + 1 < length && { next: last.index }) }
}

/** Runs in the order in which they started. */
export async function listRuns(
  store: Store,
  sessionId: SessionId,
  { after, limit = PAGE }: { readonly after?: string; readonly limit?: number },
): Promise<Page<RunView>> {
  const found: RunView[] = []
  const start = after === undefined ? undefined : await store.locate(after as RunId)
  for await (const row of rowsOf(store, { sessionId, after: (start?.first ?? 1) - 1 })) {
    for (const { type, runId } of eventsOf(row)) {
      if (type !== 'run.started' || (after !== undefined && runId <= after)) continue
      found.push(await runView(store, sessionId, runId))
    }
    if (found.length > limit) break
  }
  return pageOf(found, limit, ({ id }) => id)
}

/** How many names of executors are shown. */
const MOST_NAMES = 5

/** What this runtime is, and the names of the executors that serve its sessions. */
export function infoOf({ store, serving }: Core): RuntimeInfo {
  const executors = serving.names
  return {
    name: 'meerkat-ts',
    version,
    protocol: 1,
    store: store.name,
    executor: executors.length === 0 ? 'none' : executors.slice(0, MOST_NAMES).join(', '),
    features: ['sessions', 'steer', 'supersede', 'structured-output', 'tool-ledger', 'approvals', 'events', 'audit'],
  }
}
