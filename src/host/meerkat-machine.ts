/**
 * `MeerkatMachine`: sessions as a host embeds them.
 *
 * A host registers sessions, serves each with an executor of its own, hands their agents typed handles, and routes
 * commands to them. Every decision is the kernel's; what is here keeps registrations, gates and executors together.
 */
import { defined } from '../defined.ts'
import type { SessionClaimHandle } from '../handles/session-claim.ts'
import type { InputId, RunId, RuntimeEpochId, SessionId } from '../kernel/ids.ts'
import { entryOf, type LedgerEntry, unfinishedInputs } from '../kernel/regions/ledger/state.ts'
import type { LifecyclePhase } from '../kernel/regions/lifecycle/state.ts'
import { phaseShown } from '../kernel/regions/lifecycle/state.ts'
import type { Core } from '../session/core.ts'
import { createRuntime } from '../session/create-runtime.ts'
import { insideOf } from '../session/inside.ts'
import type { RuntimeOptions } from '../session/options.ts'
import type { Runtime } from '../session/runtime.ts'
import type { LeaveOptions } from '../session/serving/leave.ts'
import { notRegistered, unlessLeaving } from '../session/serving/registration.ts'
import type { ExecutorClaim, MakeExecutor, Registrations } from '../session/serving/registrations.ts'
import type { ControlReport, InputView, ReceiptView } from '../session/views.ts'
import { endOf } from '../session/waiting.ts'
import type { SessionOptions } from '../store/records.ts'
import type { StoreSource } from '../store/store.ts'
import { type AcceptOutcome, accept, type HostInput, type InputCompletion } from './admission.ts'
import { checkArguments } from './arguments.ts'
import type { MachineAuth } from './auth.ts'
import { noBindings, type SessionRuntimeBindings } from './bindings.ts'
import { type CommandAnswer, type CommandParams, type MachineCommandName, runCommand } from './commands.ts'
import { MachineDrains } from './drains.ts'
import type { Entries, InterruptHandle } from './entries.ts'
import { validated } from './errors.ts'
import { type HostEvent, hostEvent } from './host-event.ts'
import { LiveChannels } from './live.ts'
import { machineArguments } from './machine-arguments.ts'
import { SessionModels } from './models.ts'
import type { OpsLifecycleRegistry } from './operations.ts'
import { type Parts, partsOver } from './parts.ts'
import type { Placement } from './placement.ts'
import { RealtimeAttachments } from './realtime.ts'
import type { RecoveryReport } from './recovery.ts'
import { type CompositionSignalDispatcher, SessionSeam } from './seam.ts'
import type { SessionExecutor } from './session-port.ts'
import { HostSteps } from './steps.ts'

export type MachineCommandParams<Name extends MachineCommandName> = CommandParams<MeerkatMachine, Name>
export type MachineCommandAnswer<Name extends MachineCommandName> = CommandAnswer<MeerkatMachine, Name>

/** The options of a machine, besides its store: those of its runtime, with the executor of all other sessions. */
export type MachineOptions = Omit<RuntimeOptions, 'store' | 'takesFiles'>

/** The machine of each runtime. */
const machines = new WeakMap<Core, Promise<MeerkatMachine>>()

export class MeerkatMachine implements AsyncDisposable {
  /** Credentials, shared by all sessions. */
  readonly auth: MachineAuth
  /** Through it other machines reach the sessions here. */
  readonly seam: SessionSeam
  /** Comms drains, and which comms runtime takes in what peers send. */
  readonly drains: MachineDrains
  /** Bindings to providers' realtime transports. */
  readonly realtime: RealtimeAttachments
  /** Live channels, which clients hold. */
  readonly live: LiveChannels
  /** Which model each session has, and which tools it shows. */
  readonly models: SessionModels
  /** The machine's runtime under the library's names: `serve` of `meerkat-ts/server` takes it. */
  readonly runtime: Runtime
  readonly #core: Core
  readonly #entries: Entries
  readonly #identity: string
  readonly #claims: SessionClaimHandle
  readonly #registrations: Registrations
  readonly #steps: HostSteps

  static {
    checkArguments(this, machineArguments)
  }

