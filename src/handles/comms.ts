/** How the comms runtime reports what peers send, and the state of the task that reads it. */
import type { PeerCorrelationId, PeerId } from '../kernel/ids.ts'
import type { CommsEffect } from '../kernel/regions/comms/effect.ts'
import type { PeerEnvelope, PeerIngressAuth } from '../kernel/regions/comms/input.ts'
import type { PeerIngressPhase } from '../kernel/regions/comms/state.ts'
import type { DrainExitReason } from '../kernel/regions/drain/input.ts'
import type { Drain, DrainMode } from '../kernel/regions/drain/state.ts'
import { refuseUnreadable } from '../unreadable.ts'
import type { HandleDslAuthority } from './dsl-authority.ts'
import { verdict } from './verdict.ts'

export type PeerIngressClassification = Omit<Extract<CommsEffect, { type: 'PeerIngressClassified' }>, 'type'>
export type PeerIngressReceiveVerdict = Omit<Extract<CommsEffect, { type: 'PeerIngressReceiveResolved' }>, 'type'>

/** The drain: the background task that takes envelopes out of the inbox. The host and the task report its state. */
export class CommsDrainHandle {
  readonly #authority: HandleDslAuthority

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
  }

  get state(): Drain {
    return this.#authority.snapshotState().drain
  }

  /** Asks for a drain task. Answers whether the caller has to start one, and then to call `spawnDrain`. */
  async ensureDrainRunning(): Promise<boolean> {
    const effects = await this.#authority.applySignalWithEffects({ type: 'EnsureDrainRunning' })
    return effects.some(({ type }) => type === 'SpawnDrainTask') && this.state.phase !== 'running'
  }
  spawnDrain(mode: DrainMode): Promise<void> {
    return this.#authority.applyInput({ type: 'SpawnDrain', mode })
  }
  stopDrain(): Promise<void> {
    return this.#authority.applyInput({ type: 'StopDrain' })
  }
  /** The task ended. Answers whether it may be started again without a new reason. */
  async notifyDrainExited(reason: DrainExitReason): Promise<boolean> {
    const effects = await this.#authority.applyInputWithEffects({ type: 'NotifyDrainExited', reason })
    return effects.some(effect => effect.type === 'DrainExited' && effect.respawnable)
  }
  /** The task ended for good, whatever its mode. */
  async drainExitedClean(): Promise<void> {
    await this.#authority.applyInput({ type: 'NotifyDrainExited', reason: 'Dismissed', respawnable: false })
  }
  /** The task ended and may be started again, whatever its mode. */
  async drainExitedRespawnable(): Promise<void> {
    await this.#authority.applyInput({ type: 'NotifyDrainExited', reason: 'Failed', respawnable: true })
  }
}
refuseUnreadable(CommsDrainHandle)

/** What peers send, judged by the session before anything acts on it. Undefined: it is to be dropped. */
export class PeerCommsHandle {
  readonly #authority: HandleDslAuthority

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
  }

  async classifyExternalEnvelope(facts: {
    readonly itemId: PeerCorrelationId
    readonly fromPeer: string
    readonly fromPeerId: PeerId
    readonly envelope: PeerEnvelope
  }): Promise<PeerIngressClassification> {
    const said = await this.#authority.applyInputWithEffects({ type: 'ClassifyExternalEnvelope', ...facts })
    return verdict(said, 'PeerIngressClassified')
  }

  async classifyPlainEvent(sourceName: string): Promise<PeerIngressClassification> {
    const said = await this.#authority.applyInputWithEffects({ type: 'ClassifyPlainEvent', sourceName })
    return verdict(said, 'PeerIngressClassified')
  }

  async resolvePeerIngressReceive(facts: {
    readonly kind: 'PlainEvent' | 'External'
    readonly auth: PeerIngressAuth
    readonly trusted: boolean
    readonly queuedWork: boolean
    readonly queue: 'open' | 'full' | 'closed'
  }): Promise<PeerIngressReceiveVerdict> {
    const said = await this.#authority.applyInputWithEffects({ type: 'ResolvePeerIngressReceive', ...facts })
    return verdict(said, 'PeerIngressReceiveResolved')
  }

  /** Answers what is known of the newest envelope after this one was taken out. */
  async resolvePeerIngressDequeue(facts: {
    readonly kind: 'PlainEvent' | 'External'
    readonly auth: PeerIngressAuth
    readonly queuedWork: boolean
  }): Promise<PeerIngressPhase> {
    const said = await this.#authority.applyInputWithEffects({ type: 'ResolvePeerIngressDequeue', ...facts })
    return verdict(said, 'PeerIngressDequeueResolved').phase
  }

  setPeerIngressContext(keepAlive: boolean): Promise<void> {
    return this.#authority.applyInput({ type: 'SetPeerIngressContext', keepAlive })
  }
}
refuseUnreadable(PeerCommsHandle)
