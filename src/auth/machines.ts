/**
 * The machines of all credentials that a process knows, one a credential, shared by all its handles and, through the
 * store's registry, by all processes of the store.
 *
 * There are no secrets here.
 */
import { MeerkatError } from '../errors.ts'
import type { AuthEffect } from '../kernel/auth/effects.ts'
import type { OAuthFlowId } from '../kernel/auth/flows/state.ts'
import type { AuthInput } from '../kernel/auth/inputs.ts'
import type { AuthLeasePhase } from '../kernel/auth/lease/state.ts'
import { auth } from '../kernel/auth/machine.ts'
import type { AuthState } from '../kernel/auth/state.ts'
import type { StepResult } from '../kernel/step.ts'
import { MAX_ID_CHARS } from '../names.ts'
import { aText, checkOptions, optional } from '../options.ts'
import type { SharedRegistry } from '../store/sharing.ts'
import { refuseUnreadable } from '../unreadable.ts'
import { CredentialCopy } from './credential-copy.ts'

/** Names a credential: a binding within a realm, and a profile where the binding has several logins. */
export interface LeaseKey {
  readonly realm: string
  readonly binding: string
  readonly profile?: string
}

const SLUG = /^[A-Za-z0-9._-]+$/

const KEY = { realm: aText, binding: aText, profile: optional(aText) }

/** The key as text, `realm:binding` or `realm:binding:profile`. Throws `invalid-params` where a part is no slug. */
export function leaseKeyText(key: LeaseKey): string {
  checkOptions('the binding of a credential', key, KEY)
  const { realm, binding, profile } = key
  const parts = profile === undefined ? { realm, binding } : { realm, binding, profile }
  for (const [name, part] of Object.entries(parts)) {
    if (SLUG.test(part)) continue
    throw new MeerkatError(
      'invalid-params',
      `the ${name} of a credential's binding has to be of letters, digits, "-", "_" and ".", not ${JSON.stringify(part)}`,
      { details: { field: name } },
    )
  }
  const text = Object.values(parts).join(':')
  if (text.length <= MAX_ID_CHARS) return text
  throw new MeerkatError('invalid-params', `a credential's binding has at most ${MAX_ID_CHARS} characters`)
}

/** What is recorded of each transition, for audits of credentials. It names no account and no secret. */
export interface AuthAuditEntry {
  readonly bindingKey: string
  readonly action: AuthInput['type']
  readonly fromPhase: AuthLeasePhase
  readonly toPhase: AuthLeasePhase
}

/** Holds something that ends with a lease, such as logins under way. */
export interface LeaseReleaseObserver {
  /** Waits until nothing is under way that a release would interrupt; throws to refuse the release. */
  permit(key: LeaseKey): Promise<LeaseReleasePermit>
}

export interface LeaseReleasePermit {
  /** Every flow of the lease that it knows of, in the store or in memory. */
  flows(): Promise<readonly OAuthFlowId[]>
  /** Calls these flows off. If it throws, the release stops, and can be repeated. */
  prune(flowIds: readonly OAuthFlowId[]): Promise<void>
  /** The release has ended, in whatever way. */
  end(): void
}

export interface AuthMachinesOptions {
  /** The registry that the processes of a store share. Absent: the credentials are this process's alone. */
  readonly shared?: SharedRegistry
  /** Called after each transition of a lease. What it throws is ignored. */
  readonly audit?: (entry: AuthAuditEntry) => void
  /** Called when a refresh began that has to be performed. What it throws is ignored. */
  readonly wakeRefresh?: (bindingKey: string) => void
}

/** The prefix of the credentials' keys in the registry. */
const ENTRIES = 'credential:'

export class AuthMachines {
  readonly #options: AuthMachinesOptions
  readonly #copies = new Map<string, CredentialCopy>()
  readonly #observers = new Set<LeaseReleaseObserver>()
  readonly #listeners = new Map<string, Set<() => void>>()
  #closed = false

  constructor(options: AuthMachinesOptions = {}) {
    this.#options = options
  }

  /** The state of this credential; for an unknown key, that of a released one. */
  stateOf(key: LeaseKey): AuthState {
    return this.#copies.get(leaseKeyText(key))?.state ?? auth.initial
  }

