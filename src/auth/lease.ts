/**
 * `AuthLeaseHandle`: reads and changes the lifecycles of credentials. Each method becomes one input of that
 * credential's machine; the handle itself holds no fact, and no secret.
 *
 * A method decides at once, from what this process knows. Where processes share a store, the store decides afterwards:
 * what another process did before stands, and what was decided here is decided again after it. `stands` tells the
 * result.
 *
 * Methods throw `DslTransitionError` where the machine refuses: `no-matching-transition` in a wrong phase, for an
 * unknown key, and behind a closed gate; `guard-rejected` where a condition is not met.
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
import { refuseUnreadable } from '../unreadable.ts'
import { type AuthMachines, type LeaseKey, type LeaseReleasePermit, leaseKeyText } from './machines.ts'

/** What this process knows of a credential. Times are ms since the epoch. */
export interface AuthLeaseSnapshot {
  /** Absent: there was never a login, or the lease was released. */
  readonly phase?: Exclude<AuthLeasePhase, 'released'>
  readonly credentialPresent: boolean
  /** Absent: the credential never expires, or there is none. */
  readonly expiresAt?: number
  /** Counts the credentials published for this key. */
  readonly generation: number
  readonly credentialPublishedAt?: number
  /** How many refreshes of this credential failed. Absent: none. */
  readonly attempt?: number
}

/** The result of a change. */
export interface AuthLeaseTransition {
  readonly generation: number
  readonly credentialPublishedAt?: number
}

/**
 * The credential that a refresh is for, as `beginRefresh` answered it. The end of the refresh is refused if another
 * credential came meanwhile.
 */
interface OfRefresh {
  readonly generation?: number
}

export interface AuthLeaseHandleOptions {
  readonly machines: AuthMachines
  readonly clock: Clock
  /** The gate of the session that this handle belongs to: once closed, changes are refused, and reads go on. */
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

  /** Records a new credential. Without `expiresAt` it never expires. */
  acquireLease(key: LeaseKey, expiresAt?: number): AuthLeaseTransition {
    return this.#apply(key, { type: 'Acquire', publishedAt: this.#clock.now(), ...time('expiresAt', expiresAt) })
  }

  /** Records that the credential should be refreshed soon. */
  markExpiring(key: LeaseKey): AuthLeaseTransition {
    return this.#apply(key, { type: 'MarkExpiring' })
  }

  /** Compares the credential with the clock: one about to expire becomes `expiring`, one that has expired `expired`. */
  observeCredentialFreshness(key: LeaseKey, windowMs: number = REFRESH_WINDOW_MS): AuthLeaseTransition {
    return this.#apply(key, { type: 'ObserveCredentialFreshness', now: this.#clock.now(), windowMs })
  }

  /**
   * Whether the credential may be used for this intent now, and if not, what is missing. Compares it with the clock
   * first.
   */
  resolveCredentialUse(key: LeaseKey, intent: CredentialIntent): CredentialUseAdmission {
    this.observeCredentialFreshness(key)
    return resolveCredentialUseAdmission(this.#machines.stateOf(key).lease, intent)
  }

  /**
   * Begins a refresh, which the caller then performs. While another is under way, this throws `no-matching-transition`.
   */
  beginRefresh(key: LeaseKey): AuthLeaseTransition {
    return this.#apply(key, { type: 'BeginRefresh' })
  }

  /** Records the new credential that the refresh brought; one that has expired already is refused. */
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

  /** Records that the refresh failed. The machine decides whether it may be tried again or a login is needed. */
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

  /** Records that the credential is gone and a login is wanted. */
  clearCredentialLifecycle(key: LeaseKey): AuthLeaseTransition {
    return this.#apply(key, { type: 'ClearCredentialLifecycle' })
  }

  /** Records that the credential is gone, and ends the lease unless logins are under way; those go on. */
  releaseCredentialLifecycle(key: LeaseKey): AuthLeaseTransition {
    return this.#apply(key, { type: 'ReleaseCredentialLifecycle' })
  }

  /**
   * Releases the credential and calls off every login under way for it. If a login can't be called off, this throws,
   * and the lease stays in release: call it again. A new credential that comes meanwhile calls the release off, which
   * then throws.
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
   * Restores what `snapshot` answered: after a login or a published refresh failed, or in a new process. The generation
   * never falls, and a refresh that was under way is not resumed. A snapshot without a credential is ignored; answers
   * whether there was one.
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

  /** The present lifecycle of the credential; a closed gate does not refuse it. */
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
   * Whether the last change made here stands, once the store has decided: false where another process was first.
   * Undefined where no store is shared. Rejects where the store does not answer; the change is sent again later.
   */
  stands(key: LeaseKey): Promise<boolean> | undefined {
    return this.#machines.stands(key)
  }

  /**
   * The version of the store's entry, which rises with every change by any process; undefined where no store is shared.
   */
  version(key: LeaseKey): number | undefined {
    return this.#machines.version(key)
  }

  /** Whether other processes may change the credentials. */
  get isShared(): boolean {
    return this.#machines.isShared
  }

  /** Reads the store's entry. Answers whether another process is refreshing the credential. */
  synchronise(key: LeaseKey): Promise<boolean> {
    return this.#machines.synchronise(key)
  }

  /** Calls back at each transition of this lease, when it happens. Returns a function that ends this. */
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

  /** The key as text; throws behind a closed gate. */
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
