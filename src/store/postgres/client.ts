/**
 * Connections to one server: a bounded pool, a time limit for every call, and typed failures.
 *
 * Each call is one statement (or one message of several) and so one transaction: a suspended process never holds a lock.
 * If a call gets no answer the whole pool is replaced: its connection may be dead without either side noticing, and so may
 * the others. After a lost connection the pool is replaced too: the client library goes on counting the lost call as under
 * way, and would hide from the next call why it can't connect.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Options, PostgresType, Sql, TransactionSql } from 'postgres'
import type { MeerkatError } from '../../errors.ts'
import { storeClosed } from '../store-errors.ts'
import { clientMissing, type FaultPlace, isLoss, isRepeatable, noAnswer, poolFull, toStoreError } from './errors.ts'

export type Row = Readonly<Record<string, unknown>>

/** Where the server is, and how this process shows itself there. */
export interface Target {
  readonly url: string
  /** The store's name, for errors. */
  readonly name: string
  readonly schema: string
  readonly applicationName: string
}

export interface Limits {
  /** Connections at most. */
  readonly max: number
  /** How long a call waits for one of them. */
  readonly poolTimeoutMs: number
  /** How long the server works on a statement. */
  readonly statementTimeoutMs: number
  readonly connectTimeoutMs: number
}

/** Beyond the server's own time limit, for the way there and back. */
const GRACE_MS = 2000
const MAX_REPEATS = 5
const IDLE_IN_TRANSACTION_MS = 10_000

type Connect = (url: string, options: Options<Record<string, PostgresType>>) => Sql

/** Loads the client, which is an optional peer of this package. */
export async function loadConnect(): Promise<Connect> {
  try {
    return (await import('postgres')).default as Connect
  } catch (error) {
    throw clientMissing(error)
  }
}

export class Client {
  readonly #connect: Connect
  readonly #target: Target
  readonly #limits: Limits
  readonly #settings: Readonly<Record<string, string>>
  readonly #waiting: (() => void)[] = []
  readonly #calls = new Set<Promise<unknown>>()
  #sql: Sql
  #free: number
  #closed = false
  #refusal: MeerkatError | undefined

  constructor(connect: Connect, target: Target, limits: Limits, settings: Readonly<Record<string, string>> = {}) {
    this.#connect = connect
    this.#target = target
    this.#limits = limits
    this.#settings = settings
    this.#free = limits.max
    this.#sql = this.#open()
  }

