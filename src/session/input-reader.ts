/** Inputs as people see them: from the ledger while they are unfinished, and from the log afterwards. */
import { defined } from '../defined.ts'
import type { InputId, SessionId } from '../kernel/ids.ts'
import { endingOf } from '../kernel/regions/endings/table.ts'
import { entryOf, type LedgerEntry } from '../kernel/regions/ledger/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { EndedRecord, InputRecord, MessageRecord, Position } from '../store/records.ts'
import type { LogRow, Store } from '../store/store.ts'
import { inputNotFound, statusOf } from './inputs.ts'
import { rowsOf } from './log-pages.ts'
import { eventsOf, iso, resultView, STEER_ENDS } from './reads.ts'
import type { InputView } from './views.ts'

/** A parsed record with its inputs and their ends by id. */
interface Indexed {
  readonly row: LogRow
  readonly inputs: ReadonlyMap<InputId, InputRecord>
  readonly ended: ReadonlyMap<InputId, EndedRecord>
}

/** How many parsed records are remembered. */
const AT_HAND = 8

/**
 * Looks up inputs one after the other. Inputs that were accepted or ended together stand in one record, which is read
 * and indexed once.
 */
export class InputReader {
  readonly #store: Store
  readonly #sessionId: SessionId
  readonly #state: () => Promise<MeerkatState>
  readonly #rows = new Map<Position, Indexed>()

  constructor(store: Store, sessionId: SessionId, state: () => Promise<MeerkatState>) {
    this.#store = store
    this.#sessionId = sessionId
    this.#state = state
  }

  /** Remembers a record that the caller has read already. */
  take(row: LogRow): void {
    if (this.#rows.has(row.position)) return
    const [oldest] = this.#rows.size < AT_HAND ? [] : this.#rows.keys()
    if (oldest !== undefined) this.#rows.delete(oldest)
    const { inputs = [], ended = [] } = row.record
    const indexed = {
      row,
      inputs: new Map(inputs.map(one => [one.id, one])),
      ended: new Map(ended.map(one => [one.id, one])),
    }
    this.#rows.set(row.position, indexed)
  }

  /** The input; `input-not-found` if the session has none of this id. */
  async view(inputId: string, looks = 2): Promise<InputView> {
    const id = inputId as InputId
    const place = await this.#store.locate(id)
    const record = place?.sessionId === this.#sessionId ? (await this.#row(place.first))?.inputs.get(id) : undefined
    if (record === undefined || place === undefined) throw inputNotFound(this.#sessionId, inputId)
    const end = place.last === undefined ? undefined : await this.#end(id, place.last)
    if (end !== undefined) return { ...(await this.#sentAs(record, place)), ...end }
    const { ledger, endings } = await this.#state()
    const decided = endingOf(endings, id)
    // It was given up together with many others: its end is decided, and about to be written.
    if (decided !== undefined) return { ...(await this.#sentAs(record, place)), status: 'abandoned', ...decided }
    const entry = entryOf(ledger, id)
    // It ended between the two reads: by now the log has its end.
    if (entry === undefined && looks > 1) return this.view(inputId, looks - 1)
    const isNew = entry?.status === 'queued' && entry.attempts === 0
    return { ...(isNew ? saidBy(record) : await this.#sentAs(record, place)), ...standing(entry) }
  }

  async #end(id: InputId, last: Position): Promise<ReturnType<typeof endOf> | undefined> {
    const found = await this.#row(last)
    const ended = found?.ended.get(id)
    return ended && endOf(ended, found?.row.record.messages)
  }

  async #row(position: Position): Promise<Indexed | undefined> {
    const known = this.#rows.get(position)
    if (known !== undefined) return known
    const row = await this.#store.row(position)
    if (row !== undefined) this.take(row)
    return this.#rows.get(position)
  }

  async #sentAs(record: InputRecord, place: Place): Promise<Omit<InputView, 'status' | 'attempts'>> {
    const receipt = record.mode === 'steer' ? await this.#receiptOf(record, place) : undefined
    return { ...saidBy(record), ...defined({ receipt }) }
  }

  /** What became of a steer, found among the events behind its acceptance. */
  async #receiptOf({ id }: InputRecord, { first, last }: Place): Promise<InputView['receipt']> {
    for await (const row of rowsOf(this.#store, { sessionId: this.#sessionId, after: first - 1 })) {
      const told = eventsOf(row).find(event => event.inputId === id && Object.hasOwn(STEER_ENDS, event.type))
      if (told?.type === 'input.staged') return { type: 'queued' }
      if (told?.type === 'input.steered') {
        return { type: 'steered', runId: told.runId, boundary: Number(told['boundary']) }
      }
      if (told !== undefined || row.position === last) return undefined
    }
    return undefined
  }
}

interface Place {
  readonly first: Position
  readonly last?: Position
}

export function inputView(
  store: Store,
  sessionId: SessionId,
  inputId: string,
  state: () => Promise<MeerkatState>,
): Promise<InputView> {
  return new InputReader(store, sessionId, state).view(inputId)
}

function saidBy(record: InputRecord): Omit<InputView, 'status' | 'attempts'> {
  const { id, mode, kind, content, at, idempotencyKey, supersessionKey } = record
  return { id, mode, kind, content, acceptedAt: iso(at), ...defined({ idempotencyKey, supersessionKey }) }
}

function standing(entry: LedgerEntry | undefined) {
  const runId = entry !== undefined && 'runId' in entry ? entry.runId : undefined
  return { status: statusOf(entry), attempts: entry?.attempts ?? 0, ...defined({ runId }) }
}

function endOf(ended: EndedRecord, messages: readonly MessageRecord[] | undefined) {
  const { status, attempts, reason, by } = ended
  const result = ended.result && resultView(ended.result, messages)
  return { status, attempts, ...defined({ reason, by, result, runId: result?.runId }) }
}
