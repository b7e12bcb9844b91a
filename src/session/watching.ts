/**
 * Waiting for the ends of operations, by code that this process was given and has no hold over.
 *
 * 1. Every operation has a deadline, counted from its begin, however many processes waited for it since. What is not over
 *    by then has failed (`timed-out`), and whoever still works on it is told to stop.
 * 2. An operation that another process began is marked before anybody here is asked for its end, and the mark goes when
 *    this process has lived with it for a while, or leaves it in good order. One whose mark was left behind twice ends
 *    processes: it has failed (`crashed-process`) and is asked for no more, so that the next process lives.
 * 3. Those that carry a mark are taken up one after the other: an operation that only shared a process with one that
 *    ended it is not taken for it.
 */
import { defined } from '../defined.ts'
import type { SessionDriver } from '../driver/driver.ts'
import type { CoreExecutor, OperationOutcome, RunningOperation, WatchContext } from '../executor/executor.ts'
import { jsonOf, messageOf } from '../foreign.ts'
import type { OperationId } from '../kernel/ids.ts'
import { mapGet } from '../kernel/persistent-map.ts'
import { isEnded, isLive } from '../kernel/regions/operations/state.ts'
import { Progress } from '../progress.ts'
import type { OperationRecord, SessionOptions } from '../store/records.ts'
import type { Clock } from '../time.ts'
import type { Gate } from './gate.ts'
import { type Came, takeUpOperation } from './operation-ends.ts'

export interface WatchingOptions {
  readonly driver: SessionDriver
  readonly clock: Clock
  /** The executor of the session, as soon as it is served; undefined once the signal aborts. */
  readonly served: (signal: AbortSignal) => Promise<CoreExecutor | undefined>
  /** Lets one through at a time; shared by all sessions of the process. */
  readonly suspects: Gate
  /** How the session is served now. */
  readonly session: () => SessionOptions
}

/** How long an operation may take where nobody says. */
const MAX_MS = 24 * 60 * 60_000
/** A process that lives this long with an operation that it took up is not ended by it. */
const LASTED_MS = 10_000
/** Longest result that is kept. */
const MAX_OUTPUT_CHARS = 1024 * 1024

export class Watching {
  readonly #options: WatchingOptions
  /** Those that this copy of the session began itself: the call that did counts its own crashes. */
  readonly #begun = new Set<OperationId>()
  /** Taken up, and not lived with for long enough yet. */
  readonly #marked = new Set<OperationId>()

  constructor(options: WatchingOptions) {
    this.#options = options
  }

  begun(id: OperationId): void {
    this.#begun.add(id)
  }

  /** What it came to; nothing where nobody here can tell, or where it was given up. */
  async endOf(record: OperationRecord, signal: AbortSignal): Promise<Came | undefined> {
    const executor = await this.#executorFor(record, signal)
    if (this.#begun.has(record.id)) return this.#wait(record, executor, signal)
    if (this.#takeUps(record.id) === 0) return (await this.#takeUp(record, executor, signal)).end
    // Whoever waits for the end does not stay in the gate for it.
    const taken = await this.#options.suspects.pass(async () => {
      const inHand = await this.#takeUp(record, executor, signal)
      await inHand.lasted
      return inHand
    })
    return taken.end
  }

