/**
 * A session's inputs, page by page.
 *
 * Those that have not ended are listed from the ledger, which knows them in their order; what ended is found along the
 * log. A page costs what it holds: it ends early where contents are long, and where a filter leaves a long stretch of
 * the log out; `next` then leads on behind what was looked at.
 */
import type { InputId, SessionId } from '../kernel/ids.ts'
import type { MeerkatState } from '../kernel/machine.ts'
import { unfinishedInputs } from '../kernel/regions/ledger-entries.ts'
import type { Store } from '../store/store.ts'
import { nextTurn } from '../turns.ts'
import type { InputStatus, InputView, Page } from './api.ts'
import { InputReader } from './input-reader.ts'
import { statusOf } from './inputs.ts'
import { rowsOf } from './log-pages.ts'
import { isOpen } from './support.ts'

export interface ListInputs {
  readonly status?: InputStatus
  /** Behind this input. */
  readonly after?: string
  readonly limit?: number
}

/** Inputs that are looked at in one turn of the event loop, and for one page. */
const A_TURN = 64
const A_PAGE = 10_000
/** About how many characters of content a page holds at most, unless its first input has more. */
const PAGE_CHARS = 1024 * 1024

/** Inputs in order of acceptance. */
export async function listInputs(
  store: Store,
  sessionId: SessionId,
  { status, after, limit = 100 }: ListInputs,
  state: MeerkatState,
): Promise<Page<InputView>> {
  const reader = new InputReader(store, sessionId, () => Promise.resolve(state))
  const ids =
    status !== undefined && isOpen(status)
      ? openIds(state, status, after as InputId | undefined)
      : loggedIds(store, sessionId, reader, after as InputId | undefined)
  const items: InputView[] = []
  let [looked, chars] = [0, 0]
  let last: string | undefined
  for await (const id of ids) {
    if (items.length === limit || looked === A_PAGE || (chars > PAGE_CHARS && items.length > 0)) {
      return { items, ...(last !== undefined && { next: last }) }
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

/** Unfinished inputs of this status behind one of them, or behind where one that has ended stood. */
function openIds(state: MeerkatState, status: InputStatus, after: InputId | undefined): readonly InputId[] {
  const entries = unfinishedInputs(state.ledger)
  const place = after === undefined ? -1 : entries.findIndex(({ id }) => id === after)
  const behind = place >= 0 || after === undefined ? entries.slice(place + 1) : entries.filter(({ id }) => id > after)
  return behind.filter(entry => statusOf(entry) === status).map(({ id }) => id)
}

async function* loggedIds(
  store: Store,
  sessionId: SessionId,
  reader: InputReader,
  after: InputId | undefined,
): AsyncGenerator<InputId, void> {
  const start = after === undefined ? undefined : await store.locate(after)
  for await (const row of rowsOf(store, { sessionId, after: (start?.first ?? 1) - 1 })) {
    if (row.record.inputs === undefined) continue
    reader.take(row)
    for (const { id } of row.record.inputs) if (after === undefined || id > after) yield id
  }
}

function charsOf({ content, result }: InputView): number {
  const said = typeof content === 'string' ? content.length : JSON.stringify(content).length
  return said + (result?.text?.length ?? 0)
}
