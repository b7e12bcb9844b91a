/**
 * The stored copy of logins under way: read, and changed by compare-and-swap, again and again where another process
 * wrote in between.
 */
import { MeerkatError } from '../errors.ts'
import type { OAuthFlowId } from '../kernel/auth/flows/state.ts'
import { MAX_TRIES } from '../store/sharing.ts'
import type { Clock } from '../time.ts'
import {
  type DurableOAuthFlows,
  type FlowRecord,
  flowsFrom,
  type OAuthFlowStore,
  oauthFlowError,
  recordsOf,
} from './oauth-flow-records.ts'

/** Its methods fail with `PersistenceFailed`. Expired flows are left out. */
export class OAuthFlowLedger {
  readonly #store: OAuthFlowStore
  readonly #clock: Clock
  readonly #timeoutMs: number

  constructor(store: OAuthFlowStore, clock: Clock, timeoutMs: number) {
    this.#store = store
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  async read(): Promise<DurableOAuthFlows> {
    const { records } = await this.#load()
    return flowsFrom(records)
  }

  /** Adds one; answers how many there are now, this one included. */
  async add(record: FlowRecord): Promise<number> {
    const after = await this.#change(records => {
      if (!records.some(({ ref }) => ref === record.ref)) return [...records, record]
      throw oauthFlowError('DeviceCodeAlreadyAdmitted', 'another process just began a login with this device code')
    })
    return after.length
  }

  /** Removes these; answers how many of them there were. */
  async remove(refs: readonly OAuthFlowId[]): Promise<number> {
    let removed = 0
    await this.#change(records => {
      const rest = records.filter(({ ref }) => !refs.includes(ref))
      removed = records.length - rest.length
      return removed === 0 ? records : rest
    })
    return removed
  }

  async #change(change: (records: readonly FlowRecord[]) => readonly FlowRecord[]): Promise<readonly FlowRecord[]> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { revision, records } = await this.#load()
      const next = change(records)
      if (next === records) return records
      if (await this.#inTime(this.#store.compareAndSwap(revision, flowsFrom(next)))) return next
    }
    throw oauthFlowError('PersistenceFailed', `others changed the logins under way ${MAX_TRIES} times in a row`)
  }

  async #load(): Promise<{ readonly revision: number; readonly records: readonly FlowRecord[] }> {
    const { revision, flows } = await this.#inTime(this.#store.load())
    const now = this.#clock.now()
    return { revision, records: recordsOf(flows).filter(({ expiresAt }) => now < expiresAt) }
  }

  async #inTime<T>(answer: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>()
    const callOff = this.#clock.after(this.#timeoutMs, () =>
      late.reject(new MeerkatError('store-unavailable', `the store did not answer within ${this.#timeoutMs} ms`)),
    )
    try {
      return await Promise.race([answer, late.promise])
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause)
      throw oauthFlowError('PersistenceFailed', `the logins under way can't be kept: ${text}`, cause)
    } finally {
      callOff()
    }
  }
}
