/**
 * The background operations of one session, for the code that performs them: registered, watched, waited for, and ended
 * once.
 *
 * The kernel's region `operations` decides everything; how an operation was begun and how it ended are records.
 */
import { defined } from '../defined.ts'
import { KernelRejection } from '../driver/kernel-rejection.ts'
import type { Transaction } from '../driver/transaction.ts'
import {
  type OperationAction,
  type OperationRefusal,
  resolveOperationTransitionRejection,
} from '../kernel/classify-operations.ts'
import type { OperationId, RunId, SessionId, WaitId } from '../kernel/ids.ts'
import { mapGet, mapValues } from '../kernel/persistent-map.ts'
import {
  completionsAfter,
  type EndedOperation,
  isEnded,
  type OperationCursors,
  type OperationEntry,
  type OperationNature,
  type OperationStatus,
  type OperationTerminal,
} from '../kernel/regions/operations/state.ts'
import type { MeerkatState } from '../kernel/state.ts'
import { registerOperation } from '../loop/register-operation.ts'
import type { LiveSession } from '../session/live-session.ts'
import { endOperation } from '../session/operation-ends.ts'
import * as takes from './arguments.ts'

/** Why the registry refused: decide by `kind`. */
export class OpsLifecycleError extends Error {
  override readonly name = 'OpsLifecycleError'
  readonly kind: OperationRefusal | 'wait-already-active' | 'wait-not-active' | 'duplicate-wait-operation'
  readonly status: OperationStatus | undefined

  constructor(kind: OpsLifecycleError['kind'], message: string, status?: OperationStatus) {
    super(message)
    this.kind = kind
    this.status = status
  }
}

/** What an operation is registered with. */
export type Registration = OperationNature & {
  readonly title: string
  /** How many may be unfinished at once, this one included. Absent: any number. */
  readonly maxConcurrent?: number
  /** What a process that takes it up after a restart needs to know: any JSON value. */
  readonly handle?: unknown
}

/** How an operation ended. */
export interface OperationCame {
  readonly output?: unknown
  readonly error?: string
}

interface RegistryOptions {
  readonly sessionId: SessionId
  /** The loaded session; throws `not-ready` where it is not loaded. */
  readonly live: () => LiveSession
  /** The present state, or the state at the end of the registration. */
  readonly state: () => MeerkatState
  /** Changes the session, as long as the registration lasts. */
  readonly mutate: <T>(run: (tx: Transaction) => T) => Promise<T>
  readonly newId: () => OperationId
}

export class OpsLifecycleRegistry {
  readonly #options: RegistryOptions
  #waits = 0

