/**
 * `AuthLeaseHandle`: what may be asked and said of credentials. It turns each method into one input of the machine of
 * that credential and holds no fact itself, least of all a secret.
 *
 * A method decides at once, over what this process knows. Where processes share a store, the store's word follows: what
 * another process did before stands, and what was said here after it is decided again. `stands` tells what came of it.
 *
 * Methods throw `DslTransitionError` where the machine refuses: `no-matching-transition` in a wrong phase, for a key that
 * nobody heard of, and behind a closed gate; `guard-rejected` where a condition is not met.
 */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import {
  type CredentialIntent,
  type CredentialUseAdmission,
  resolveCredentialUseAdmission,
} from '../kernel/auth/classify.ts'
import type { OAuthFlowId } from '../kernel/auth/flows/state.ts'
import { flowOf } from '../kernel/auth/flows/table.ts'
import type { AuthInput } from '../kernel/auth/inputs.ts'
import type { RefreshFailureObservation } from '../kernel/auth/lease/input.ts'
import type { AuthLeasePhase } from '../kernel/auth/lease/state.ts'
import { credentialOf, REFRESH_WINDOW_MS } from '../kernel/auth/lease/table.ts'
import type { AuthState } from '../kernel/auth/state.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import { mapEntries } from '../kernel/persistent-map.ts'
import type { Clock } from '../time.ts'
import { type AuthMachines, type LeaseKey, type LeaseReleasePermit, leaseKeyText } from './auth-machines.ts'
import { refuseUnreadable } from './unreadable.ts'

/** What is known of a credential. Times are ms since the epoch. */
export interface AuthLeaseSnapshot {
  /** Absent: nobody ever logged in, or the lease was released. */
  readonly phase?: Exclude<AuthLeasePhase, 'released'>
  readonly credentialPresent: boolean
  /** Absent: never, or no credential. */
  readonly expiresAt?: number
  /** Counts the credentials that were published. */
  readonly generation: number
  readonly credentialPublishedAt?: number
  /** Refreshes of this credential that failed. Absent: none. */
  readonly attempt?: number
}

/** What a change came to. */
export interface AuthLeaseTransition {
  readonly generation: number
  readonly credentialPublishedAt?: number
}

/** On which credential a refresh began: what `beginRefresh` answered. Its end is refused if another came meanwhile. */
interface OfRefresh {
  readonly generation?: number
}

export interface AuthLeaseHandleOptions {
  readonly machines: AuthMachines
  readonly clock: Clock
  /** The gate of whom this handle was given to: behind it nothing changes any more, and reads go on. */
  readonly gate?: { readonly closed: boolean }
}

export class AuthLeaseHandle {
  readonly #machines: AuthMachines
  readonly #clock: Clock
  readonly #gate: { readonly closed: boolean } | undefined

  constructor({ machines, clock, gate }: AuthLeaseHandleOptions) {
    this.#machines = machines
    this.#clock = clock
    this.#gate = gate
  }

  /** There is a new credential. Without `expiresAt` it never expires. */
  acquireLease(key: LeaseKey, expiresAt?: number): AuthLeaseTransition {
    return this.#apply(key, { type: 'Acquire', publishedAt: this.#clock.now(), ...time('expiresAt', expiresAt) })
  }

  /** The credential is to be refreshed soon. */
  markExpiring(key: LeaseKey): AuthLeaseTransition {
    return this.#apply(key, { type: 'MarkExpiring' })
  }

  /** Has the machine look at the clock: what is about to expire becomes `expiring`, what has expired `expired`. */
  observeCredentialFreshness(key: LeaseKey, windowMs: number = REFRESH_WINDOW_MS): AuthLeaseTransition {
    return this.#apply(key, { type: 'ObserveCredentialFreshness', now: this.#clock.now(), windowMs })
  }

