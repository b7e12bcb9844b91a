/** Pages over a session's records. */
import type { CoreExecutor } from '../executor/executor.ts'
import type { InputId, RunId, SessionId } from '../kernel/ids.ts'
import type { MeerkatState } from '../kernel/machine.ts'
import { unfinishedInputs } from '../kernel/regions/ledger-entries.ts'
import type { LogRow, Store } from '../store/store.ts'
import { version } from '../version.ts'
import type { HistoryMessage, InputStatus, InputView, Page, RuntimeInfo, RunView } from './api.ts'
import { inputView } from './inputs.ts'
import { eventsOf, readMessages, runView } from './reads.ts'
import { pageOf } from './support.ts'

/** Pages of text that one answer is made of at most: about a megabyte. */
const PAGES = 8

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

/** Inputs in order of acceptance. */
export async function listInputs(
  store: Store,
  sessionId: SessionId,
  params: { readonly status?: InputStatus; readonly after?: string; readonly limit?: number },
  state: MeerkatState,
): Promise<Page<InputView>> {
  const { status, after, limit = 100 } = params
  const open = new Set(unfinishedInputs(state.ledger).map(entry => entry.id))
  const found: InputView[] = []
  for await (const { record } of rowsFrom(store, sessionId, after as InputId | undefined)) {
    for (const { id } of record.inputs ?? []) {
      if ((after !== undefined && id <= after) || (status === 'queued' && !open.has(id))) continue
      const view = await inputView(store, sessionId, id, async () => state)
      if (status === undefined || view.status === status) found.push(view)
    }
    if (found.length > limit) break
  }
  return pageOf(found, limit, ({ id }) => id)
}

/** Runs in the order in which they started. */
export async function listRuns(
  store: Store,
  sessionId: SessionId,
  { after, limit = 100 }: { readonly after?: string; readonly limit?: number },
): Promise<Page<RunView>> {
  const found: RunView[] = []
  for await (const row of rowsFrom(store, sessionId, after as RunId | undefined)) {
    for (const { type, runId } of eventsOf(row)) {
      if (type !== 'run.started' || (after !== undefined && runId <= after)) continue
      found.push(await runView(store, sessionId, runId))
    }
    if (found.length > limit) break
  }
  return pageOf(found, limit, ({ id }) => id)
}

/** A session's records from the one on that first wrote of `id`, or all. */
async function* rowsFrom(store: Store, sessionId: SessionId, id: InputId | RunId | undefined): AsyncGenerator<LogRow> {
  const start = id === undefined ? undefined : await store.locate(id)
  for (let after = (start?.first ?? 1) - 1; ; ) {
    const rows = await store.read({ sessionId, after, limit: 200 })
    yield* rows
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.position
  }
}

/** What this runtime is. */
export function infoOf(store: Store, executor: CoreExecutor | undefined): RuntimeInfo {
  return {
    name: 'meerkat-ts',
    version,
    protocol: 1,
    store: store.name,
    executor: executor?.name ?? 'none',
    features: ['sessions', 'steer', 'supersede', 'structured-output', 'tool-ledger', 'approvals', 'events', 'audit'],
  }
}
