/**
 * The loop of one session: performs the run that the kernel says is current.
 *
 * 1. Level-triggered: `sync` compares the state with what is being performed, after every commit and whenever anyone
 *    wonders. There is no wake-up that could be lost.
 * 2. The executor runs outside every lock; its output comes back as one transaction.
 * 3. An executor that ignores its abort signal is given up after a grace, and its session goes on.
 * 4. A store that can't take the outcome is asked again, but only for so long from its first refusal on, however many
 *    reports it refuses: then the session is let go.
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
import { attempt, judge, turnOfEventLoop } from './attempt.ts'
import { closeByHand, Hand } from './by-hand.ts'
import { type Closing, close, type Ending, type Verdict } from './closing.ts'
import { LoopPort } from './port.ts'
import type { RunSlots } from './slots.ts'
import { tellEnd, tellStart } from './telling.ts'
import { type Files, Work } from './work.ts'

export interface LoopOptions {
  readonly driver: SessionDriver
  /** The executor that performs a run which begins now: it has it to its end. */
  readonly executor: () => CoreExecutor | undefined
  /** What a host has made for the session's agent. */
  readonly bindings: () => unknown
  readonly clock: Clock
  /** How the session is served now; an attempt keeps what it began with. */
  readonly session: () => SessionOptions
  /** Longest run where neither input nor session says otherwise. */
  readonly maxRunMs: number
  /** How long an aborted executor may take to return. */
  readonly abortGraceMs: number
  /** How long a store may refuse what a run reports before the session is let go. */
  readonly storePatienceMs: number
  /** Runs of the process at once; absent: as many as there are. */
  readonly slots?: RunSlots | undefined
  /** What inputs said, from memory or disk. */
  readonly payloads: (ids: readonly InputId[]) => Promise<readonly InputRecord[]>
  readonly context: () => Promise<readonly ContextMessage[]>
  /** Has what joins at a boundary wait for it. Called within the transaction that passes one. */
  readonly atBoundary: (tx: Transaction) => void
  readonly files: Files
  /** Journals of unfinished work, by head. */
  readonly journals: Map<InputId, readonly MessageRecord[]>
  /** The session can't be written any more: another owner, or a store that stayed away. */
  readonly onLost: (error: unknown) => void
  readonly faults?: Faults | undefined
  readonly observer?: RuntimeObserver | undefined
}

interface Performance {
  readonly runId: RunId
  /** Performs it to its end. Absent until it begins. */
  executor: CoreExecutor | undefined
  readonly controller: AbortController
  /** Since when it waits for a slot, and from when on it has one. */
  startedAt: number
  /** The same on the monotonic clock. */
  since: number
  /** It has no slot yet. Its time runs from when it has one. */
  isWaiting: boolean
  deadline: Deadline
  done: Promise<void>
  /** Called when it is aborted, while it waits for a slot or the executor is at work. */
  onAbort?: (() => void) | undefined
}

/** The run that is current here. */
interface Performing extends Pick<Performance, 'runId' | 'startedAt' | 'isWaiting'> {
  readonly overdue: boolean
}

/** Runs that may follow each other within one turn of the event loop. */
const RUNS_A_TURN = 32

export class SessionLoop {
  readonly #options: LoopOptions
  #current: Performance | undefined
  /** The work in hand. */
  #work: Work | undefined
  readonly #hand = new Hand()
  #closing = false
  #runs = 0
  /** Until when the store may refuse, since it began to. */
  #patience: Deadline | undefined

  constructor(options: LoopOptions) {
    this.#options = options
  }

