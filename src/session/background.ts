/**
 * What a session does without a run: its schedules fire, its background operations are waited for, and the session is
 * sent what they came to.
 *
 * Level-triggered like the loop: after every commit and after loading, `sync` compares the state with what is being
 * waited for. It decides nothing: the overlap of a schedule, the batch of completions and what survives a restart are
 * the kernel's decisions.
 */
import type { Transaction } from '../driver/transaction.ts'
import { asMeerkatError } from '../errors.ts'
import type { AbortCause } from '../executor/executor.ts'
import type { OperationId } from '../kernel/ids.ts'
import { unmarked, unmarkedJson } from '../kernel/marks.ts'
import { isUnfinishedOperation, unfinishedOperations } from '../kernel/regions/operations/state.ts'
import { completionBatchDue, completionsUntold, cursorSteps } from '../kernel/runnable.ts'
import type { CommitRecord, InputRecord, OperationEndedRecord, OperationRecord } from '../store/records.ts'
import { nextTurn } from '../turns.ts'
import { Alarm, type AlarmOptions } from './alarm.ts'
import { endOperation, type OperationEnding } from './operation-ends.ts'
import { operationEnds, operationRecords } from './records.ts'
import { Watching, type WatchingOptions } from './watching.ts'

export type BackgroundOptions = AlarmOptions & WatchingOptions

/** An operation that ended: its record, and its end. */
interface Ended {
  readonly record: OperationRecord
  readonly end: OperationEndedRecord
}

/** After the store refused a commit, it is tried again this much later. */
const AGAIN_MS = 1_000

export class Background {
  readonly #options: BackgroundOptions
  readonly #alarm: Alarm
  readonly #watching: Watching
  readonly #watched = new Map<OperationId, AbortController>()
  /** Operations that ended and that the session has not been told of yet, as far as this process has read them. */
  readonly #ended = new Map<OperationId, Ended>()
  /** The records of unfinished operations, as they were begun. */
  readonly #records = new Map<OperationId, OperationRecord>()
  #fetching = false
  #ending = false
  #stopped = false

  constructor(options: BackgroundOptions) {
    this.#options = options
    this.#alarm = new Alarm(options)
    this.#watching = new Watching(options)
  }

  /** Sends the session what ended, and records how far that has come. Part of every transaction and boundary. */
  tellEnds(tx: Transaction): void {
    this.#tell(tx)
    const { announcement } = tx.state.operations
    const end = announcement && tx.parts.ended.find(({ id }) => id === announcement)
    for (const step of cursorSteps(tx.state, end?.status === 'consumed')) tx.try(step)
  }

