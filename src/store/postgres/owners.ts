/**
 * The runtimes of this store, as owners of sessions: each holds a lease by the server's clock, renewed three times
 * within its length. A lease that ran out is not the end of a claim but the chance of others to take it.
 */
import { hostname } from 'node:os'
import type { Client } from './client.ts'
import { numbers, quote } from './literals.ts'

/** How long the end of a store waits for a server that may be gone. */
const LEAVE_MS = 3000

export interface OwnersOptions {
  /** For leases alone, so that nothing keeps a renewal waiting. */
  readonly client: Client
  readonly leaseMs: number
  readonly channel: string
  /** The notice that sessions were let go. */
  readonly freed: () => string
  readonly onLapse: () => void
  /** Fails when the schema has become one for newer releases only. */
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
  #told = false
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

  /** Renews now: the server has taken one of these owners for dead. */
  hurry(): void {
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
    // After the lease the claims end by themselves.
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
    // Afterwards, so that it is either ended by the migration that shuts this release out, or sees it here.
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
      this.#told = false
      const kept = new Set(rows.map(row => Number(row['n'])))
      for (const n of mine) if (!kept.has(n)) this.#forget(n)
      if (kept.size < mine.length) await this.#options.demandUsable().catch(() => {})
      if (kept.size < mine.length || rows.some(row => row['lapsed'] === true)) this.#options.onLapse()
      await client.write(`SELECT sweep(${quote(channel)},${quote(freed())})`)
    } catch {
      // The next renewal may succeed. When none has for as long as the lease lasts, others may have what this one held.
      if (!this.#told && performance.now() - this.#renewedAt > leaseMs) {
        this.#told = true
        this.#options.onLapse()
      }
    }
    if (this.#timer !== undefined) this.#arm()
  }

  /** An owner that was swept: its claims are over, and it registers anew with its next claim. */
  #forget(n: number): void {
    const owner = this.#numbers.get(n)
    this.#numbers.delete(n)
    if (owner !== undefined) this.#ours.delete(owner)
  }
}