  /** The states of all known credentials. */
  states(): readonly AuthState[] {
    return [...this.#copies.values()].map(({ state }) => state)
  }

  /** Takes one transition, or answers why it is refused. */
  apply(key: LeaseKey, input: AuthInput): StepResult<AuthState, AuthEffect> {
    const bindingKey = leaseKeyText(key)
    const known = this.#copies.get(bindingKey)
    const copy = known ?? this.#unknown(bindingKey)
    const result = copy.apply(input)
    if (!result.ok) return result
    // An input that changed nothing is no reason to remember its key.
    if (known === undefined && result.state !== auth.initial) this.#copies.set(bindingKey, copy)
    for (const effect of result.effects) this.#perform(bindingKey, effect)
    return result
  }

  get isShared(): boolean {
    return this.#options.shared !== undefined
  }

  /** Whether the last change of this credential stands in the store; undefined without a shared store. */
  stands(key: LeaseKey): Promise<boolean> | undefined {
    return this.#copies.get(leaseKeyText(key))?.stands()
  }

  /**
   * The version of this credential's entry in the store, as this process knows it; undefined without a shared store.
   */
  version(key: LeaseKey): number | undefined {
    return this.#copies.get(leaseKeyText(key))?.version
  }

  /** Reads the store's entry of this credential. Answers whether another process is refreshing it. */
  async synchronise(key: LeaseKey): Promise<boolean> {
    const bindingKey = leaseKeyText(key)
    const copy = this.#copies.get(bindingKey) ?? this.#unknown(bindingKey)
    await copy.synchronise()
    if (copy.state !== auth.initial && !this.#copies.has(bindingKey)) this.#copies.set(bindingKey, copy)
    return copy.isRefreshedElsewhere
  }

  /** Reads the store's entries of all credentials. */
  async look(): Promise<void> {
    const entries = (await this.#options.shared?.registry.entries(ENTRIES)) ?? []
    for (const entry of entries) {
      const bindingKey = entry.key.slice(ENTRIES.length)
      const copy = this.#copies.get(bindingKey) ?? this.#unknown(bindingKey)
      this.#copies.set(bindingKey, copy)
      // An entry that can't be read does not hold up the others: a caller that needs it gets the error.
      unharmed(() => copy.see(entry))
    }
    await this.writePending()
  }

  /** Sends the store every change that it does not have yet, as far as that is possible now. */
  async writePending(): Promise<void> {
    await Promise.all([...this.#copies.values()].map(copy => copy.tell()))
  }

  /** Calls back at each transition of this lease, when it happens. Returns a function that ends this. */
  observeTransitions(key: LeaseKey, hear: () => void): () => void {
    const bindingKey = leaseKeyText(key)
    const listeners = this.#listeners.get(bindingKey) ?? new Set()
    this.#listeners.set(bindingKey, listeners.add(hear))
    return () => {
      listeners.delete(hear)
      if (listeners.size === 0 && this.#listeners.get(bindingKey) === listeners) this.#listeners.delete(bindingKey)
    }
  }

  /** Asks this observer too before a lease is released. Returns a function that ends this. */
  observeReleases(observer: LeaseReleaseObserver): () => void {
    this.#observers.add(observer)
    return () => this.#observers.delete(observer)
  }

  get releaseObservers(): readonly LeaseReleaseObserver[] {
    return [...this.#observers]
  }

  /** Closes the gate of every credential, for good; reads go on. */
  close(): void {
    this.#closed = true
    for (const copy of this.#copies.values()) copy.close()
  }

  #unknown(bindingKey: string): CredentialCopy {
    const copy = new CredentialCopy(`${ENTRIES}${bindingKey}`, this.#options.shared, () => this.#tell(bindingKey))
    if (this.#closed) copy.close()
    return copy
  }

  #perform(bindingKey: string, effect: AuthEffect): void {
    const { audit, wakeRefresh } = this.#options
    if (effect.type === 'WakeRefreshLoop') unharmed(() => wakeRefresh?.(bindingKey))
    if (effect.type !== 'AuthLifecycleChanged') return
    const { action, fromPhase, toPhase } = effect
    unharmed(() => audit?.({ bindingKey, action, fromPhase, toPhase }))
    this.#tell(bindingKey)
  }

  #tell(bindingKey: string): void {
    // A listener may remove itself while it is called.
    for (const hear of this.#listeners.get(bindingKey) ?? []) unharmed(hear)
  }
}
refuseUnreadable(AuthMachines)

/** An observer that throws must not affect what it observes. */
function unharmed(tell: () => void): void {
  try {
    tell()
  } catch {
    // What it throws is ignored.
  }
}
