/**
 * The loop of one session: performs the run that the kernel says is current.
 *
 * 1. Level-triggered: `sync` compares the state with what is being performed, after every commit and whenever it is called
 *    besides. There is no wake-up that could be lost.
 * 2. The executor runs outside every lock; its output comes back as one transaction.
 * 3. If an executor ignores its abort signal, the loop stops waiting for it after a grace, and the session goes on.
 * 4. While the store can't take a report the loop repeats it, for `storePatienceMs` from the first failure on, however many
 *    reports fail meanwhile; then the process lets the session go.
 */

import type { SessionDriver } from '../driver/driver.ts'
import type { Transaction } from '../driver/transaction.ts'
import { asMeerkatError, MeerkatError } from '../errors.ts'
import type { AbortCause, ContextMessage, CoreExecutor } from '../executor/executor.ts'
import type { Faults } from '../faults.ts'
import type { InputId, RunId } from '../kernel/ids.ts'
import { entryOf } from '../kernel/regions/ledger/state.ts'
import type { Run } from '../kernel/regions/run/state.ts'
import type { RuntimeObserver } from '../observer.ts'
import { refersToFiles, whole } from '../store/blobs.ts'
import type { InputRecord, MessageRecord, SessionOptions, UsageRecord } from '../store/records.ts'
import { type Clock, Deadline } from '../time.ts'
import { addUsage, lessUsage } from '../usage.ts'
import { attempt, endingUnderAbort, turnOfEventLoop } from './attempt.ts'
import { closeByHand, Hand } from './by-hand.ts'
import { type CloseResult, type Closing, close, type Ending } from './closing.ts'
import { LoopPort } from './port.ts'
import { RunDeadline } from './run-deadline.ts'
import { reportRunEnd, reportRunStart } from './run-reports.ts'
import type { RunSlots } from './slots.ts'
import { type Files, WorkJournal } from './work-journal.ts'

export interface LoopOptions {
  readonly driver: SessionDriver
  /** The executor for a run that begins now; it keeps that run to its end, also if the session gets another one. */
  readonly executor: () => CoreExecutor | undefined
  /** The handles that a host has made for the session's agent. */
  readonly bindings: () => unknown
  readonly clock: Clock
  /** The session's options now; an attempt keeps those it began with. */
  readonly session: () => SessionOptions
  /** Longest run, unless input or session set a limit of their own. */
  readonly maxRunMs: number
  /** How long an aborted executor may take to return. */
  readonly abortGraceMs: number
  /** How long the store may fail to take a run's reports before the session is let go. */
  readonly storePatienceMs: number
  /** Limits the runs of this process; absent: no limit. */
  readonly slots?: RunSlots | undefined
  /** Loads the content of inputs, from memory or disk. */
  readonly payloads: (ids: readonly InputId[]) => Promise<readonly InputRecord[]>
  readonly context: () => Promise<readonly ContextMessage[]>
  /** Admits the inputs that should join at a boundary. Called within the transaction that passes it. */
  readonly atBoundary: (tx: Transaction) => void
  readonly files: Files
  /** Journals of unfinished work, by head. */
  readonly journals: Map<InputId, readonly MessageRecord[]>
  /** Called when this process can't write the session any more: it has another owner, or the store failed for too long. */
  readonly onLost: (error: unknown) => void
  readonly faults?: Faults | undefined
  readonly observer?: RuntimeObserver | undefined
}

interface Performance {
  readonly runId: RunId
  /** Set when the run begins; it performs the run to its end. */
  executor: CoreExecutor | undefined
  readonly controller: AbortController
  /** When it began to wait for a slot; once it has one, when it got it. */
  startedAt: number
  /** `startedAt` on the monotonic clock. */
  since: number
  /** Whether it waits for a slot. Its deadline counts from when it has one. */
  isWaiting: boolean
  readonly deadline: RunDeadline
  done: Promise<void>
  /** Called on abort; set while it waits for a slot or for the executor. */
  onAbort?: (() => void) | undefined
}

/** The run in progress, for health. */
interface Performing extends Pick<Performance, 'runId' | 'startedAt' | 'isWaiting'> {
  readonly overdue: boolean
}

