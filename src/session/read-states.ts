/**
 * The states, from their records, of sessions that this process does not own. A second read costs only what was
 * written since the first, and concurrent readers share one read.
 */
import { replay, stateOf } from '../driver/load.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { Position } from '../store/records.ts'
import type { SessionSummary, Store } from '../store/store.ts'
import { rowsOf } from './log-pages.ts'

interface Known {
  readonly state: MeerkatState
  /** The record after which this was the state. */
  readonly position: Position
  readonly createdAt: number
}

/** How many sessions are remembered. */
const REMEMBERED = 4

export class ReadStates {
  readonly #store: Store
  readonly #known = new Map<SessionId, Promise<Known>>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The state after the newest record, or a newer one. */
  async of({ id, createdAt }: SessionSummary): Promise<MeerkatState> {
    const before = this.#known.get(id)
    const next = this.#read(id, createdAt, before)
    this.#known.delete(id)
    this.#known.set(id, next)
    const [oldest] = this.#known.size > REMEMBERED ? this.#known.keys() : []
    if (oldest !== undefined) this.#known.delete(oldest)
    try {
      return (await next).state
    } catch (error) {
      if (this.#known.get(id) === next) this.#known.delete(id)
      throw error
    }
  }

  async #read(id: SessionId, createdAt: number, before: Promise<Known> | undefined): Promise<Known> {
    const known = await before?.catch(() => undefined)
    // The id may belong to another session by now.
    if (known?.createdAt !== createdAt) return this.#load(id, createdAt)
    let { state, position } = known
    for await (const row of rowsOf(this.#store, { sessionId: id, after: position })) {
      state = replay(state, row, id)
      position = row.position
    }
    return { state, position, createdAt }
  }

  async #load(id: SessionId, createdAt: number): Promise<Known> {
    const loaded = await this.#store.load(id)
    const position = loaded.rows.at(-1)?.position ?? loaded.snapshot?.position ?? 0
    return { state: await stateOf(loaded), position, createdAt }
  }
}