  /** What is being performed, for health. */
  get performing(): Performing | undefined {
    if (this.#current === undefined) return undefined
    const { runId, startedAt, deadline, isWaiting } = this.#current
    return { runId, startedAt, isWaiting, overdue: deadline.passed }
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
      // One that has not begun is at a boundary.
      else if (run.cancel === 'now' || (current.isWaiting && run.cancel === 'boundary'))
        this.#abort(current, 'cancelled')
    } else if (run.phase === 'bound' && !this.#closing) this.#start(run)
  }

  /** Leaves a run to the handles by which it was prepared. */
  leave(runId: RunId): void {
    this.#hand.take(runId)
  }

  /** Resolves when nothing is performed, or the time is up. What has not begun is not waited for. */
  async rest(deadline: Deadline): Promise<void> {
    if (this.#current?.isWaiting === true) this.#abort(this.#current, 'closing')
    while (this.#current !== undefined && !deadline.passed) {
      const late = Promise.withResolvers<void>()
      const off = deadline.onPassed(late.resolve)
      await Promise.race([this.#current.done, late.promise]).finally(off)
    }
  }

  /** Aborts what is performed: whoever serves it is leaving, and it was asked to end before. */
  cutOff(): void {
    if (this.#current !== undefined) this.#abort(this.#current, 'cancelled')
  }

  /** Ends the run in progress, to be continued by whoever owns the session next. Resolves when nothing is performed. */
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
      deadline: Deadline.in(clock, Number.POSITIVE_INFINITY),
      done: Promise.resolve(),
    }
    this.#current = performance
    performance.done = this.#perform(run, performance)
  }

  async #perform(run: Extract<Run, { phase: 'bound' }>, performance: Performance): Promise<void> {
    let offDeadline = (): void => {}
    let leave = (): void => {}
    try {
      if (performance.isWaiting) leave = await this.#slot(performance)
      performance.executor = this.#hand.holds(run.runId) ? this.#hand : this.#options.executor()
      const { port, work, payloads, load, queuedMs } = await this.#prepare(run, performance)
      this.#work = work
      performance.deadline = port.deadline
      offDeadline = port.deadline.onPassed(() => this.#abort(performance, 'deadline'))
      tellStart(this.#options.observer, port, { at: performance.startedAt, queuedMs })
      // What earlier attempts of the same work spent is part of what its answer cost.
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
        if (verdict === 'over') tellEnd(this.#options, port, { since, ending, usage })
        if (verdict === 'over' && ending.type !== 'threw') break
        await turnOfEventLoop()
        if (verdict === 'over') break
        port.spend(spent)
        await payloads()
      }
      port.close()
    } catch (error) {
      await this.#fail(run.runId, error)
      await turnOfEventLoop()
    } finally {
      offDeadline()
      leave()
      // A long backlog, answered at once by a store in memory, must not keep timers and other sessions waiting.
      if (++this.#runs % RUNS_A_TURN === 0) await turnOfEventLoop()
      this.#work = undefined
      if (this.#current === performance) this.#current = undefined
      this.sync()
    }
  }

  /** Waits for a slot, unless the run is to end before it has one. Answers how to give it back. */
  async #slot(performance: Performance): Promise<() => void> {
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
    // What was said of a call meanwhile is there as well.
    const work = new Work(head, journals.get(head) ?? [], known)
    work.hear(run.contributors)
    // Whoever asks for the work's calls sees it as it grows.
    journals.set(head, work.messages)
    const inputs = (): readonly InputRecord[] => run.contributors.flatMap(id => known.get(id) ?? [])
    const load = async (): Promise<void> => {
      for (const [id, record] of known) if (refersToFiles(record)) known.set(id, await files(record))
      await work.load(files)
    }
    const port = new LoopPort({
      driver,
      runId: run.runId,
      attempt: entryOf(driver.state.ledger, head)?.attempts ?? 1,
      session,
      inputs: () => inputs().map(record => ({ ...record, content: whole(record.content) })),
      work,
      signal: performance.controller.signal,
      deadline: this.#deadline(session, inputs()),
      clock,
      context,
      bindings: this.#options.bindings(),
      atBoundary: this.#options.atBoundary,
      fetch: ids => fetch(ids).then(load),
      persist: mutation => this.#persist(mutation),
      observer: this.#options.observer,
    })
    const payloads = (): Promise<void> => fetch(driver.state.run.phase === 'bound' ? driver.state.run.contributors : [])
    const queuedMs = Math.max(0, ...inputs().map(({ at }) => performance.startedAt - at))
    return { port, work, payloads, load, queuedMs }
  }

  #deadline(session: SessionOptions, inputs: readonly InputRecord[]): Deadline {
    const { clock, maxRunMs } = this.#options
    const limits = [session.budget?.maxRunMs, ...inputs.map(input => input.maxRunMs)].filter(
      limit => limit !== undefined,
    )
    return Deadline.in(clock, limits.length === 0 ? maxRunMs : Math.min(...limits))
  }

  /** Calls the executor, but not beyond its abort and a grace. */
  async #apply(port: LoopPort, performance: Performance, load: () => Promise<void>): Promise<Ending> {
    const { clock, abortGraceMs, faults } = this.#options
    const { executor } = performance
    const { signal } = performance.controller
    // What is over before it began is nothing for the executor.
    if (signal.aborted) return judge({ type: 'interrupted' }, signal)
    // Its executor was taken away before it began: the next one has it.
    if (executor === undefined) return { type: 'interrupted' }
    let off = (): void => {}
    try {
      const ended = await new Promise<Ending | 'given-up'>(resolve => {
        performance.onAbort = () => {
          off = clock.after(abortGraceMs, () => resolve('given-up'))
        }
        void attempt(executor, port, load, faults).then(resolve)
      })
      return judge(ended, signal)
    } finally {
      performance.onAbort = undefined
      off()
    }
  }

  /** Has the work in hand hear what became of a call of it. False where it is in nobody's hands here. */
  tell(tx: Transaction, head: InputId, message: MessageRecord): boolean {
    if (this.#work?.head !== head) return false
    this.#work.record(tx, messages => messages.push(message))
    return true
  }

  async #close(
    port: LoopPort,
    work: Work,
    ending: Ending,
    costs: Pick<Closing, 'usage' | 'unrecorded'>,
  ): Promise<Verdict> {
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
    const mutation = (tx: Transaction): Verdict => {
      const { run } = tx.state
      if (run.phase !== 'bound' || run.runId !== runId) return 'over'
      const verdict = this.#hand.holds(runId) ? closeByHand(tx, runId, ending) : close(tx, closing, ending)
      // In the same step as the run's end: whoever settles a call of this work next finds its journal as it is on disk.
      if (verdict === 'over') this.#file(work)
      return verdict
    }
    return this.#persist(() => driver.mutate(mutation))
  }

  /** What is on disk of the work waits for its next attempt. */
  #file(work: Work): void {
    const { journals } = this.#options
    if (work.isJournaled) journals.set(work.head, work.messages)
    else journals.delete(work.head)
  }

  /** A run that could not even be performed or closed: an attempt that failed, if the session can still be written. */
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

  /** An executor that goes on after a refused report gets no further patience, and can't keep the session. */
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
