/**
 * A session's inputs, page by page.
 *
 * Unfinished inputs are listed from the ledger, which knows when each was accepted; ended ones are found along the
 * log. A page costs what it holds: it ends early where contents are long or where a filter skips a long stretch of
 * the log, and `next` continues behind what was looked at.
 */
import { defined } from '../defined.ts'
import type { InputId, SessionId } from '../kernel/ids.ts'
import { mapGet, mapValues } from '../kernel/persistent-map.ts'
import { byAcceptance, type LedgerEntry, unfinishedInputs } from '../kernel/regions/ledger/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { Store } from '../store/store.ts'
import { nextTurn } from '../turns.ts'
import { InputReader } from './input-reader.ts'
import { isOpen } from './input-status.ts'
import { statusOf } from './inputs.ts'
import { rowsOf } from './log-pages.ts'
import type { InputStatus, InputView, Page } from './views.ts'

export interface ListInputs {
  readonly status?: InputStatus
  /** Only inputs that were accepted after this one. */
  readonly after?: string
  readonly limit?: number
}

/** How many inputs are examined in one turn of the event loop, and for one page. */
const A_TURN = 64
const A_PAGE = 10_000
/** With at most this many unfinished inputs, they are sorted for a page. */
const SORTED_MOST = 2_000
/** A page holds about this many characters of content, or its first input. */
const PAGE_CHARS = 1024 * 1024

/** Inputs in order of acceptance. */
export async function listInputs(
  store: Store,
  sessionId: SessionId,
  { status, after, limit = 100 }: ListInputs,
  state: MeerkatState,
): Promise<Page<InputView>> {
  const reader = new InputReader(store, sessionId, () => Promise.resolve(state))
  const wanted = { sessionId, reader, after: after as InputId | undefined }
  const ids =
    status !== undefined && isOpen(status) ? openIds(store, state, { ...wanted, status }) : loggedIds(store, wanted)
  const items: InputView[] = []
  let [looked, chars] = [0, 0]
  let last: string | undefined
  for await (const id of ids) {
    if (items.length === limit || looked === A_PAGE || (chars > PAGE_CHARS && items.length > 0)) {
      return { items, ...defined({ next: last }) }
    }
    if (++looked % A_TURN === 0) await nextTurn()
    const view = await reader.view(id)
    last = id
    if (status !== undefined && view.status !== status) continue
    items.push(view)
    chars += charsOf(view)
  }
  return { items }
}

/**
 * Unfinished inputs of this status. A few are sorted; many are found along the log from where the page begins, so
 * that only the page is paid for.
 */
async function* openIds(
  store: Store,
  state: MeerkatState,
  { status, ...wanted }: Wanted,
): AsyncGenerator<InputId, void> {
  const { entries } = state.ledger
  const start = wanted.after && mapGet(entries, wanted.after)
  const isWanted = (entry: LedgerEntry | undefined): boolean => entry !== undefined && statusOf(entry) === status
  if (entries.size <= SORTED_MOST && (start !== undefined || wanted.after === undefined)) {
    for (const entry of unfinishedInputs(state.ledger))
      if (isWanted(entry) && (start === undefined || byAcceptance(start, entry) < 0)) yield entry.id
    return
  }
  const from = wanted.after === undefined ? oldestOf(state) : undefined
  for await (const id of loggedIds(store, { ...wanted, from })) if (isWanted(mapGet(entries, id))) yield id
}

function oldestOf({ ledger }: MeerkatState): InputId | undefined {
  let oldest: LedgerEntry | undefined
  for (const entry of mapValues(ledger.entries))
    if (oldest === undefined || byAcceptance(entry, oldest) < 0) oldest = entry
  return oldest?.id
}

interface Wanted {
  readonly sessionId: SessionId
  readonly reader: InputReader
  readonly status?: InputStatus
  readonly after: InputId | undefined
}

/** All inputs of the log, behind one of them or from one of them on. */
async function* loggedIds(
  store: Store,
  { sessionId, reader, after, from }: Wanted & { readonly from?: InputId | undefined },
): AsyncGenerator<InputId, void> {
  const begin = after ?? from
  const start = begin === undefined ? undefined : await store.locate(begin)
  const isKnown = start?.sessionId === sessionId
  let isBehind = after === undefined
  for await (const row of rowsOf(store, { sessionId, after: isKnown ? start.first - 1 : 0 })) {
    if (row.record.inputs === undefined) continue
    reader.take(row)
    for (const { id } of row.record.inputs) {
      // An `after` that is not of this session has a place among the others by its id.
      if (isBehind || (!isKnown && after !== undefined && id > after)) yield id
      isBehind ||= id === after
    }
  }
}

function charsOf({ content, result }: InputView): number {
  const said = typeof content === 'string' ? content.length : JSON.stringify(content).length
  return said + (result?.text?.length ?? 0)
}
