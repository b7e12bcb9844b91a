/**
 * Waits for the ends of operations, through an executor: foreign code that this process can't control.
 *
 * 1. Every operation has a deadline, counted from its beginning, however many processes have waited for it since. One
 *    that has not ended by then has failed (`timed-out`), and the executor is told to stop.
 * 2. An operation that another process began is marked before this process asks its executor for the end. The mark is
 *    removed after this process has run with it for a while, or leaves it in good order. An operation whose mark was
 *    left behind twice ends processes: it has failed (`crashed-process`) and is not asked for any more, so that the
 *    next process survives.
 * 3. Marked operations are taken up one after the other, so that one that only shared a process with a harmful one is
 *    not taken for it.
 */
import { defined } from '../defined.ts'
import type { SessionDriver } from '../driver/driver.ts'
import type { CoreExecutor, OperationOutcome, RunningOperation, WatchContext } from '../executor/executor.ts'
import { jsonOf, messageOf } from '../foreign.ts'
import type { OperationId } from '../kernel/ids.ts'
import { mapGet } from '../kernel/persistent-map.ts'
import { isEnded, isUnfinishedOperation } from '../kernel/regions/operations/state.ts'
import { Progress } from '../progress.ts'
import type { OperationRecord, SessionOptions } from '../store/records.ts'
import type { Clock } from '../time.ts'
import type { Gate } from './gate.ts'
import { type OperationEnding, takeUpOperation } from './operation-ends.ts'

export interface WatchingOptions {
  readonly driver: SessionDriver
  readonly clock: Clock
  /** The executor of the session, as soon as it has one; undefined once the signal aborts. */
  readonly served: (signal: AbortSignal) => Promise<CoreExecutor | undefined>
  /** Lets one operation through at a time; shared by all sessions of the process. */
  readonly suspects: Gate
  /** The session's present options. */
  readonly session: () => SessionOptions
}

/** How long an operation may take where its caller gives no limit. */
const MAX_MS = 24 * 60 * 60_000
/** An operation that a process has run with for this long does not end processes. */
const LASTED_MS = 10_000
/** Longer results are cut. */
const MAX_OUTPUT_CHARS = 1024 * 1024

export class Watching {
  readonly #options: WatchingOptions
  /** Operations that this copy of the session began: the crashes of their calls are counted by the call ledger. */
  readonly #begun = new Set<OperationId>()
  /** Operations that carry a mark of this process. */
  readonly #marked = new Set<OperationId>()

  constructor(options: WatchingOptions) {
    this.#options = options
  }

  begun(id: OperationId): void {
    this.#begun.add(id)
  }

  /** How it ended; undefined where no executor here can tell, or where the wait was given up. */
  async endOf(record: OperationRecord, signal: AbortSignal): Promise<OperationEnding | undefined> {
    const executor = await this.#executorFor(record, signal)
    if (this.#begun.has(record.id)) return this.#wait(record, executor, signal)
    if (this.#takeUps(record.id) === 0) return (await this.#takeUp(record, executor, signal)).end
    // Only the beginning passes through the gate, not the wait.
    const taken = await this.#options.suspects.pass(async () => {
      const inHand = await this.#takeUp(record, executor, signal)
      await inHand.lasted
      return inHand
    })
    return taken.end
  }

  /** The executor to ask, once the session has one; undefined where that takes longer than the operation may. */
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

  /** Removes this process's marks, because it leaves in good order. */
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
  ): Promise<{ readonly end?: Promise<OperationEnding | undefined>; readonly lasted?: Promise<void> }> {
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
      // If the mark can't be removed now, it is removed later, or counts as a crash.
      await this.#unmark([id]).catch(() => {})
    })
    return { end, lasted }
  }

  async #unmark(ids: readonly OperationId[]): Promise<void> {
    const { driver } = this.#options
    const marked = ids.filter(id => this.#marked.delete(id) && isUnfinishedOperation(driver.state.operations, id))
    if (marked.length === 0) return
    await driver.mutate(tx => {
      for (const operationId of marked) tx.try({ type: 'OperationLasted', operationId })
    })
  }

  #leftMs({ at, maxMs = MAX_MS }: OperationRecord): number {
    return Math.max(0, maxMs - Math.max(0, this.#options.clock.now() - at))
  }

  /**
   * Waits for its end or its deadline. `unheld` is called where no executor here can tell its end, because then no
   * foreign code runs.
   */
  async #wait(
    record: OperationRecord,
    executor: CoreExecutor | undefined,
    signal: AbortSignal,
    unheld = (): void => {},
  ): Promise<OperationEnding | undefined> {
    const { clock } = this.#options
    const late = Promise.withResolvers<OperationEnding>()
    const tooLate: OperationEnding = { outcome: 'failed', reason: 'timed-out', error: timedOut(record) }
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
    // Its end has to be reported from outside, before the deadline.
    unheld()
    return signal.aborted ? undefined : late.promise
  }

  async #ask(
    record: OperationRecord,
    executor: CoreExecutor,
    signal: AbortSignal,
  ): Promise<OperationEnding | undefined> {
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
      // Progress is for readers alone; the operation goes on.
      .catch(() => {})
  }
}

function timedOut({ maxMs = MAX_MS }: OperationRecord): string {
  return `it did not end within ${maxMs} ms, and is not waited for any longer`
}

/**
 * The end that the executor reports. An executor is foreign code: whatever it throws or answers instead fails the
 * operation, because no one else will ever report its end.
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