  private constructor({ core, runtime, registrations, entries, identity, claims, auth }: Parts) {
    this.#core = core
    this.runtime = runtime
    this.#registrations = registrations
    this.#entries = entries
    this.#identity = identity
    this.#claims = claims
    this.auth = auth
    this.seam = new SessionSeam(entries, core)
    this.#steps = new HostSteps(core, entries)
    this.drains = new MachineDrains(entries, core.clock)
    this.realtime = new RealtimeAttachments(entries)
    this.live = new LiveChannels(entries, core.clock)
    const changed = (id: SessionId): Promise<void> => this.realtime.followModel(id)
    this.models = new SessionModels({ entries, clock: core.clock, changed })
    entries.onModel = id => void changed(id)
  }

  /**
   * The machine of a runtime: its sessions are reached by both, and through every surface of the runtime. A second call
   * answers the same machine; it is closed with the runtime.
   */
  static async over(runtime: Runtime): Promise<MeerkatMachine> {
    const { core } = insideOf(runtime)
    const known = machines.get(core) ?? partsOver(runtime).then(parts => new MeerkatMachine(parts))
    machines.set(core, known)
    // After a failure, the next call tries again.
    known.catch(() => machines.delete(core))
    return known
  }

  static async #opened(options: RuntimeOptions): Promise<MeerkatMachine> {
    const runtime = await createRuntime(options)
    try {
      return await MeerkatMachine.over(runtime)
    } catch (error) {
      await runtime.close()
      throw error
    }
  }

  /** Without a store: all its sessions end with the machine. */
  static async ephemeral(options: MachineOptions = {}): Promise<MeerkatMachine> {
    return MeerkatMachine.#opened(options)
  }

  /** On a store, which keeps files too. */
  static async persistent(store: StoreSource, options: MachineOptions = {}): Promise<MeerkatMachine> {
    return MeerkatMachine.#opened({ ...options, store })
  }

  /** On a store, for sessions of text alone: inputs with files are refused. */
  static async persistentWithoutBlobs(store: StoreSource, options: MachineOptions = {}): Promise<MeerkatMachine> {
    return MeerkatMachine.#opened({ ...options, store, takesFiles: false })
  }

  /** Whether its sessions outlast it. */
  hasRuntimePersistence(): boolean {
    return this.#core.isDurable
  }

  /** Whether both machines keep their sessions in one place: neither keeps any, or both use the same store. */
  sharesRuntimePersistenceWith(other: MeerkatMachine): boolean {
    if (this.hasRuntimePersistence() || other.hasRuntimePersistence()) return this.sharesRuntimeStoreAuthority(other)
    return true
  }

  /** Whether both machines use one store. */
  sharesRuntimeStoreAuthority(other: MeerkatMachine): boolean {
    return this.#core.isDurable && #identity in other && this.#identity === other.#identity
  }

  /** At most one comms identity a session. */
  sessionClaimHandle(): SessionClaimHandle {
    return this.#claims
  }

  /** Sets what tells other machines what became of a session's placement. Undefined: no signal is sent. */
  setCompositionSignalDispatcher(dispatcher: CompositionSignalDispatcher | undefined): void {
    this.seam.setDispatcher(dispatcher)
  }

  /** Registers a session; loads it where it exists. A second call does nothing; during a teardown it is refused. */
  async registerSession(sessionId: SessionId, options: SessionOptions = {}): Promise<void> {
    await this.#registrations.register(sessionId, options)
  }

  async setSessionSilentIntents(sessionId: SessionId, intents: readonly string[]): Promise<void> {
    await this.#steps.step(sessionId, { type: 'SetSilentIntents', sessionId, intents })
  }

  /** Registers a session with an executor. */
  registerSessionWithExecutor(sessionId: SessionId, executor: SessionExecutor): Promise<ExecutorClaim> {
    return this.ensureSessionWithExecutor(sessionId, () => executor)
  }

  /** Registers a session with an executor. `make` is called only where it has none, once however many callers ask. */
  async ensureSessionWithExecutor(sessionId: SessionId, make: MakeExecutor<SessionExecutor>): Promise<ExecutorClaim> {
    // The executor's port has the bindings of every registered session.
    const claim = await this.#registrations.ensureExecutor(sessionId, make)
    const entry = this.#entries.peek(sessionId)
    if (entry !== undefined) entry.preparedInterrupt = undefined
    if (claim === 'Claimed') await this.realtime.followModel(sessionId)
    return claim
  }

  /** Sets what interrupts work of an executor that is not attached yet; it is dropped when the executor is attached. */
  installPreparedSessionInterruptHandle(sessionId: SessionId, handle: InterruptHandle): void {
    const entry = this.#entries.of(sessionId)
    if (entry.registration.service === undefined) entry.preparedInterrupt = handle
  }

  /**
   * Ends a registration in good order; false if there is none. The current run is asked to end at its boundary, and is
   * cut off after a grace; an answer that it gives by then counts.
   */
  unregisterSession(sessionId: SessionId, options: LeaveOptions = {}): Promise<boolean> {
    return this.#registrations.unregister(sessionId, options)
  }

  /** The same, if the session is still in this epoch: a late teardown does not end a newer registration. */
  unregisterSessionIfEpoch(
    sessionId: SessionId,
    epochId: RuntimeEpochId,
    options: LeaveOptions = {},
  ): Promise<boolean> {
    return this.#registrations.unregister(sessionId, { ...options, epochId })
  }

  containsSession(sessionId: SessionId): boolean {
    return this.#registrations.has(sessionId)
  }

  /** Whether it has an executor of its own, or one is being attached. */
  sessionHasExecutor(sessionId: SessionId): boolean {
    return this.#registrations.hasExecutor(sessionId)
  }

  sessionHasComms(sessionId: SessionId): boolean {
    const ingress = this.#entries.peek(sessionId)?.authority.snapshotState().ingress
    return ingress !== undefined && ingress.phase !== 'unattached'
  }

  /**
   * Everything that an agent of this session needs. With `placement`, the session is placed there: in its present
   * epoch, unless the placement names one. Throws `RuntimeBindingsError`.
   */
  async prepareBindings(sessionId: SessionId, placement?: Placement): Promise<SessionRuntimeBindings> {
    try {
      await this.registerSession(sessionId)
      if (placement !== undefined) {
        const { epochId } = this.#steps.registered(sessionId).state.binding
        await this.#steps.step(sessionId, { type: 'PrepareBindings', sessionId, ...defined({ epochId }), ...placement })
      }
    } catch (error) {
      throw noBindings(sessionId, error)
    }
    return this.#entries.of(sessionId).bindings
  }

  /** The same for an agent in this process: no placement, and no signal of one. */
  async prepareLocalSessionBindings(sessionId: SessionId): Promise<SessionRuntimeBindings> {
    return this.prepareBindings(sessionId)
  }

  /** Offers an input; resolves when it is durably accepted. */
  async acceptInput(sessionId: SessionId, input: HostInput): Promise<AcceptOutcome> {
    const entry = this.#entries.of(sessionId)
    return unlessLeaving(entry.registration, accept(this.#core, entry, input))
  }

  /** Offers an input that waits until another one wakes the session. */
  acceptInputWithoutWake(sessionId: SessionId, input: HostInput): Promise<AcceptOutcome> {
    return this.acceptInput(sessionId, { ...input, withoutWake: true })
  }

  /** Lets waiting inputs run, each in its turn, apart from silent ones. Answers whether any input is unfinished. */
  async wakeRuntimeIfActiveInputs(sessionId: SessionId): Promise<boolean> {
    return this.#steps.act(sessionId, ({ driver }) =>
      driver.mutate(tx => tx.try({ type: 'WakeQueued' }).ok && tx.state.ledger.entries.size > 0),
    )
  }

  /** Offers an input, and answers a promise of its end. */
  async acceptInputWithCompletion(
    sessionId: SessionId,
    input: HostInput,
  ): Promise<AcceptOutcome & { readonly completion: Promise<InputCompletion> }> {
    const accepted = await this.acceptInput(sessionId, input)
    const completion = endOf(this.#core, sessionId, accepted.inputId, Number.POSITIVE_INFINITY, { outlasts: true })
    // A host may ignore the promise, also where the machine closes.
    completion.catch(() => {})
    return { ...accepted, completion }
  }

  /** Offers work that was routed to a placement of the session; refused for any other placement. */
  async ingest(
    sessionId: SessionId,
    work: Placement & { readonly workId: string; readonly origin: 'Tcp' | 'Uds' | 'Stdin' | 'Webhook' | 'Rpc' | 'Mob' },
    input: HostInput,
  ): Promise<AcceptOutcome> {
    await this.#steps.step(sessionId, { type: 'Ingest', sessionId, ...work })
    return this.acceptInput(sessionId, { idempotencyKey: work.workId, ...input })
  }

  /** Writes an event of the host's own to the session's log. */
  async publishEvent(sessionId: SessionId, event: HostEvent): Promise<void> {
    const record = hostEvent(event)
    await this.#steps.act(sessionId, ({ driver }) => driver.mutate(tx => tx.event(record)))
  }

  /** Cancels at the next boundary: the named run, or the one that is current for the kernel. */
  async cancelAfterBoundary(sessionId: SessionId, runId?: RunId): Promise<void> {
    await this.#steps.cancelAtBoundary(sessionId, runId)
  }

  /** Cancels now: the run, or the work that waits for a person. Answers whether there was any. Never undoes a success. */
  async hardCancelCurrentRun(sessionId: SessionId, runId?: RunId): Promise<boolean> {
    const entry = this.#entries.of(sessionId)
    const { cancelled } = await this.#steps.cancel(sessionId, runId, { when: 'now' })
    if (entry.registration.service === undefined) await entry.preparedInterrupt?.interrupt('cancelled')
    return cancelled
  }

  /** Takes the executor away from its session, once its current work has ended. */
  stopRuntimeExecutor(sessionId: SessionId): Promise<ControlReport> {
    return this.#steps.lifecycle(sessionId, 'stop')
  }
  retire(sessionId: SessionId): Promise<ControlReport> {
    return this.#steps.lifecycle(sessionId, 'retire')
  }
  recycle(sessionId: SessionId): Promise<ControlReport> {
    return this.#steps.lifecycle(sessionId, 'recycle')
  }
  reset(sessionId: SessionId): Promise<ControlReport> {
    return this.#steps.lifecycle(sessionId, 'reset')
  }
  resume(sessionId: SessionId): Promise<ControlReport> {
    return this.#steps.lifecycle(sessionId, 'resume')
  }
  destroy(sessionId: SessionId): Promise<ControlReport> {
    return this.#steps.lifecycle(sessionId, 'destroy')
  }

  /** Ends the conditions that the session's former process left, as a new process would. */
  recover(sessionId: SessionId): Promise<RecoveryReport> {
    return this.#steps.recover(sessionId)
  }

  /** The phase of the session. One that is not registered is reported as destroyed. */
  runtimeState(sessionId: SessionId): LifecyclePhase {
    return phaseShown(this.#steps.registered(sessionId).state.lifecycle)
  }

  /** An input that has not ended; afterwards, `input` tells how it ended. */
  inputState(sessionId: SessionId, inputId: InputId): LedgerEntry | undefined {
    return entryOf(this.#steps.registered(sessionId).state.ledger, inputId)
  }

  /** An input, also after its end. */
  input(
    sessionId: SessionId,
    by: { readonly inputId?: InputId; readonly idempotencyKey?: string },
  ): Promise<InputView> {
    return this.runtime.input(sessionId, by)
  }

  listActiveInputs(sessionId: SessionId): readonly LedgerEntry[] {
    return unfinishedInputs(this.#steps.registered(sessionId).state.ledger)
  }

  /** What a boundary of a run committed; undefined: there is none. Boundaries count from 1. */
  async loadBoundaryReceipt(sessionId: SessionId, runId: RunId, boundary: number): Promise<ReceiptView | undefined> {
    const { receipts } = await this.runtime.run(sessionId, runId)
    return receipts.find(receipt => receipt.boundary === boundary)
  }

  /** The session's background operations. */
  opsLifecycleRegistry(sessionId: SessionId): OpsLifecycleRegistry {
    const { opsLifecycle } = this.#entries.of(sessionId).bindings
    if (opsLifecycle === undefined) throw notRegistered(sessionId)
    return opsLifecycle
  }

  /**
   * Closes a run whose turn was driven to its end through handles: its waiters get the end. To have the conversation
   * written too, let the executor return its output instead.
   */
  async commitServiceTurnTerminalReceipt(sessionId: SessionId, runId: RunId): Promise<void> {
    const { turnState } = this.#entries.of(sessionId).bindings
    await validated('the end of the turn', turnState.acknowledgeTerminal(runId))
    this.#entries.live(sessionId).loop.sync()
  }

  /** Performs a command by its name. */
  command<Name extends MachineCommandName>(
    name: Name,
    params: MachineCommandParams<Name>,
  ): Promise<MachineCommandAnswer<Name>> {
    return runCommand(this, name, params)
  }

  /** Closes the runtime: gives every session back and closes the store. */
  close(): Promise<void> {
    return this.runtime.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
