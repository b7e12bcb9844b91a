/** The comms drains of a machine's sessions, and which comms runtime takes in what peers send to them. */
import type { CommsRuntimeId, MobId, SessionId } from '../kernel/ids.ts'
import type { DrainExitReason } from '../kernel/regions/drain/input.ts'
import type { DrainMode } from '../kernel/regions/drain/state.ts'
import type { Clock } from '../time.ts'
import * as takes from './arguments.ts'
import type { DrainTask } from './drain-slot.ts'
import type { Entries } from './entries.ts'
import { validated } from './errors.ts'

/** The default limit of `wait`. */
const WAIT_MS = 30_000

export class MachineDrains {
  readonly #entries: Entries
  readonly #clock: Clock

  static {
    const { id, later, now, optional, oneOf } = takes
    const reasons = oneOf('IdleTimeout', 'Dismissed', 'Failed', 'Aborted', 'SessionShutdown')
    takes.checkArguments(this, {
      spawn: later(id, oneOf('Timed', 'AttachedSession', 'PersistentHost'), takes.aFunction),
      abort: now(id),
      wait: later(id, optional(takes.limitMs)),
      notifyDrainExited: later(id, reasons),
      setPeerIngressContext: later(id, takes.flag),
      attachSessionIngress: later(id, id),
      attachMobIngress: later(id, id, id),
      detachIngress: later(id),
    })
  }

  constructor(entries: Entries, clock: Clock) {
    this.#entries = entries
    this.#clock = clock
  }

  /** Starts a session's drain; refused while one runs. */
  spawn(sessionId: SessionId, mode: DrainMode, task: DrainTask): Promise<void> {
    return validated('the drain', this.#entries.of(sessionId).drain.spawn(mode, task))
  }

  /** Tells a session's drain to stop; without one, nothing happens. */
  abort(sessionId: SessionId): void {
    this.#entries.of(sessionId).drain.abort()
  }

  abortAll(): void {
    for (const { drain } of this.#entries.all()) drain.abort()
  }

  /** Waits for a session's drain to end; answers whether it has within this time. */
  wait(sessionId: SessionId, limitMs: number = WAIT_MS): Promise<boolean> {
    return this.#entries.of(sessionId).drain.wait(this.#clock, limitMs)
  }

  /**
   * A drain that this machine did not start has ended. Answers whether it may be started again without a new reason.
   */
  notifyDrainExited(sessionId: SessionId, reason: DrainExitReason): Promise<boolean> {
    return validated('the end of a drain', this.#entries.of(sessionId).bindings.commsDrain.notifyDrainExited(reason))
  }

  /** Says whether the session goes on listening when it has nothing to do. */
  setPeerIngressContext(sessionId: SessionId, keepAlive: boolean): Promise<void> {
    const { peerComms } = this.#entries.of(sessionId).bindings
    return validated('the ingress context', peerComms.setPeerIngressContext(keepAlive))
  }

  /** The session takes in what peers send, through this comms runtime. */
  attachSessionIngress(sessionId: SessionId, commsRuntimeId: CommsRuntimeId): Promise<void> {
    const { authority } = this.#entries.of(sessionId)
    return validated('the ingress', authority.applyInput({ type: 'AttachSessionIngress', commsRuntimeId }))
  }

  /** A mob takes in what peers send, for the session. */
  attachMobIngress(sessionId: SessionId, commsRuntimeId: CommsRuntimeId, mobId: MobId): Promise<void> {
    const { authority } = this.#entries.of(sessionId)
    return validated('the ingress', authority.applyInput({ type: 'AttachMobIngress', commsRuntimeId, mobId }))
  }

  detachIngress(sessionId: SessionId): Promise<void> {
    return validated('the ingress', this.#entries.of(sessionId).authority.applyInput({ type: 'DetachIngress' }))
  }
}
