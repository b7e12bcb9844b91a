/**
 * One credential as this process knows it, and how that follows the store's entry.
 *
 * 1. An input is decided at once over the copy here, and then over the store's entry, in the order of the inputs. Where
 *    another process was faster, it is decided again, and dropped if it is refused then.
 * 2. The process that refreshes holds the entry. The end of a refresh is only taken from the holder, so a process that
 *    was replaced comes too late; a refresh whose holder died has failed.
 * 3. What the store could not take is kept, and sent again.
 *
 * Logins under way are not part of it: they have an entry of their own. Without a registry the copy is all there is.
 */
import { MeerkatError } from '../errors.ts'
import { errorOf, messageOf } from '../foreign.ts'
import type { AuthEffect } from '../kernel/auth/effects.ts'
import { decodeAuthState, encodeAuthState } from '../kernel/auth/encode.ts'
import type { AuthInput } from '../kernel/auth/inputs.ts'
import type { Lease } from '../kernel/auth/lease/state.ts'
import { auth } from '../kernel/auth/machine.ts'
import type { AuthState } from '../kernel/auth/state.ts'
import { MachineAuthority } from '../kernel/authority.ts'
import type { StepResult } from '../kernel/step.ts'
import type { RegistryEntry } from '../store/registry.ts'
import { MAX_TRIES, outrun, type SharedRegistry } from '../store/sharing.ts'

interface Said {
  readonly input: AuthInput
  /** The generation of the credential when the input was decided here. */
  readonly generation: number
  /** Whether it stands, once the store has decided. */
  readonly heard: PromiseWithResolvers<boolean>
}

interface Decided {
  readonly state: AuthState
  /** For each input, whether it stands. */
  readonly stands: readonly boolean[]
  /** Whether this process is refreshing. */
  readonly mine: boolean
}

export class CredentialCopy {
  readonly #key: string
  readonly #shared: SharedRegistry | undefined
  /** Called when another process's change altered the copy. */
  readonly #changed: () => void
  readonly #authority = new MachineAuthority(auth)
  /** Inputs that the store does not have yet, and the copy before the first of them. */
  #said: Said[] = []
  #before: AuthState = auth.initial
  #entry: RegistryEntry | undefined
  #telling: Promise<void> | undefined
  /** Why the store could not be written. */
  #trouble: Error | undefined

  constructor(key: string, shared: SharedRegistry | undefined, changed: () => void) {
    this.#key = key
    this.#shared = shared
    this.#changed = changed
  }

  get state(): AuthState {
    return this.#authority.state
  }

  /** Whether another process is refreshing it, as far as this one knows. */
  get isRefreshedElsewhere(): boolean {
    const holder = this.#entry?.holder
    return this.state.lease.phase === 'refreshing' && holder?.alive === true && holder.owner !== this.#shared?.owner
  }

  /** Rises with every change of the entry by any process; undefined without a registry. */
  get version(): number | undefined {
    return this.#entry?.version
  }

