/**
 * The machines of all credentials a process knows of, one for each binding, shared by whoever has to do with them, and
 * by all processes of a store where they have its registry.
 *
 * Nothing here is a secret, and nothing here is ever given one.
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
import { CredentialCopy, type SharedRegistry } from './credential-copy.ts'
import { refuseUnreadable } from './unreadable.ts'

/** Which credential: a binding of a realm, or one of several logins for it. */
export interface LeaseKey {
  readonly realm: string
  readonly binding: string
  readonly profile?: string
}

const SLUG = /^[A-Za-z0-9._-]+$/

/** The key as text, `realm:binding` or `realm:binding:profile`. Throws `invalid-params` where a part is no slug. */
export function leaseKeyText({ realm, binding, profile }: LeaseKey): string {
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

/** What is kept of each transition, for those who watch over credentials. It names no account and no secret. */
export interface AuthAuditEntry {
  readonly bindingKey: string
  readonly action: AuthInput['type']
  readonly fromPhase: AuthLeasePhase
  readonly toPhase: AuthLeasePhase
}

/** Who holds something that ends with a lease. */
export interface LeaseReleaseObserver {
  /** Waits until nothing is under way that a release would tear; throws to refuse the release. */
  permit(key: LeaseKey): Promise<LeaseReleasePermit>
}

export interface LeaseReleasePermit {
  /** Every flow of the lease it knows of, on disk or in memory. */
  flows(): Promise<readonly OAuthFlowId[]>
  /** Gives up these flows. If it throws, the release stops and can be repeated. */
  prune(flowIds: readonly OAuthFlowId[]): Promise<void>
  /** The release is over, whatever came of it. */
  end(): void
}

export interface AuthMachinesOptions {
  /** What the processes of a store have in common. Absent: the credentials are this process's alone. */
  readonly shared?: SharedRegistry
  /** Told of each transition of a lease, after it happened. One that throws is not heard of. */
  readonly audit?: (entry: AuthAuditEntry) => void
  /** A refresh began, and somebody has to perform it. One that throws is not heard of. */
  readonly wakeRefresh?: (bindingKey: string) => void
}

/** Under which keys of a registry the credentials stand. */
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

  /** The state of this credential; that of a released one where nobody ever heard of it. */
  stateOf(key: LeaseKey): AuthState {
    return this.#copies.get(leaseKeyText(key))?.state ?? auth.initial
  }

  /** Every credential that was ever heard of. */
  states(): readonly AuthState[] {
    return [...this.#copies.values()].map(({ state }) => state)
  }

  /** One transition, or why not. */
  apply(key: LeaseKey, input: AuthInput): StepResult<AuthState, AuthEffect> {
    const bindingKey = leaseKeyText(key)
    const known = this.#copies.get(bindingKey)
    const copy = known ?? this.#unknown(bindingKey)
    const result = copy.apply(input)
    if (!result.ok) return result
    // A word that changed nothing is no reason to remember a key.
    if (known === undefined && result.state !== auth.initial) this.#copies.set(bindingKey, copy)
    for (const effect of result.effects) this.#perform(bindingKey, effect)
    return result
  }

  get isShared(): boolean {
    return this.#options.shared !== undefined
  }

  /** Whether what was said last of this credential stands in the store; absent where there is none. */
  stands(key: LeaseKey): Promise<boolean> | undefined {
    return this.#copies.get(leaseKeyText(key))?.stands()
  }

  /** Of the store's entry of this credential, as it is known here; absent where there is none. */
  version(key: LeaseKey): number | undefined {
    return this.#copies.get(leaseKeyText(key))?.version
  }

  /** Has this credential be what the store says. Answers whether another process refreshes it. */
  async synchronise(key: LeaseKey): Promise<boolean> {
    const bindingKey = leaseKeyText(key)
    const copy = this.#copies.get(bindingKey) ?? this.#unknown(bindingKey)
    await copy.synchronise()
    if (copy.state !== auth.initial && !this.#copies.has(bindingKey)) this.#copies.set(bindingKey, copy)
    return copy.isRefreshedElsewhere
  }

  /** Has every credential be what the store says. */
  async look(): Promise<void> {
    const entries = (await this.#options.shared?.registry.entries(ENTRIES)) ?? []
    for (const entry of entries) {
      const bindingKey = entry.key.slice(ENTRIES.length)
      const copy = this.#copies.get(bindingKey) ?? this.#unknown(bindingKey)
      this.#copies.set(bindingKey, copy)
      // One that can't be read keeps no other back: whoever asks for it hears why.
      unharmed(() => copy.see(entry))
    }
    await this.settle()
  }

  /** Tells the store what it was not told yet, as far as it can be told now. */
  async settle(): Promise<void> {
    await Promise.all([...this.#copies.values()].map(copy => copy.tell()))
  }

  /** Tells of each transition of this lease in the moment it happened. Returns the way to have it forgotten. */
  observeTransitions(key: LeaseKey, hear: () => void): () => void {
    const bindingKey = leaseKeyText(key)
    const listeners = this.#listeners.get(bindingKey) ?? new Set()
    this.#listeners.set(bindingKey, listeners.add(hear))
    return () => {
      listeners.delete(hear)
      if (listeners.size === 0 && this.#listeners.get(bindingKey) === listeners) this.#listeners.delete(bindingKey)
    }
  }

  /** Asks this one, too, before a lease is released. Returns the way to have it forgotten. */
  observeReleases(observer: LeaseReleaseObserver): () => void {
    this.#observers.add(observer)
    return () => this.#observers.delete(observer)
  }

  get releaseObservers(): readonly LeaseReleaseObserver[] {
    return [...this.#observers]
  }

  /** Closes the teardown gate of every credential, for good; reads go on. */
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
    // A listener may have itself forgotten while it hears.
    for (const hear of this.#listeners.get(bindingKey) ?? []) unharmed(hear)
  }
}
refuseUnreadable(AuthMachines)

/** Who watches must not harm what is watched. */
function unharmed(tell: () => void): void {
  try {
    tell()
  } catch {
    // Whoever is told has no say.
  }
}