/** Runs that may follow each other within one turn of the event loop. */
const RUNS_A_TURN = 32

export class SessionLoop {
  readonly #options: LoopOptions
  #current: Performance | undefined
  /** The work in hand. */
  #work: WorkJournal | undefined
  readonly #hand = new Hand()
  #closing = false
  #runs = 0
  /** Deadline for a store that fails; set at its first failure, cleared by a success. */
  #patience: Deadline | undefined

  constructor(options: LoopOptions) {
    this.#options = options
  }

  /** The run in progress, for health. */
  get performing(): Performing | undefined {
    if (this.#current === undefined) return undefined
    const { runId, startedAt, deadline, isWaiting } = this.#current
    return { runId, startedAt, isWaiting, overdue: deadline.now.passed }
  }

  /** Makes what is performed match the state. */
  sync(): void {
    const { run } = this.#options.driver.state
    const current = this.#current
    if (current !== undefined) {
      if (run.phase !== 'bound' || run.runId !== current.runId) {
        this.#abort(current, 'superseded')
        this.#hand.release()
      }
      // A run that waits for a slot counts as being at a boundary.
      else if (run.cancel === 'now' || (current.isWaiting && run.cancel === 'boundary'))
        this.#abort(current, 'cancelled')
    } else if (run.phase === 'bound' && !this.#closing) this.#start(run)
  }

  /** Hands a run to the turn handle that prepared it: the host performs it, not the session's executor. */
  leave(runId: RunId): void {
    this.#hand.take(runId)
  }

  /** Resolves when no run is in progress, or at the deadline. A run that waits for a slot is aborted instead. */
  async rest(deadline: Deadline): Promise<void> {
    if (this.#current?.isWaiting === true) this.#abort(this.#current, 'closing')
    while (this.#current !== undefined && !deadline.passed) {
      const late = Promise.withResolvers<void>()
      const off = deadline.onPassed(late.resolve)
      await Promise.race([this.#current.done, late.promise]).finally(off)
    }
  }

  /** Aborts the run in progress: the host leaves the session, and its request to stop at a boundary has timed out. */
  cutOff(): void {
    if (this.#current !== undefined) this.#abort(this.#current, 'cancelled')
  }

  /** Interrupts the run in progress for good; the session's next owner continues it. Resolves when no run is in progress. */
  async close(): Promise<void> {
    this.#closing = true
    if (this.#current === undefined) return
    this.#abort(this.#current, 'closing')
    await this.#current.done
  }

  #abort(performance: Performance, cause: AbortCause): void {
    if (performance.controller.signal.aborted) return
    performance.controller.abort(cause)
    performance.onAbort?.()
  }

  #start(run: Extract<Run, { phase: 'bound' }>): void {
    const { clock, slots } = this.#options
    const performance: Performance = {
      runId: run.runId,
      executor: undefined,
      controller: new AbortController(),
      startedAt: clock.now(),
      since: clock.monotonic(),
      isWaiting: slots !== undefined && !this.#hand.holds(run.runId),
      deadline: new RunDeadline(clock, () => this.#abort(performance, 'deadline')),
      done: Promise.resolve(),
    }
    this.#current = performance
    performance.done = this.#perform(run, performance)
  }

  async #perform(run: Extract<Run, { phase: 'bound' }>, performance: Performance): Promise<void> {
    let leave = (): void => {}
    try {
      if (performance.isWaiting) leave = await this.#takeSlot(performance)
      performance.executor = this.#hand.holds(run.runId) ? this.#hand : this.#options.executor()
      const { port, work, joined, load, queuedMs } = await this.#prepare(run, performance)
      this.#work = work
      reportRunStart(this.#options.observer, port, { at: performance.startedAt, queuedMs })
      // The cost of an answer includes earlier attempts at the same work.
      const spentBefore = port.usageSoFar
      let usage: UsageRecord | undefined
      for (;;) {
        const ending = await this.#apply(port, performance, load)
        const spent = 'usage' in ending ? ending.usage : undefined
        usage = addUsage(usage, spent)
        const verdict = await this.#close(port, work, ending, {
          usage: addUsage(spentBefore, usage),
          unrecorded: lessUsage(spent, port.recorded),
        })
        const { since } = performance
        if (verdict === 'over') reportRunEnd(this.#options, port, { since, ending, usage })
        if (verdict === 'over' && ending.type !== 'threw') break
        await turnOfEventLoop()
        if (verdict === 'over') break
        port.spend(spent)
        await joined()
      }
      port.close()
    } catch (error) {
      await this.#fail(run.runId, error)
      await turnOfEventLoop()
    } finally {
      performance.deadline.end()
      leave()
      // With a store in memory a long backlog would run without ever giving timers and other sessions a turn.
      if (++this.#runs % RUNS_A_TURN === 0) await turnOfEventLoop()
      this.#work = undefined
      if (this.#current === performance) this.#current = undefined
      this.sync()
    }
  }

  /** Waits for a slot, or until the run is aborted. Answers the function that gives the slot back. */
  async #takeSlot(performance: Performance): Promise<() => void> {
    const { slots, session, clock } = this.#options
    const over = Promise.withResolvers<void>()
    performance.onAbort = over.resolve
    if (performance.controller.signal.aborted) over.resolve()
    const leave = slots?.take(session().labels ?? {}, over.resolve)
    await over.promise
    performance.onAbort = undefined
    performance.isWaiting = false
    performance.startedAt = clock.now()
    performance.since = clock.monotonic()
    return () => leave?.()
  }

  async #prepare(run: Extract<Run, { phase: 'bound' }>, performance: Performance) {
    const { driver, clock, journals, context, files } = this.#options
    const session = this.#options.session()
    const [head] = run.contributors
    if (head === undefined) throw new MeerkatError('internal', `run ${run.runId} has no input`)
    const known = new Map<InputId, InputRecord>()
    const fetch = async (ids: readonly InputId[]): Promise<void> => {
      const missing = ids.filter(id => !known.has(id))
      if (missing.length > 0) for (const record of await this.#options.payloads(missing)) known.set(record.id, record)
    }
    await fetch([...run.contributors, ...(journals.get(head) ?? []).flatMap(message => message.inputIds ?? [])])
    // The journal also has results of calls that were decided since the last attempt.
    const work = new WorkJournal(head, journals.get(head) ?? [], known)
    work.addInputs(run.contributors)
    // Readers of the session's calls look here, so they see the messages of this attempt too.
    journals.set(head, work.messages)
    const inputs = (): readonly InputRecord[] => run.contributors.flatMap(id => known.get(id) ?? [])
    const load = async (): Promise<void> => {
      for (const [id, record] of known) if (refersToFiles(record)) known.set(id, await files(record))
      await work.load(files)
    }
    performance.deadline.shorten(this.#limitMs(session, inputs()))
    const counted = new Set(run.contributors)
    const joined = async (): Promise<void> => {
      const now = driver.state.run
      const news = now.phase === 'bound' ? now.contributors.filter(id => !counted.has(id)) : []
      await fetch(news)
      for (const id of news) performance.deadline.shorten(known.get(id)?.maxRunMs ?? Number.POSITIVE_INFINITY)
      for (const id of news) counted.add(id)
    }
    const port = new LoopPort({
      driver,
      runId: run.runId,
      attempt: entryOf(driver.state.ledger, head)?.attempts ?? 1,
      session,
      inputs: () => inputs().map(record => ({ ...record, content: whole(record.content) })),
      work,
      signal: performance.controller.signal,
      deadline: () => performance.deadline.now,
      clock,
      context,
      bindings: this.#options.bindings(),
      atBoundary: this.#options.atBoundary,
      joined: () => joined().then(load),
      persist: mutation => this.#persist(mutation),
      observer: this.#options.observer,
    })
    const queuedMs = Math.max(0, ...inputs().map(({ at }) => performance.startedAt - at))
    return { port, work, joined, load, queuedMs }
  }

  #limitMs(session: SessionOptions, inputs: readonly InputRecord[]): number {
    const limits = [session.budget?.maxRunMs, ...inputs.map(input => input.maxRunMs)].filter(
      limit => limit !== undefined,
    )
    return limits.length === 0 ? this.#options.maxRunMs : Math.min(...limits)
  }

  /** Calls the executor; after an abort it waits no longer than the grace. */
  async #apply(port: LoopPort, performance: Performance, load: () => Promise<void>): Promise<Ending> {
    const { clock, abortGraceMs, faults } = this.#options
    const { executor } = performance
    const { signal } = performance.controller
    // Aborted before it began: the executor is not called at all.
    if (signal.aborted) return endingUnderAbort({ type: 'interrupted' }, signal)
    // The session lost its executor before the run began: the next executor performs it.
    if (executor === undefined) return { type: 'interrupted' }
    let off = (): void => {}
    try {
      const ended = await new Promise<Ending | 'given-up'>(resolve => {
        performance.onAbort = () => {
          off = clock.after(abortGraceMs, () => resolve('given-up'))
        }
        void attempt(executor, port, load, faults).then(resolve)
      })
      return endingUnderAbort(ended, signal)
    } finally {
      performance.onAbort = undefined
      off()
    }
  }

  /** Adds the result of a call to the work in progress. False if this loop does not perform that work. */
  addToJournal(tx: Transaction, head: InputId, message: MessageRecord): boolean {
    if (this.#work?.head !== head) return false
    this.#work.record(tx, messages => messages.push(message))
    return true
  }

  async #close(
    port: LoopPort,
    work: WorkJournal,
    ending: Ending,
    costs: Pick<Closing, 'usage' | 'unrecorded'>,
  ): Promise<CloseResult> {
    const { driver } = this.#options
    const { runId } = port
    const streamed = (turn: number): boolean => port.streamed(turn)
    const { atBoundary } = this.#options
    const closing = {
      runId,
      work,
      ...costs,
      streamed,
      turn: port.turnOf(ending),
      atBoundary,
      callsBefore: port.callsBefore,
    }
    const mutation = (tx: Transaction): CloseResult => {
      const { run } = tx.state
      if (run.phase !== 'bound' || run.runId !== runId) return 'over'
      const verdict = this.#hand.holds(runId) ? closeByHand(tx, runId, ending) : close(tx, closing, ending)
      // In the same mutation as the run's end, so that a decision on a call of this work finds the journal as it is on disk.
      if (verdict === 'over') this.#keepJournal(work)
      return verdict
    }
    return this.#persist(() => driver.mutate(mutation))
  }

  /** Keeps the journal for the work's next attempt. */
  #keepJournal(work: WorkJournal): void {
    const { journals } = this.#options
    if (work.isJournaled) journals.set(work.head, work.messages)
    else journals.delete(work.head)
  }

  /** Rolls back a run that could not be prepared or closed, as a failed attempt; lets the session go if it can't be written. */
  async #fail(runId: RunId, error: unknown): Promise<void> {
    const { driver, onLost } = this.#options
    const { code } = asMeerkatError(error)
    if (code === 'not-owner' || code === 'store-unavailable') return onLost(error)
    try {
      await driver.mutate(tx => {
        const { run } = tx.state
        if (run.phase !== 'bound' || run.runId !== runId) return
        tx.event({ type: 'notice', runId, data: { code: 'attempt-failed', message: asMeerkatError(error).message } })
        tx.step({ type: 'RollbackRun', runId, cause: 'attempt-failed' })
      })
    } catch (second) {
      onLost(second)
    }
  }

  /** Repeats a mutation while the store fails. All reports of a run share one deadline. */
  async #persist<T>(mutation: () => Promise<T>): Promise<T> {
    const { clock, storePatienceMs, onLost } = this.#options
    for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 5_000)) {
      try {
        const value = await mutation()
        this.#patience = undefined
        return value
      } catch (error) {
        if (asMeerkatError(error).code !== 'store-unavailable' || this.#closing) throw error
        this.#patience ??= Deadline.in(clock, storePatienceMs)
        const leftMs = this.#patience.remainingMs
        if (leftMs <= 0) {
          onLost(error)
          throw error
        }
        await new Promise<void>(resolve => {
          clock.after(Math.min(delayMs, leftMs), resolve)
        })
      }
    }
  }
}