  apply(input: AuthInput): StepResult<AuthState, AuthEffect> {
    const before = this.state
    const result = this.#authority.apply(input)
    if (!result.ok || this.#shared === undefined) return result
    if (this.#said.length === 0) {
      if (result.state.lease === before.lease) return result
      this.#before = before
    }
    const heard = Promise.withResolvers<boolean>()
    heard.promise.catch(() => {})
    this.#said.push({ input, generation: before.lease.generation, heard })
    void this.tell()
    return result
  }

  /**
   * Whether the last input stands in the store; undefined without a registry. Rejects where the store can't be written
   * now.
   */
  stands(): Promise<boolean> | undefined {
    if (this.#shared === undefined) return undefined
    return this.#said.at(-1)?.heard.promise ?? Promise.resolve(true)
  }

  /** Reads the store's entry. */
  async synchronise(): Promise<void> {
    if (this.#shared === undefined) return
    if (this.#said.length > 0) {
      await this.tell()
      if (this.#trouble !== undefined) throw this.#trouble
    }
    const entry = await this.#shared.registry.entry(this.#key)
    if (entry !== undefined) this.see(entry)
  }

  /** Takes an entry that the store has just answered. */
  see(entry: RegistryEntry): void {
    if (this.#said.length > 0) void this.tell()
    else if (entry.version >= (this.#entry?.version ?? 0)) this.#adopt(entry, this.#decide(entry, this.state, []).state)
  }

  /** Writes to the store what it does not have yet. Callers that wait for it get the failure. */
  tell(): Promise<void> {
    this.#telling ??= Promise.resolve().then(() => this.#tellAll())
    return this.#telling
  }

  close(): void {
    this.#authority.close()
  }

  async #tellAll(): Promise<void> {
    try {
      for (let inVain = 0; this.#shared !== undefined && this.#said.length > 0; ) {
        if (inVain === MAX_TRIES) throw outrun(this.#key)
        inVain = (await this.#tellOnce(this.#shared)) ? 0 : inVain + 1
      }
      this.#trouble = undefined
    } catch (error) {
      this.#trouble = errorOf(error)
      for (const { heard } of this.#said) heard.reject(error)
    }
    // Cleared with the last input written: the next input begins a new write.
    this.#telling = undefined
  }

  /** False where another process wrote in between: everything is decided again over its entry. */
  async #tellOnce({ registry, owner }: SharedRegistry): Promise<boolean> {
    const said = [...this.#said]
    const entry = await registry.entry(this.#key)
    const { state, stands, mine } = this.#decide(entry, this.#before, said)
    const next = { body: encoded(state), ...(mine && { owner }) }
    let version: number | undefined = entry?.version ?? 0
    if (next.body !== entry?.body || mine !== (entry.holder?.owner === owner)) {
      version = await registry.swap(this.#key, version, next)
      if (version === undefined) return false
    }
    this.#said = this.#said.slice(said.length)
    this.#before = state
    const holder = mine ? { holder: { owner, alive: true } } : {}
    this.#adopt({ key: this.#key, version, body: next.body, ...holder }, this.#after(state))
    for (const [place, { heard }] of said.entries()) heard.resolve(stands[place] === true)
    return true
  }

  /** Decides these inputs over the entry. Of `base` only what no entry has (logins) is used. */
  #decide(entry: RegistryEntry | undefined, base: AuthState, said: readonly Said[]): Decided {
    let state = withLease(base, leaseIn(entry))
    let mine = entry?.holder !== undefined && entry.holder.owner === this.#shared?.owner
    if (state.lease.phase === 'refreshing' && !mine && entry?.holder?.alive !== true) {
      state = stepped(state, { type: 'RefreshFailed', observation: {} }) ?? state
    }
    const stands = said.map(({ input, generation }) => {
      if (endsRefresh(input) && !mine) return false
      // The credential was replaced meanwhile: this refresh has no purpose any more.
      if (input.type === 'BeginRefresh' && generation !== state.lease.generation) return false
      const after = stepped(state, input)
      if (after === undefined) return false
      state = after
      mine = state.lease.phase === 'refreshing' && (mine || input.type === 'BeginRefresh')
      return true
    })
    return { state, stands, mine: mine && state.lease.phase === 'refreshing' }
  }

  /** The state after the inputs that the store does not have yet. */
  #after(state: AuthState): AuthState {
    return this.#said.reduce((now, { input }) => stepped(now, input) ?? now, state)
  }

  #adopt(entry: RegistryEntry, state: AuthState): void {
    this.#entry = entry
    const before = this.state
    const isOther = encoded(before) !== encoded(state)
    if (this.#authority.restoreIfCurrent(before, state) && isOther) this.#changed()
  }
}

function leaseIn(entry: RegistryEntry | undefined): Lease {
  if (entry === undefined) return auth.initial.lease
  try {
    return decodeAuthState(entry.body).lease
  } catch (cause) {
    throw new MeerkatError('internal', `what the store has of ${entry.key} can't be read: ${messageOf(cause)}`, {
      cause,
    })
  }
}

function endsRefresh({ type }: AuthInput): boolean {
  return type === 'CompleteRefresh' || type === 'RefreshFailed'
}

function stepped(state: AuthState, input: AuthInput): AuthState | undefined {
  const result = auth.step(state, input)
  return result.ok ? result.state : undefined
}

/** Keeps a lease that another process released, while logins of it are still known here: they are about to end, too. */
function withLease(base: AuthState, lease: Lease): AuthState {
  if (lease.phase !== 'released' || base.flows.entries.size === 0) return { ...base, lease }
  return { ...base, lease: { phase: 'reauthRequired', generation: lease.generation, attempt: 0 } }
}

/** The facts without the logins. */
function encoded(state: AuthState): string {
  return encodeAuthState({ ...state, flows: auth.initial.flows })
}