  /**
   * Runs a read-only statement, prepared, with parameters. Repeats it once if the connection was lost, as an idle one may
   * be. Fails with a `MeerkatError`.
   */
  async read(text: string, values: readonly (string | number | boolean | null)[] = []): Promise<readonly Row[]> {
    const place: FaultPlace = { store: this.#target.name }
    const run = (sql: Sql): PromiseLike<readonly Row[]> => sql.unsafe(text, [...values], { prepare: true })
    try {
      const rows = await this.#call(run, place).catch(rethrowUnlessLost)
      return rows ?? (await this.#call(run, place))
    } catch (error) {
      throw toStoreError(error, place)
    }
  }

  /** As `send`, with failures as `MeerkatError`s. */
  async write(text: string, sessionId?: string, timeoutMs?: number): Promise<readonly Row[]> {
    try {
      return await this.send(text, sessionId, timeoutMs)
    } catch (error) {
      throw toStoreError(error, { store: this.#target.name, sessionId, writes: true })
    }
  }

  /**
   * Runs statements without parameters as one message, and so as one transaction; answers what the last one gave.
   * Fails with whatever the client failed with.
   */
  send(text: string, sessionId?: string, timeoutMs?: number): Promise<readonly Row[]> {
    const run = async (sql: Sql): Promise<readonly Row[]> => {
      const result: readonly unknown[] = await sql.unsafe(text).simple()
      const last = result.at(-1)
      return (Array.isArray(last) ? last : result) as readonly Row[]
    }
    return this.#call(run, { store: this.#target.name, sessionId, writes: true }, timeoutMs)
  }

  /**
   * A transaction of several statements, for migrations, which can't be one statement. It sets its own time limits, and is
   * repeated if the server rolled it back because of a conflict with another one.
   */
  async transaction(body: (sql: TransactionSql) => Promise<void>): Promise<void> {
    const run = async (): Promise<true> => {
      await this.#sql.begin(body)
      return true
    }
    for (let attempt = 1; attempt < MAX_REPEATS; attempt += 1) {
      if ((await run().catch(rethrowUnlessRepeatable)) === true) return
    }
    await run()
  }

  /** From now on every call fails with this. */
  refuse(error: MeerkatError): void {
    this.#refusal = error
  }

  /**
   * Calls back with each text that is sent on a channel, and without a text whenever a notification may have been missed. It
   * uses a connection of its own, which is replaced when it is lost. Answers the function that stops it.
   */
  listen(channel: string, hear: (text: string | undefined) => void): () => void {
    const sql = this.#open()
    // The first attempt may fail; the client goes on trying.
    sql.listen(channel, hear, () => hear(undefined)).catch(() => {})
    return () => void sql.end({ timeout: 0 })
  }

  /** Ends the connections; calls that are under way are answered before, within the time limit. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, timeoutMs)
    await Promise.race([Promise.allSettled(this.#calls), late.promise])
    clearTimeout(timer)
    await this.#sql.end({ timeout: 0 })
  }

  async #call(
    run: (sql: Sql) => PromiseLike<readonly Row[]>,
    place: FaultPlace,
    timeoutMs: number = this.#limits.statementTimeoutMs + GRACE_MS,
  ): Promise<readonly Row[]> {
    if (this.#closed) throw storeClosed(this.#target.name)
    if (this.#refusal !== undefined) throw this.#refusal
    await this.#acquire()
    try {
      for (let attempt = 1; attempt < MAX_REPEATS; attempt += 1) {
        const rows = await this.#timed(run, place, timeoutMs).catch(rethrowUnlessRepeatable)
        if (rows !== undefined) return rows
        await pause(Math.random() * 10 * 2 ** attempt)
      }
      return await this.#timed(run, place, timeoutMs)
    } finally {
      this.#release()
    }
  }

  async #timed(
    run: (sql: Sql) => PromiseLike<readonly Row[]>,
    place: FaultPlace,
    timeoutMs: number,
  ): Promise<readonly Row[]> {
    const sql = this.#sql
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      late.reject(noAnswer(place, timeoutMs))
      this.#retire(sql, 0)
    }, timeoutMs)
    const call = Promise.race([run(sql), late.promise])
    this.#calls.add(call)
    try {
      return await call
    } catch (error) {
      if (isLoss(error)) this.#retire(sql, this.#limits.statementTimeoutMs)
      throw error
    } finally {
      this.#calls.delete(call)
      clearTimeout(timer)
    }
  }

  /** Replaces the pool: later calls get new connections, and calls on the old ones get `timeoutMs` to end. */
  #retire(sql: Sql, timeoutMs: number): void {
    if (sql !== this.#sql || this.#closed) return
    this.#sql = this.#open()
    void sql.end({ timeout: timeoutMs / 1000 })
  }

  #open(): Sql {
    const { url, schema, applicationName } = this.#target
    const { max, statementTimeoutMs, connectTimeoutMs } = this.#limits
    return this.#connect(url, {
      max,
      fetch_types: false,
      connect_timeout: connectTimeoutMs / 1000,
      keep_alive: 15,
      // Short delays, so that a server that comes back is found soon; random, so that connections come one after another.
      backoff: attempt => Math.min(0.05 * attempt, 1) * (0.5 + Math.random() / 2),
      onnotice: () => {},
      types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
      connection: {
        application_name: applicationName,
        search_path: `"${schema}"`,
        standard_conforming_strings: 'on',
        // A commit is a few rows; compiling its plan would take a hundred times as long as running it.
        jit: 'off',
        statement_timeout: statementTimeoutMs,
        lock_timeout: Math.ceil(statementTimeoutMs / 2),
        idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
        ...this.#settings,
      },
    })
  }

  async #acquire(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1
      return
    }
    const { max, poolTimeoutMs } = this.#limits
    const turn = Promise.withResolvers<void>()
    const give = (): void => turn.resolve()
    this.#waiting.push(give)
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(give), 1)
      turn.reject(poolFull(this.#target.name, max, poolTimeoutMs))
    }, poolTimeoutMs)
    await turn.promise.finally(() => clearTimeout(timer))
  }

  #release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}

function rethrowUnlessRepeatable(error: unknown): undefined {
  if (!isRepeatable(error)) throw error
}

function rethrowUnlessLost(error: unknown): undefined {
  if (!isLoss(error)) throw error
}