  /** Whether the credential may be used so now, and if not, what is missing. Looks at the clock first. */
  resolveCredentialUse(key: LeaseKey, intent: CredentialIntent): CredentialUseAdmission {
    this.observeCredentialFreshness(key)
    return resolveCredentialUseAdmission(this.#machines.stateOf(key).lease, intent)
  }

  /** Takes the refresh upon oneself. While one is under way another is refused as `no-matching-transition`. */
  beginRefresh(key: LeaseKey): AuthLeaseTransition {
    return this.#apply(key, { type: 'BeginRefresh' })
  }

  /** The refresh brought a new credential; one that has expired already is refused. */
  completeRefresh(key: LeaseKey, newExpiresAt?: number, refresh: OfRefresh = {}): AuthLeaseTransition {
    const now = this.#clock.now()
    const { generation } = refresh
    return this.#apply(key, {
      type: 'CompleteRefresh',
      now,
      ...time('expiresAt', newExpiresAt),
      ...defined({ generation }),
    })
  }

  /** The refresh failed. The machine decides whether it may be tried again or a new login is needed. */
  refreshFailed(
    key: LeaseKey,
    observation: RefreshFailureObservation,
    refresh: OfRefresh = {},
  ): AuthLeaseTransition & { readonly phase: AuthLeasePhase } {
    const { generation } = refresh
    const transition = this.#apply(key, { type: 'RefreshFailed', observation, ...defined({ generation }) })
    return { ...transition, phase: this.#machines.stateOf(key).lease.phase }
  }

  markReauthRequired(key: LeaseKey): AuthLeaseTransition {
    return this.#apply(key, { type: 'MarkReauthRequired' })
  }

  /** The credential is gone, and a new login is wanted. */
  clearCredentialLifecycle(key: LeaseKey): AuthLeaseTransition {
    return this.#apply(key, { type: 'ClearCredentialLifecycle' })
  }

  /** The credential is gone, and the lease with it unless logins are under way; those go on. */
  releaseCredentialLifecycle(key: LeaseKey): AuthLeaseTransition {
    return this.#apply(key, { type: 'ReleaseCredentialLifecycle' })
  }

  /**
   * Lets go of the credential and of every login under way for it. If a login can't be given up, it throws and the lease
   * stays in release: repeat it. A new credential that comes meanwhile calls the release off, which is then refused.
   */
  async releaseLease(key: LeaseKey): Promise<AuthLeaseTransition> {
    this.#requireOpen(key, 'Release')
    await this.#machines.synchronise(key)
    const permits: LeaseReleasePermit[] = []
    try {
      for (const observer of this.#machines.releaseObservers) permits.push(await observer.permit(key))
      const transition = await this.#release(key, permits)
      await this.#machines.stands(key)
      return transition
    } finally {
      for (const permit of permits) permit.end()
    }
  }

  /**
   * Puts back what `snapshot` answered, after a login or the publication of a refresh came to nothing, or in a new
   * process. The generation never falls, and a refresh that was under way is not taken up. A snapshot without a credential
   * is passed over; answers whether there was one.
   */
  restoreAuthLifecycleSnapshot(key: LeaseKey, snapshot: AuthLeaseSnapshot): boolean {
    const { phase, credentialPresent, expiresAt, credentialPublishedAt, generation, attempt = 0 } = snapshot
    if (!credentialPresent || phase === undefined || credentialPublishedAt === undefined) return false
    const publishedAt = credentialPublishedAt
    requireWhole('generation', generation, 1)
    requireWhole('attempt', attempt, 0)
    time('credentialPublishedAt', publishedAt)
    const credential = { publishedAt, ...time('expiresAt', expiresAt) }
    this.#apply(key, { type: 'RestoreCredentialLifecycle', captured: { phase, credential, generation, attempt } })
    return true
  }

  /** How the credential stands. Open behind a closed gate, too. */
  snapshot(key: LeaseKey): AuthLeaseSnapshot {
    const { lease } = this.#machines.stateOf(key)
    const credential = credentialOf(lease)
    const { generation } = lease
    const attempt = 'attempt' in lease && lease.attempt > 0 ? lease.attempt : undefined
    return {
      credentialPresent: credential !== undefined,
      generation,
      ...(lease.phase !== 'released' && { phase: lease.phase }),
      ...defined({ expiresAt: credential?.expiresAt, credentialPublishedAt: credential?.publishedAt, attempt }),
    }
  }

  /**
   * Whether what was said last stands, once the store has it: false where another process was first. Absent where no
   * store is shared. Rejects where the store does not answer; what was said is told again then.
   */
  stands(key: LeaseKey): Promise<boolean> | undefined {
    return this.#machines.stands(key)
  }

  /** The version of the store's entry, which rises with every change in any process; absent where no store is shared. */
  version(key: LeaseKey): number | undefined {
    return this.#machines.version(key)
  }

  /** Whether other processes may know more of the credentials than this one. */
  get isShared(): boolean {
    return this.#machines.isShared
  }

  /** Has this process know what the store says. Answers whether another process refreshes the credential now. */
  synchronise(key: LeaseKey): Promise<boolean> {
    return this.#machines.synchronise(key)
  }

  /** Tells of each transition of this lease in the moment it happened. Returns the way to have it forgotten. */
  observeTransitions(key: LeaseKey, hear: () => void): () => void {
    return this.#machines.observeTransitions(key, hear)
  }

  async #release(key: LeaseKey, permits: readonly LeaseReleasePermit[]): Promise<AuthLeaseTransition> {
    const isHeld = (): boolean => this.#machines.stateOf(key).lease.phase !== 'released'
    if (isHeld()) this.#apply(key, { type: 'BeginRelease' })
    const flowIds = new Set<OAuthFlowId>(flowIdsOf(this.#machines.stateOf(key)))
    for (const permit of permits) for (const flowId of await permit.flows()) flowIds.add(flowId)
    for (const permit of permits) await permit.prune([...flowIds])
    const state = this.#machines.stateOf(key)
    for (const flowId of flowIds) {
      if (flowOf(state, { flowId }, 'browser')) this.#apply(key, { type: 'ExpireOAuthBrowserFlow', flowId })
      if (flowOf(state, { flowId }, 'device')) this.#apply(key, { type: 'ExpireOAuthDeviceFlow', flowId })
    }
    return isHeld() ? this.#apply(key, { type: 'Release' }) : transitionOf(this.#machines.stateOf(key))
  }

  #apply(key: LeaseKey, input: AuthInput): AuthLeaseTransition {
    const bindingKey = this.#requireOpen(key, input.type)
    const result = this.#machines.apply(key, input)
    if (!result.ok) throw new DslTransitionError({ ...result, context: `${result.context} of ${bindingKey}` })
    return transitionOf(result.state)
  }

  /** The key as text, if changes are still taken. */
  #requireOpen(key: LeaseKey, what: AuthInput['type']): string {
    const bindingKey = leaseKeyText(key)
    if (this.#gate?.closed !== true) return bindingKey
    throw new DslTransitionError({
      context: `auth/${what} of ${bindingKey}`,
      kind: 'no-matching-transition',
      reason: 'the handle is closed by teardown',
    })
  }
}
refuseUnreadable(AuthLeaseHandle)

function transitionOf({ lease }: AuthState): AuthLeaseTransition {
  return { generation: lease.generation, ...defined({ credentialPublishedAt: credentialOf(lease)?.publishedAt }) }
}

function flowIdsOf({ flows }: AuthState): readonly OAuthFlowId[] {
  return [...mapEntries(flows.entries)].map(([id]) => id)
}

/** The time as a field, if there is one. */
function time<Field extends string>(field: Field, value: number | undefined): { readonly [F in Field]?: number } {
  if (value === undefined) return {}
  if (!Number.isFinite(value)) {
    throw new MeerkatError('invalid-params', `${field} has to be a time in ms since the epoch, not ${value}`, {
      details: { field },
    })
  }
  return { [field]: value } as { readonly [F in Field]?: number }
}

function requireWhole(field: string, value: number, atLeast: number): void {
  if (Number.isSafeInteger(value) && value >= atLeast) return
  throw new MeerkatError('invalid-params', `${field} has to be a whole number of ${atLeast} or more, not ${value}`, {
    details: { field },
  })
}