  /** The one to ask, once the session is served; none where that takes longer than the operation may. */
  async #executorFor(record: OperationRecord, signal: AbortSignal): Promise<CoreExecutor | undefined> {
    const { clock, served } = this.#options
    const over = new AbortController()
    const stop = (): void => over.abort()
    const off = record.maxMs === undefined ? () => {} : clock.after(this.#leftMs(record), stop, { background: true })
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      return await served(over.signal)
    } finally {
      off()
      signal.removeEventListener('abort', stop)
    }
  }

  /** Takes its marks off before it goes in good order. */
  async leave(): Promise<void> {
    if (this.#marked.size > 0) await this.#unmark([...this.#marked])
  }

  #takeUps(id: OperationId): number {
    const entry = mapGet(this.#options.driver.state.operations.entries, id)
    return entry === undefined || isEnded(entry) ? 0 : (entry.takeUps ?? 0)
  }

  async #takeUp(
    record: OperationRecord,
    executor: CoreExecutor | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly end?: Promise<Came | undefined>; readonly lasted?: Promise<void> }> {
    const { driver, clock } = this.#options
    const { id } = record
    if (executor?.watch !== undefined && !signal.aborted && this.#leftMs(record) > 0) {
      if (!(await driver.mutate(tx => takeUpOperation(tx, id)))) return {}
      this.#marked.add(id)
    }
    const over = Promise.withResolvers<void>()
    const off = clock.after(LASTED_MS, over.resolve, { background: true })
    signal.addEventListener('abort', () => over.resolve(), { once: true })
    const end = this.#wait(record, executor, signal, over.resolve)
    const ended = (): void => over.resolve()
    end.then(ended, ended)
    const lasted = over.promise.then(async () => {
      off()
      // A mark that can't be taken off now is taken off later, or counts.
      await this.#unmark([id]).catch(() => {})
    })
    return { end, lasted }
  }

  async #unmark(ids: readonly OperationId[]): Promise<void> {
    const { driver } = this.#options
    const marked = ids.filter(id => this.#marked.delete(id) && isLive(driver.state.operations, id))
    if (marked.length === 0) return
    await driver.mutate(tx => {
      for (const operationId of marked) tx.try({ type: 'OperationLasted', operationId })
    })
  }

  #leftMs({ at, maxMs = MAX_MS }: OperationRecord): number {
    return Math.max(0, maxMs - Math.max(0, this.#options.clock.now() - at))
  }

  /** Waits until it ends or its time is up. `unheld`: nobody here can tell its end, so none of its code runs here. */
  async #wait(
    record: OperationRecord,
    executor: CoreExecutor | undefined,
    signal: AbortSignal,
    unheld = (): void => {},
  ): Promise<Came | undefined> {
    const { clock } = this.#options
    const late = Promise.withResolvers<Came>()
    const tooLate: Came = { outcome: 'failed', reason: 'timed-out', error: timedOut(record) }
    const leftMs = this.#leftMs(record)
    if (leftMs === 0) return tooLate
    const off = clock.after(leftMs, () => late.resolve(tooLate), { background: true })
    signal.addEventListener('abort', off, { once: true })
    const ended =
      executor?.watch === undefined
        ? undefined
        : await Promise.race([this.#ask(record, executor, signal), late.promise])
    if (ended !== undefined || record.maxMs === undefined) {
      off()
      return ended
    }
    // Somebody outside has to say so, and in time.
    unheld()
    return signal.aborted ? undefined : late.promise
  }

  async #ask(record: OperationRecord, executor: CoreExecutor, signal: AbortSignal): Promise<Came | undefined> {
    const { driver, session, clock } = this.#options
    const { id, title, tool, callId, handle } = record
    const { sessionId } = driver
    const operation = { id, sessionId, session: session(), title, ...defined({ tool, callId, handle }) }
    const progress = new Progress(clock, data => this.#progress(id, data))
    const outcome = await outcomeOf(executor, operation, { signal, progress: progress.report })
    progress.end()
    if (outcome === undefined) return undefined
    const { ok, ...came } = outcome
    return { outcome: ok ? 'completed' : 'failed', ...came }
  }

  #progress(id: OperationId, data: unknown): void {
    const { driver } = this.#options
    driver
      .mutate(
        tx => {
          if (tx.try({ type: 'OperationProgress', operationId: id }).ok)
            tx.event({ type: 'operation.progress', data: { operationId: id, data } })
        },
        { lazy: true },
      )
      .catch(() => {})
  }
}

function timedOut({ maxMs = MAX_MS }: OperationRecord): string {
  return `it did not end within ${maxMs} ms, and is not waited for any longer`
}

/**
 * What the executor says it came to. The executor is foreign code: whatever it throws or answers instead ends the
 * operation as failed, for nobody else will ever know how it ended.
 */
async function outcomeOf(
  executor: CoreExecutor,
  operation: RunningOperation,
  context: WatchContext,
): Promise<OperationOutcome | undefined> {
  try {
    const outcome: unknown = await executor.watch?.(operation, context)
    if (outcome === undefined) return undefined
    if (typeof outcome !== 'object' || outcome === null || !('ok' in outcome))
      return { ok: false, error: 'the executor did not say how it ended' }
    if (outcome.ok !== true) return { ok: false, error: messageOf('error' in outcome ? outcome.error : undefined) }
    const json = jsonOf('output' in outcome ? outcome.output : undefined, MAX_OUTPUT_CHARS)
    if (!('problem' in json)) return { ok: true, output: json.value }
    return { ok: false, error: `its result can't be written as JSON: ${json.problem}` }
  } catch (error) {
    return { ok: false, error: messageOf(error) }
  }
}
