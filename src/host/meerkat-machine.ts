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

/** What a machine is made with, besides its store: its runtime's options, the executor of all other sessions among them. */
export type MachineOptions = Omit<RuntimeOptions, 'store' | 'takesFiles'>

/** One machine a runtime. */
const machines = new WeakMap<Core, Promise<MeerkatMachine>>()

export class MeerkatMachine implements AsyncDisposable {
  /** Credentials, shared by all sessions. */
  readonly auth: MachineAuth
  /** How other machines reach the sessions here. */
  readonly seam: SessionSeam
  /** Comms drains, and who takes in what peers send. */
  readonly drains: MachineDrains
  /** Bindings to providers' realtime transports. */
  readonly realtime: RealtimeAttachments
  /** Channels that clients hold. */
  readonly live: LiveChannels
  /** Which models serve the sessions, and which tools they see. */
  readonly models: SessionModels
  /** The same runtime by the library's names: what `serve` of `meerkat-ts/server` takes. */
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

  private constructor({ core, runtime, registrations, entries, identity, shared, auth }: Parts) {
    this.#core = core
    this.runtime = runtime
    this.#registrations = registrations
    this.#entries = entries
    this.#identity = identity
    this.#claims = shared.claims
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
   * The machine of a runtime: its sessions are there by both names, and on every surface over the runtime. Asked again, it is
   * the same one; it goes with its runtime.
   */
  static async over(runtime: Runtime): Promise<MeerkatMachine> {
    const { core } = insideOf(runtime)
    const known = machines.get(core) ?? partsOver(runtime).then(parts => new MeerkatMachine(parts))
    machines.set(core, known)
    // What stood in its way need not stand in the way of the next one.
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

  /** Without a store: everything goes with the machine. */
  static async ephemeral(options: MachineOptions = {}): Promise<MeerkatMachine> {
    return MeerkatMachine.#opened(options)
  }

  /** Over a store, which keeps files, too. */
  static async persistent(store: StoreSource, options: MachineOptions = {}): Promise<MeerkatMachine> {
    return MeerkatMachine.#opened({ ...options, store })
  }

  /** Over a store, for sessions of text alone: inputs with files are refused. */
  static async persistentWithoutBlobs(store: StoreSource, options: MachineOptions = {}): Promise<MeerkatMachine> {
    return MeerkatMachine.#opened({ ...options, store, takesFiles: false })
  }

  /** Whether anything of it outlasts it. */
  hasRuntimePersistence(): boolean {
    return this.#core.isDurable
  }

  /** Whether both keep their sessions in one place: neither keeps any, or the same store. */
  sharesRuntimePersistenceWith(other: MeerkatMachine): boolean {
    if (this.hasRuntimePersistence() || other.hasRuntimePersistence()) return this.sharesRuntimeStoreAuthority(other)
    return true
  }

  /** Whether one store is the authority of both. */
  sharesRuntimeStoreAuthority(other: MeerkatMachine): boolean {
    return this.#core.isDurable && #identity in other && this.#identity === other.#identity
  }

  /** At most one comms identity a session. */
  sessionClaimHandle(): SessionClaimHandle {
    return this.#claims
  }

  /** Who tells other machines of what became of a session's placement. Absent: nobody is told. */
  setCompositionSignalDispatcher(dispatcher: CompositionSignalDispatcher | undefined): void {
    this.seam.setDispatcher(dispatcher)
  }

  /** Registers a session, loading it where it exists. Again is nothing; while it is torn down it is refused. */
  async registerSession(sessionId: SessionId, options: SessionOptions = {}): Promise<void> {
    await this.#registrations.register(sessionId, options)
  }

  async setSessionSilentIntents(sessionId: SessionId, intents: readonly string[]): Promise<void> {
    await this.#steps.step(sessionId, { type: 'SetSilentIntents', sessionId, intents })
  }

  /** Registers a session and has it served. */
  registerSessionWithExecutor(sessionId: SessionId, executor: SessionExecutor): Promise<ExecutorClaim> {
    return this.ensureSessionWithExecutor(sessionId, () => executor)
  }

  /** Has the session served: `make` is asked only where nothing serves it yet, once however many ask. */
  async ensureSessionWithExecutor(sessionId: SessionId, make: MakeExecutor<SessionExecutor>): Promise<ExecutorClaim> {
    // Its port has the bindings of every registered session.
    const claim = await this.#registrations.ensureExecutor(sessionId, make)
    const entry = this.#entries.peek(sessionId)
    if (entry !== undefined) entry.preparedInterrupt = undefined
    if (claim === 'Claimed') await this.realtime.followModel(sessionId)
    return claim
  }

  /** Stops what an executor that is not attached yet has begun; it goes with the attachment. */
  installPreparedSessionInterruptHandle(sessionId: SessionId, handle: InterruptHandle): void {
    const entry = this.#entries.of(sessionId)
    if (entry.registration.service === undefined) entry.preparedInterrupt = handle
  }

  /**
   * Ends a registration in good order; false if there is none. The run in progress is asked to end at its boundary, and
   * cut off after a grace; an answer that it comes to until then is one.
   */
  unregisterSession(sessionId: SessionId, options: LeaveOptions = {}): Promise<boolean> {
    return this.#registrations.unregister(sessionId, options)
  }

  /** The same, if the session is still in this epoch: a teardown that comes late leaves a new registration alone. */
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

  /** Whether it has an executor of its own; also while one is being attached. */
  sessionHasExecutor(sessionId: SessionId): boolean {
    return this.#registrations.hasExecutor(sessionId)
  }

  sessionHasComms(sessionId: SessionId): boolean {
    const ingress = this.#entries.peek(sessionId)?.authority.snapshotState().ingress
    return ingress !== undefined && ingress.phase !== 'unattached'
  }

  /**
   * Everything an agent of this session needs, and where it is placed if that is said: in the epoch that the session is
   * in, unless the placement names the one that it is for. Throws `RuntimeBindingsError`.
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

  /** The same for an agent in this process: nobody is told of a placement. */
  async prepareLocalSessionBindings(sessionId: SessionId): Promise<SessionRuntimeBindings> {
    return this.prepareBindings(sessionId)
  }

  /** Offers an input; resolves when it is durably accepted. */
  async acceptInput(sessionId: SessionId, input: HostInput): Promise<AcceptOutcome> {
    const entry = this.#entries.of(sessionId)
    return unlessLeaving(entry.registration, accept(this.#core, entry, input))
  }

  /** Offers an input that waits until something else wakes the session. */
  acceptInputWithoutWake(sessionId: SessionId, input: HostInput): Promise<AcceptOutcome> {
    return this.acceptInput(sessionId, { ...input, withoutWake: true })
  }

  /** Has what waits run, each in its turn, but for what is silenced. Answers whether anything is unfinished. */
  async wakeRuntimeIfActiveInputs(sessionId: SessionId): Promise<boolean> {
    return this.#steps.act(sessionId, ({ driver }) =>
      driver.mutate(tx => tx.try({ type: 'WakeQueued' }).ok && tx.state.ledger.entries.size > 0),
    )
  }

  /** Offers an input, and says how it ends. */
  async acceptInputWithCompletion(
    sessionId: SessionId,
    input: HostInput,
  ): Promise<AcceptOutcome & { readonly completion: Promise<InputCompletion> }> {
    const accepted = await this.acceptInput(sessionId, input)
    const completion = endOf(this.#core, sessionId, accepted.inputId, Number.POSITIVE_INFINITY, { outlasts: true })
    // A host that does not wait for it is not told that the machine went away either.
    completion.catch(() => {})
    return { ...accepted, completion }
  }

  /** Work that was routed to a placement of the session: refused for any other one. */
  async ingest(
    sessionId: SessionId,
    work: Placement & { readonly workId: string; readonly origin: 'Tcp' | 'Uds' | 'Stdin' | 'Webhook' | 'Rpc' | 'Mob' },
    input: HostInput,
  ): Promise<AcceptOutcome> {
    await this.#steps.step(sessionId, { type: 'Ingest', sessionId, ...work })
    return this.acceptInput(sessionId, { idempotencyKey: work.workId, ...input })
  }

  /** Writes an event of the host's own into the session's log, for whoever reads it. */
  async publishEvent(sessionId: SessionId, event: HostEvent): Promise<void> {
    const record = hostEvent(event)
    await this.#steps.act(sessionId, ({ driver }) => driver.mutate(tx => tx.event(record)))
  }

  /** Cancels the run at its next boundary: the named one, or the current one as the kernel sees it. */
  async cancelAfterBoundary(sessionId: SessionId, runId?: RunId): Promise<void> {
    await this.#steps.cancelAtBoundary(sessionId, runId)
  }

  /** Cancels now: the run, or the work that waits for a person. Answers whether there was any; a committed success stays one. */
  async hardCancelCurrentRun(sessionId: SessionId, runId?: RunId): Promise<boolean> {
    const entry = this.#entries.of(sessionId)
    const { cancelled } = await this.#steps.cancel(sessionId, runId, { when: 'now' })
    if (entry.registration.service === undefined) await entry.preparedInterrupt?.interrupt('cancelled')
    return cancelled
  }

  /** Takes an executor away from its session, at the end of what it is at. */
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

  /** Ends the conditions of whoever served the session before, as a new process would. */
  recover(sessionId: SessionId): Promise<RecoveryReport> {
    return this.#steps.recover(sessionId)
  }

  /** What the session is doing. A session that nobody registered is as good as destroyed. */
  runtimeState(sessionId: SessionId): LifecyclePhase {
    return phaseShown(this.#steps.registered(sessionId).state.lifecycle)
  }

  /** An input that has not ended; once it has, `input` tells how. */
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

  /** What a run's boundary committed, or undefined. Boundaries count from 1. */
  async loadBoundaryReceipt(sessionId: SessionId, runId: RunId, boundary: number): Promise<ReceiptView | undefined> {
    const { receipts } = await this.runtime.run(sessionId, runId)
    return receipts.find(receipt => receipt.boundary === boundary)
  }

  /** The session's asynchronous work. */
  opsLifecycleRegistry(sessionId: SessionId): OpsLifecycleRegistry {
    const { opsLifecycle } = this.#entries.of(sessionId).bindings
    if (opsLifecycle === undefined) throw notRegistered(sessionId)
    return opsLifecycle
  }

  /**
   * Closes a run whose turn was driven to its end by hand: its waiters hear how it ended. To have the conversation
   * written too, let the executor return its output instead.
   */
  async commitServiceTurnTerminalReceipt(sessionId: SessionId, runId: RunId): Promise<void> {
    const { turnState } = this.#entries.of(sessionId).bindings
    await validated('the end of the turn', turnState.acknowledgeTerminal(runId))
    this.#entries.live(sessionId).loop.sync()
  }

  /** Carries out a command by its name. */
  command<Name extends MachineCommandName>(
    name: Name,
    params: MachineCommandParams<Name>,
  ): Promise<MachineCommandAnswer<Name>> {
    return runCommand(this, name, params)
  }

  /** Gives every session back and closes the store: the runtime is closed. */
  close(): Promise<void> {
    return this.runtime.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