  /** One input tells the session of all of them. */
  #tell(tx: Transaction): void {
    if (tx.parts.operationsEnded.length > 0 && completionsUntold(tx.state) !== undefined) {
      for (const end of tx.parts.operationsEnded) this.#note(tx, end)
    }
    const batch = completionBatchDue(tx.state)
    if (batch === undefined || this.#stopped) return
    const known = batch.operationIds.flatMap(id => this.#ended.get(id) ?? [])
    // Those that ended under another owner have to be read first: `sync` reads them, and calls this again.
    if (known.length < batch.operationIds.length) return
    const inputId = this.#options.ids.input()
    tx.step({ type: 'AdvanceOperationCursor', cursor: 'runtimeInjected', through: batch.through, inputId })
    tx.step({
      type: 'AcceptInput',
      inputId,
      at: tx.at,
      kind: 'continuation',
      origin: 'system',
      durability: 'derived',
    })
    const content = known.map(endText).join('\n\n')
    const record: InputRecord = { id: inputId, at: tx.at, mode: 'steer', kind: 'continuation', content }
    tx.parts.inputs.push(record)
    this.#options.keep(record)
    tx.needsCommit()
  }

  /** Hears of a commit. */
  committed({ inputs, operations = [] }: CommitRecord): void {
    for (const { id } of operations) this.#watching.begun(id)
    // The session has been told: the ends need not be held any more.
    if (this.#ended.size > 0 && inputs?.some(({ kind }) => kind === 'continuation') === true) this.#ended.clear()
    this.sync()
  }

  /** Starts and ends waits so that they match the state. */
  sync(): void {
    if (this.#stopped) return
    const { state } = this.#options.driver
    this.#alarm.sync()
    for (const [id, controller] of this.#watched) if (!isUnfinishedOperation(state.operations, id)) controller.abort()
    const untold = completionsUntold(state)?.operationIds.filter(id => !this.#ended.has(id)) ?? []
    if (untold.length > 0) this.#fetch(untold)
    if (state.endings.groups.length > 0) this.#endRest()
    if (state.operations.active === 0) return
    for (const { id, kind, status } of unfinishedOperations(state.operations)) {
      if (kind === 'background-tool-op' && status === 'running' && !this.#watched.has(id)) this.#watch(id)
    }
  }

  /** Ends all waiting; operations taken up from another process are marked as left in good order. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#alarm.stop()
    const left = this.#watching.leave()
    const cause: AbortCause = 'closing'
    for (const controller of this.#watched.values()) controller.abort(cause)
    await left
  }

  #note(tx: Transaction, end: OperationEndedRecord): void {
    const record = tx.parts.operations.find(({ id }) => id === end.id) ?? this.#records.get(end.id)
    if (record !== undefined) this.#ended.set(end.id, { record, end })
  }

  /**
   * Ends the inputs that were given up together, some of them a commit, so that other sessions get their turn:
   * `tellEnds` takes the step.
   */
  #endRest(): void {
    if (this.#ending) return
    this.#ending = true
    endGivenUp(this.#options.driver, () => this.#stopped)
      .catch(() => this.#later(() => {}))
      .finally(() => {
        this.#ending = false
      })
  }

  #fetch(ids: readonly OperationId[]): void {
    if (this.#fetching) return
    this.#fetching = true
    const { store, driver } = this.#options
    const read = async (): Promise<void> => {
      const [records, ends] = await Promise.all([operationRecords(store, ids), operationEnds(store, ids)])
      for (const id of ids) {
        // An operation whose record is lost is told by its id, because the session has to hear of its end.
        const record = records.find(one => one.id === id) ?? { id, at: 0, kind: 'unknown', title: id }
        this.#ended.set(id, { record, end: ends.find(one => one.id === id) ?? { id, outcome: 'terminated' } })
      }
      this.#fetching = false
      await driver.mutate(() => {}, { lazy: true })
    }
    read().catch(() => {
      this.#fetching = false
      this.#later(() => {})
    })
  }

  #watch(id: OperationId): void {
    const { store } = this.#options
    const controller = new AbortController()
    this.#watched.set(id, controller)
    const watch = async (): Promise<void> => {
      const [record] = await operationRecords(store, [id])
      if (record === undefined || controller.signal.aborted) return
      this.#records.set(id, record)
      const came = await this.#watching.endOf(record, controller.signal)
      if (came !== undefined) await this.#finish(id, came)
    }
    watch()
      .catch(() => {
        // The store failed: the wait is begun again later.
        this.#later(() => this.#watched.delete(id))
      })
      .finally(() => {
        if (controller.signal.aborted) this.#watched.delete(id)
      })
  }

  /** Records the outcome that the executor gave; until that is durable, it is told to no one. */
  async #finish(id: OperationId, came: OperationEnding): Promise<void> {
    const { driver, clock } = this.#options
    for (let delayMs = 50; !this.#stopped; delayMs = Math.min(delayMs * 2, 5_000)) {
      try {
        await driver.mutate(tx => {
          if (isUnfinishedOperation(tx.state.operations, id)) endOperation(tx, id, came)
        })
        return
      } catch (error) {
        if (asMeerkatError(error).code !== 'store-unavailable') throw error
        await new Promise<void>(resolve => {
          clock.after(delayMs, resolve)
        })
      }
    }
  }

  /** Calls `sync` again a little later. */
  #later(before: () => void): void {
    this.#options.clock.after(
      AGAIN_MS,
      () => {
        before()
        this.sync()
      },
      { background: true },
    )
  }
}

/** Resolves when every input that was given up has ended; each round of the driver ends some. */
export async function endGivenUp(driver: AlarmOptions['driver'], isOver: () => boolean): Promise<void> {
  while (driver.state.endings.groups.length > 0 && !isOver()) {
    await nextTurn()
    await driver.mutate(() => {})
  }
}

/** The text that tells the session of an operation's end. */
function endText({ record, end }: Ended): string {
  const by = record.tool === undefined ? '' : ` (${record.tool})`
  const head = `Background operation "${unmarked(record.title)}"${by}, id ${record.id}: ${end.outcome}.`
  if (end.error !== undefined) return `${head}\n${unmarked(end.error)}`
  if (end.output === undefined) return head
  return `${head}\n${typeof end.output === 'string' ? unmarked(end.output) : unmarkedJson(JSON.stringify(end.output))}`
}
