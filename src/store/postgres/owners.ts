/**
 * The runtimes of this store, as owners of sessions: each holds a lease by the server's clock, renewed three times
 * within its length. A lease that ran out does not end a claim; it lets other owners take it over.
 */
import { hostname } from 'node:os'
import type { Client } from './client.ts'
import { numbers, quote } from './literals.ts'

/** How long closing a store waits for a server that may be gone. */
const LEAVE_MS = 3000

export interface OwnersOptions {
  /** Used for leases only, so that a renewal never waits for other calls. */
  readonly client: Client
  readonly leaseMs: number
  readonly channel: string
  /** The notification that sessions were released. */
  readonly freed: () => string
  readonly onLapse: () => void
  /** Fails if only newer releases can use the schema by now. */
  readonly demandUsable: () => Promise<void>
}

export class Owners {
  readonly #options: OwnersOptions
  /** Numbers of owners that claimed through this store, by name; a promise while one is being registered. */
  readonly #ours = new Map<string, Promise<number>>()
  readonly #numbers = new Map<number, string>()
  #timer: NodeJS.Timeout | undefined
  /** When the last renewal that succeeded was sent. */
  #renewedAt = 0
  #lapseReported = false
  #renewing: Promise<void> | undefined

  constructor(options: OwnersOptions) {
    this.#options = options
  }

  /** The number of an owner of this process; its lease begins with the first call. */
  number(owner: string): Promise<number> {
    const known = this.#ours.get(owner)
    if (known !== undefined) return known
    const registered = this.#register(owner)
    this.#ours.set(owner, registered)
    registered.catch(() => this.#ours.delete(owner))
    return registered
  }

  /** Renews at once, because the server has declared one of these owners dead. */
  renewNow(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#renewing = this.#renew()
  }

  /** Ends this store's owners, and with them every claim they hold. */
  async leave(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#renewing
    clearTimeout(this.#timer)
    if (this.#numbers.size === 0) return
    const { client, channel, freed, leaseMs } = this.#options
    const text = `SELECT end_owners(${numbers([...this.#numbers.keys()])},${quote(channel)},${quote(freed())})`
    // No longer than the lease: after that the claims can be taken over anyway.
    await client.write(text, undefined, Math.min(leaseMs, LEAVE_MS))
  }

  async #register(owner: string): Promise<number> {
    const { client, leaseMs } = this.#options
    const sent = performance.now()
    const [row] = await client.write(
      `SELECT register_owner(${quote(owner)},${process.pid},${quote(hostname())},${leaseMs}) AS n`,
    )
    const n = Number(row?.['n'])
    this.#numbers.set(n, owner)
    // After registering: a migration that excludes this release either ends this owner or is seen here.
    await this.#options.demandUsable()
    if (this.#timer === undefined) {
      this.#renewedAt = sent
      this.#arm()
    }
    return n
  }

  #arm(): void {
    this.#timer = setTimeout(() => {
      this.#renewing = this.#renew()
    }, this.#options.leaseMs / 3).unref()
  }

  async #renew(): Promise<void> {
    const { client, leaseMs, channel, freed } = this.#options
    const sent = performance.now()
    const mine = [...this.#numbers.keys()]
    try {
      const rows = await client.write(`SELECT * FROM renew_owners(${numbers(mine)})`, undefined, leaseMs)
      this.#renewedAt = sent
      this.#lapseReported = false
      const kept = new Set(rows.map(row => Number(row['n'])))
      for (const n of mine) if (!kept.has(n)) this.#forget(n)
      // Whether or not the store can be used, the claims are gone: `onLapse` says so.
      if (kept.size < mine.length) await this.#options.demandUsable().catch(() => {})
      if (kept.size < mine.length || rows.some(row => row['lapsed'] === true)) this.#options.onLapse()
      await client.write(`SELECT sweep(${quote(channel)},${quote(freed())})`)
    } catch {
      // The next renewal may succeed. After a whole lease without one, other owners may have taken these sessions.
      if (!this.#lapseReported && performance.now() - this.#renewedAt > leaseMs) {
        this.#lapseReported = true
        this.#options.onLapse()
      }
    }
    if (this.#timer !== undefined) this.#arm()
  }

  /** Forgets an owner that the server has removed: its claims are over, and its next claim registers it again. */
  #forget(n: number): void {
    const owner = this.#numbers.get(n)
    this.#numbers.delete(n)
    if (owner !== undefined) this.#ours.delete(owner)
  }
}