  static {
    const { id, later, now, optional, count } = takes
    const ofOperation = later(id)
    const ended = later(id, optional(takes.operationEnd))
    takes.checkArguments(this, {
      register: later(takes.operation),
      started: ofOperation,
      progress: ofOperation,
      peerReady: ofOperation,
      complete: ended,
      fail: ended,
      cancel: ofOperation,
      abort: ofOperation,
      retireRequested: ofOperation,
      retired: ofOperation,
      rollbackUnreturned: ofOperation,
      terminateOwner: later(takes.words),
      snapshot: now(id),
      completions: now(count),
      advanceCursor: later(takes.oneOf('agentApplied', 'runtimeObserved', 'runtimeInjected'), count),
      watch: later(id, optional(takes.aSignal)),
      waitAll: later(id, takes.ids, optional(takes.aSignal)),
    })
  }

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  /** Registers an operation; it is provisioning until `started`. Answers its id once that is durable. */
  async register(registration: Registration): Promise<OperationId> {
    const { title, maxConcurrent, handle, ...nature } = registration
    const id = this.#options.newId()
    await this.#mutate('RegisterOperation', id, tx =>
      registerOperation(tx, { ...nature, ...defined({ maxConcurrent }) }, { id, title, ...defined({ handle }) }),
    )
    return id
  }

  started(operationId: OperationId): Promise<void> {
    return this.#step('StartOperation', operationId)
  }
  progress(operationId: OperationId): Promise<void> {
    return this.#step('OperationProgress', operationId)
  }
  /** The child session can be reached as a peer. */
  peerReady(operationId: OperationId): Promise<void> {
    return this.#step('OperationPeerReady', operationId)
  }
  complete(operationId: OperationId, came: OperationCame = {}): Promise<void> {
    return this.#mutate('CompleteOperation', operationId, tx =>
      endOperation(tx, operationId, { outcome: 'completed', ...came }),
    )
  }
  fail(operationId: OperationId, came: OperationCame = {}): Promise<void> {
    return this.#mutate('FailOperation', operationId, tx =>
      endOperation(tx, operationId, { outcome: 'failed', ...came }),
    )
  }
  cancel(operationId: OperationId): Promise<void> {
    return this.#mutate('CancelOperation', operationId, tx => endOperation(tx, operationId, { outcome: 'cancelled' }))
  }
  /** Ends an operation that has not started. */
  abort(operationId: OperationId): Promise<void> {
    return this.#step('AbortOperation', operationId)
  }
  retireRequested(operationId: OperationId): Promise<void> {
    return this.#step('RequestOperationRetire', operationId)
  }
  retired(operationId: OperationId): Promise<void> {
    return this.#step('RetireOperation', operationId)
  }
  /** Takes back a registration whose id was never handed out. */
  rollbackUnreturned(operationId: OperationId): Promise<void> {
    return this.#step('RollbackUnreturnedOperation', operationId)
  }
  /** Ends all operations. */
  async terminateOwner(reason: string): Promise<void> {
    await this.#options.mutate(tx => tx.step({ type: 'TerminateOwnerOperations', reason }))
  }

  snapshot(operationId: OperationId): OperationEntry | undefined {
    return mapGet(this.#state.operations.entries, operationId)
  }
  /** The unfinished operations, and the newest ended ones. */
  list(): readonly OperationEntry[] {
    return [...mapValues(this.#state.operations.entries)]
  }
  /** The operations that ended after this number, in the order of their ends. */
  completions(after: number): readonly EndedOperation[] {
    return completionsAfter(this.#state.operations, after)
  }
  /** Completions up to this number can't be listed any more. */
  get droppedThrough(): number {
    return this.#state.operations.droppedThrough
  }
  get cursors(): OperationCursors {
    return this.#state.operations.cursors
  }
  /** A reader has read up to this number. It never falls, and never exceeds what has happened. */
  async advanceCursor(cursor: keyof OperationCursors, through: number): Promise<void> {
    await this.#options.mutate(tx => tx.step({ type: 'AdvanceOperationCursor', cursor, through }))
  }

  /** Resolves with how the operation ends. Throws `not-found` for an unknown one. */
  async watch(operationId: OperationId, signal?: AbortSignal): Promise<OperationTerminal> {
    // A reset ends the registration and the operation; the end is read from the session itself.
    const { live } = this.#options
    const look = (): OperationTerminal | undefined => {
      const entry = mapGet(live().state.operations.entries, operationId)
      if (entry === undefined) throw notFound(operationId)
      return isEnded(entry) ? entry.status : undefined
    }
    return this.#until(look, signal)
  }

  /**
   * Holds the run until all of these have ended, and then resolves. One wait at a time: a second one is
   * `wait-already-active`. Aborting the signal cancels the wait.
   */
  async waitAll(runId: RunId, operationIds: readonly OperationId[], signal?: AbortSignal): Promise<void> {
    const { operations } = this.#state
    if (new Set(operationIds).size !== operationIds.length) {
      throw new OpsLifecycleError('duplicate-wait-operation', 'an operation is named twice: name each once')
    }
    const unknown = operationIds.find(id => mapGet(operations.entries, id) === undefined)
    if (unknown !== undefined) throw notFound(unknown)
    const waitId = `${runId}/${++this.#waits}` as WaitId
    try {
      await this.#options.mutate(tx => tx.step({ type: 'WaitAllOperations', waitId, runId, operationIds }))
    } catch (error) {
      if (!(error instanceof KernelRejection) || operations.wait === undefined) throw error
      throw new OpsLifecycleError('wait-already-active', 'another wait is under way: one at a time')
    }
    try {
      const { live } = this.#options
      await this.#until(() => (live().state.operations.wait?.id === waitId ? undefined : true), signal)
    } catch (error) {
      await this.#options.mutate(tx => tx.try({ type: 'CancelWaitAll', waitId, runId }).ok)
      throw error
    }
  }

  get #state(): MeerkatState {
    return this.#options.state()
  }

  /** Looks again after every commit, until there is a result. */
  async #until<T>(look: () => T | undefined, signal: AbortSignal | undefined): Promise<T> {
    const found = look()
    if (found !== undefined) return found
    const answer = Promise.withResolvers<T>()
    const onAbort = (): void => answer.reject(signal?.reason)
    const off = this.#options.live().onCommit(() => {
      try {
        const value = look()
        if (value !== undefined) answer.resolve(value)
      } catch (error) {
        answer.reject(error)
      }
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted === true) onAbort()
    try {
      return await answer.promise
    } finally {
      off()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #step(type: Exclude<OperationAction, 'RegisterOperation'>, operationId: OperationId): Promise<void> {
    return this.#mutate(type, operationId, tx => tx.step({ type, operationId }))
  }

  /** A repetition that changes nothing counts as done; any other refusal has a kind. */
  async #mutate(type: OperationAction, operationId: OperationId, run: (tx: Transaction) => unknown): Promise<void> {
    try {
      await this.#options.mutate(run)
    } catch (error) {
      if (!(error instanceof KernelRejection)) throw error
      const state = this.#state
      const why = resolveOperationTransitionRejection(state, { type, operationId })
      if (why.idempotent) return
      const what =
        why.reason === 'max-concurrent-exceeded' ? `${state.operations.active} are unfinished` : `it is ${why.status}`
      const message = `${type} of operation ${operationId} was refused: ${why.reason} (${what})`
      throw new OpsLifecycleError(why.reason, message, why.status)
    }
  }
}

function notFound(operationId: OperationId): OpsLifecycleError {
  return new OpsLifecycleError('not-found', `there is no operation ${operationId}`, 'absent')
}
