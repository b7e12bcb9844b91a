/**
 * Refreshes credentials: one refresh at a time for each lease, shared by all callers that ask for one meanwhile.
 *
 * 1. The machine decides whether a refresh may begin, also for a later caller. A caller that is refused because a
 *    refresh is under way waits for that one, and gets its token.
 * 2. A refresh ends by its deadline at the latest, and never leaves its lease `refreshing`. It ends at once when the
 *    lease is released, cleared or replaced by a login; then whatever it still brings is dropped.
 * 3. Its result goes to the lease first, and then to all callers that wait, the same to each.
 * 4. Of all processes of a store one refreshes at a time. The others wait for it, take over if it dies, and read the
 *    token that it stored; the late result of a process that was taken for dead is refused.
 *
 * It keeps no token beyond a refresh.
 */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import { errorOf } from '../foreign.ts'
import type { RefreshFailureObservation } from '../kernel/auth/lease/input.ts'
import type { AuthLeasePhase } from '../kernel/auth/lease/state.ts'
import { DslTransitionError } from '../kernel/authority.ts'
import { type Clock, Deadline } from '../time.ts'
import { refuseUnreadable } from '../unreadable.ts'
import type { AuthLeaseHandle } from './lease.ts'
import { type LeaseKey, leaseKeyText } from './machines.ts'

/** How long a refresh may take, ms. */
const REFRESH_MS = 30_000
/** How often this process looks at another one's refresh, in case no hint tells of its end, ms. */
const LOOK_EVERY_MS = 250

/** The result of asking for a new token. Without `expiresAt` (ms since the epoch) it never expires. */
export type CredentialRefreshOutcome<Token> =
  | { readonly ok: true; readonly token: Token; readonly expiresAt?: number }
  | { readonly ok: false; readonly observation: RefreshFailureObservation }

/**
 * Asks the provider for a new token and stores it. `generation` is the lease's when the refresh began. `fence` rises
 * with each refresh of the credential, also after one that failed or was taken over: a token must not replace one that
 * was stored with a higher fence. `signal` aborts when the token is not wanted any more. What it throws counts as a
 * failure that may pass, and is the `cause` of what the callers get, so it must not contain a secret.
 */
export type PerformCredentialRefresh<Token> = (given: {
  readonly generation: number
  readonly fence: number
  readonly signal: AbortSignal
}) => Promise<CredentialRefreshOutcome<Token>>

/**
 * Reads the token that another process got and stored, at this generation of the lease. Without it, or where it answers
 * undefined, callers that waited are told to read the token themselves.
 */
export type ReadRefreshedCredential<Token> = (given: { readonly generation: number }) => Promise<Token | undefined>

export interface AuthRefreshOptions {
  /** The process's own handle: behind a gate that closes, a lease could stay `refreshing`. */
  readonly leases: AuthLeaseHandle
  readonly clock: Clock
  /** ms; 30 s if absent. */
  readonly timeoutMs?: number
}

/** What a caller that wants a token passes along. */
interface Asked<Token> {
  readonly perform: PerformCredentialRefresh<Token>
  readonly read: ReadRefreshedCredential<Token> | undefined
}

interface Flight<Token> {
  /** Whether it looked at the store first, because this process may not know the newest state. */
  readonly looked: boolean
  readonly generation: number
  readonly token: Promise<Token>
}

export class AuthRefreshCoordinator<Token> {
  readonly #leases: AuthLeaseHandle
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #flights = new Map<string, Flight<Token>>()
  /** How many refreshes were performed without a shared store; they number the fences. */
  #performed = 0

  constructor({ leases, clock, timeoutMs = REFRESH_MS }: AuthRefreshOptions) {
    this.#leases = leases
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /**
   * A new token for this lease: from the refresh under way, else from one that begins now. A caller's own deadline ends
   * only its own wait. `read` gets the token where another process has refreshed meanwhile.
   *
   * Throws `unauthorized` where only a login helps (`details.reason` is `reauth-required` or `lease-absent`). Throws
   * `not-ready`, after which the caller may try again, where the refresh failed for now (`refresh-failed`), took too
   * long (`refresh-timeout`), was overtaken by a login (`overtaken`), was another process's and there is no `read`
   * (`refreshed-elsewhere`), or is performed without a coordinator (`refreshing-elsewhere`). Behind a closed gate it
   * throws what the lease's handle throws.
   */
  async refresh(
    key: LeaseKey,
    perform: PerformCredentialRefresh<Token>,
    deadline?: Deadline,
    read?: ReadRefreshedCredential<Token>,
  ): Promise<Token> {
    const token = this.#flight(key, { perform, read })
    return deadline === undefined ? token : withinOwn(token, deadline, leaseKeyText(key))
  }

  /** The token of the refresh that begins now, or of the one that is under way. */
  #flight(key: LeaseKey, asked: Asked<Token>): Promise<Token> {
    const known = this.#leases.snapshot(key)
    const admitted = this.#admitted(key)
    if (typeof admitted === 'number')
      return this.#share(key, { generation: admitted, looked: false }, () => this.#fly(key, admitted, asked))
    const flight = this.#flights.get(leaseKeyText(key))
    if (flight?.looked === true) return flight.token
    if (flight?.generation === known.generation && known.phase === 'refreshing') return flight.token
    // Without a shared store this process knows everything.
    if (!this.#leases.isShared) throw admitted ?? byHand(key)
    const since = known.phase === 'refreshing' ? known.generation : undefined
    return this.#share(key, { generation: known.generation, looked: true }, () => this.#fromStore(key, asked, since))
  }

  #share(key: LeaseKey, about: Omit<Flight<Token>, 'token'>, begin: () => Promise<Token>): Promise<Token> {
    const bindingKey = leaseKeyText(key)
    const token: Promise<Token> = begin().finally(() => {
      // The next refresh may have begun already, on the same credential after a failure.
      if (this.#flights.get(bindingKey)?.token === token) this.#flights.delete(bindingKey)
    })
    this.#flights.set(bindingKey, { ...about, token })
    return token
  }

  /** The generation at which a refresh began now; else the error, or undefined where a refresh is under way. */
  #admitted(key: LeaseKey): number | MeerkatError | undefined {
    try {
      return this.#leases.beginRefresh(key).generation
    } catch (error) {
      if (!(error instanceof DslTransitionError)) throw error
      const { phase } = this.#leases.snapshot(key)
      if (phase === 'refreshing') return undefined
      // In any other phase a refresh could begin, so the gate is closed.
      if (isLost(phase)) return refusal(key, phase, error)
      throw error
    }
  }

  /**
   * Waits for the refresh of another process, or takes it over where that process died. `since` is the generation that
   * was to be refreshed; undefined: not known yet.
   */
  async #fromStore(key: LeaseKey, asked: Asked<Token>, since?: number): Promise<Token> {
    const inTime = Deadline.in(this.#clock, this.#timeoutMs)
    for (let from = since; ; ) {
      const isElsewhere = await this.#leases.synchronise(key)
      const { phase, generation } = this.#leases.snapshot(key)
      from ??= generation
      if (phase !== 'refreshing') {
        if (generation > from && !isLost(phase)) return this.#refreshedElsewhere(key, generation, asked)
        const admitted = this.#admitted(key)
        if (admitted instanceof MeerkatError) throw admitted
        if (admitted !== undefined) return this.#fly(key, admitted, asked)
      } else if (!isElsewhere) throw byHand(key)
      if (inTime.passed) throw notNow(key, 'refresh-timeout', 'is still refreshed by another process')
      await this.#change(key)
    }
  }

  /** The token that another process stored. Reading it is the host's code, and may take no longer than a refresh. */
  async #refreshedElsewhere(key: LeaseKey, generation: number, { read }: Asked<Token>): Promise<Token> {
    const late = Promise.withResolvers<undefined>()
    const inTime = this.#clock.after(this.#timeoutMs, () => late.resolve(undefined))
    let cause: unknown
    try {
      const token = await Promise.race([read?.({ generation }), late.promise])
      if (token !== undefined) return token
    } catch (thrown) {
      cause = errorOf(thrown)
      if (cause instanceof MeerkatError) throw cause
    } finally {
      inTime()
    }
    const what = 'was refreshed by another process; read the token that it kept, or'
    throw notNow(key, 'refreshed-elsewhere', what, { cause })
  }

  /** Waits until the lease changes, or some time has passed. */
  async #change(key: LeaseKey): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const ends = [this.#leases.observeTransitions(key, resolve), this.#clock.after(LOOK_EVERY_MS, resolve)]
    await promise
    for (const end of ends) end()
  }

  async #fly(key: LeaseKey, generation: number, asked: Asked<Token>): Promise<Token> {
    const first = this.#leases.stands(key)
    if (first !== undefined && !(await this.#isFirst(key, generation, first))) {
      return this.#fromStore(key, asked, generation)
    }
    const call = this.#call(key, generation)
    let outcome: CredentialRefreshOutcome<Token> | Thrown
    try {
      this.#performed++
      const fence = this.#leases.version(key) ?? this.#performed
      outcome = sound(await Promise.race([call.ended, asked.perform({ generation, fence, signal: call.signal })]))
    } catch (error) {
      outcome = { thrown: errorOf(error) }
    } finally {
      call.end()
    }
    // The refresh is over, so its result is dropped: the lease may be in another refresh of the same credential.
    if (call.lost !== undefined) throw call.lost
    if (!('thrown' in outcome)) {
      return outcome.ok ? this.#published(key, generation, outcome) : this.#failed(key, generation, outcome.observation)
    }
    this.#leases.refreshFailed(key, {}, { generation })
    if (outcome.thrown instanceof MeerkatError) throw outcome.thrown
    throw notNow(key, 'refresh-failed', 'could not be refreshed', { cause: outcome.thrown })
  }

  /**
   * Whether the store lets this process be the one that refreshes. Without an answer from the store, the refresh has
   * failed.
   */
  async #isFirst(key: LeaseKey, generation: number, first: Promise<boolean>): Promise<boolean> {
    let isFirst: boolean
    try {
      isFirst = await first
    } catch (error) {
      if (this.#leases.snapshot(key).phase === 'refreshing') this.#leases.refreshFailed(key, {}, { generation })
      throw error
    }
    const { phase, generation: now } = this.#leases.snapshot(key)
    if (isFirst && (phase !== 'refreshing' || now !== generation)) throw overtaken(key, phase)
    return isFirst
  }

  /** The wait for a token: until its deadline, and while the lease is in this very refresh. */
  #call(key: LeaseKey, generation: number): Call {
    const aborting = new AbortController()
    const { promise: ended, reject } = Promise.withResolvers<never>()
    // If the host's code throws at once, the wait for `ended` never begins.
    ended.catch(() => {})
    const abort = (error: MeerkatError): MeerkatError => {
      reject(error)
      aborting.abort()
      return error
    }
    const inTime = this.#clock.after(this.#timeoutMs, () => {
      abort(notNow(key, 'refresh-timeout', `was not refreshed within ${this.#timeoutMs} ms`))
    })
    const call: Call = {
      signal: aborting.signal,
      ended,
      lost: undefined,
      end: () => {
        inTime()
        unheard()
      },
    }
    const unheard = this.#leases.observeTransitions(key, () => {
      const { phase, generation: now } = this.#leases.snapshot(key)
      if (phase !== 'refreshing' || now !== generation) call.lost ??= abort(overtaken(key, phase))
    })
    return call
  }

  async #published(key: LeaseKey, generation: number, { token, expiresAt }: Refreshed<Token>): Promise<Token> {
    try {
      this.#leases.completeRefresh(key, expiresAt, { generation })
    } catch (error) {
      // The token can't be used: it has expired, or its expiry is not a time.
      return this.#failed(key, generation, {}, error)
    }
    if ((await this.#leases.stands(key)) === false) throw overtaken(key, this.#leases.snapshot(key).phase)
    return token
  }

  #failed(key: LeaseKey, generation: number, observation: RefreshFailureObservation, cause?: unknown): never {
    const { phase } = this.#leases.refreshFailed(key, observation, { generation })
    if (isLost(phase)) throw refusal(key, phase, cause, observation)
    throw notNow(key, 'refresh-failed', 'could not be refreshed', { cause, observation })
  }
}
refuseUnreadable(AuthRefreshCoordinator)

/** The host's code may be untyped, so its answer is checked. */
function sound<Token>(outcome: CredentialRefreshOutcome<Token>): CredentialRefreshOutcome<Token> {
  const given = outcome as Partial<Record<'ok' | 'observation', unknown>> | null | undefined
  if (
    given?.ok === true ||
    (given?.ok === false && typeof given.observation === 'object' && given.observation !== null)
  )
    return outcome
  throw new TypeError('a refresh has to answer { ok: true, token } or { ok: false, observation }')
}

interface Thrown {
  readonly thrown: unknown
}

interface Call {
  readonly signal: AbortSignal
  /** Rejects when waiting is of no use any more. */
  readonly ended: Promise<never>
  /** The lease left this refresh: the error for callers, whatever the answer was. */
  lost: MeerkatError | undefined
  readonly end: () => void
}

type Refreshed<Token> = Extract<CredentialRefreshOutcome<Token>, { readonly ok: true }>
type PassingReason = 'refresh-failed' | 'refresh-timeout' | 'overtaken' | 'refreshing-elsewhere' | 'refreshed-elsewhere'

interface Why {
  readonly cause?: unknown
  readonly observation?: RefreshFailureObservation
}

/** Ends the wait of one caller; the refresh goes on for the others. */
async function withinOwn<T>(token: Promise<T>, deadline: Deadline, bindingKey: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const inTime = deadline.onPassed(() => late.reject(tooLate(bindingKey)))
  try {
    return await Promise.race([token, late.promise])
  } finally {
    inTime()
  }
}

function tooLate(bindingKey: string): MeerkatError {
  const message = `the credential ${bindingKey} was not refreshed by the caller's deadline: the refresh goes on`
  return new MeerkatError('not-ready', message, {
    retryable: true,
    details: { bindingKey, reason: 'refresh-timeout' satisfies PassingReason },
  })
}

/** The lease is not in this refresh any more. */
function overtaken(key: LeaseKey, phase: AuthLeasePhase | undefined): MeerkatError {
  const what = 'got another login, or another process took over, while it was refreshed'
  return isLost(phase) ? refusal(key, phase) : notNow(key, 'overtaken', what)
}

/** A host began the refresh without this coordinator, and has its token. */
function byHand(key: LeaseKey): MeerkatError {
  return notNow(key, 'refreshing-elsewhere', 'is being refreshed outside this coordinator')
}

function isLost(phase: AuthLeasePhase | undefined): phase is 'released' | 'reauthRequired' | undefined {
  return phase === undefined || phase === 'released' || phase === 'reauthRequired'
}

/** Only a login helps. */
function refusal(
  key: LeaseKey,
  phase: AuthLeasePhase | undefined,
  cause?: unknown,
  observation: RefreshFailureObservation = {},
): MeerkatError {
  const bindingKey = leaseKeyText(key)
  const absent = phase === undefined || phase === 'released'
  const reason = absent ? 'lease-absent' : 'reauth-required'
  const what = absent ? 'there is no lease of the credential' : 'no refresh helps the credential'
  const { httpStatus, oauthError } = observation
  return new MeerkatError('unauthorized', `${what} ${bindingKey}: log in again`, {
    cause,
    details: { bindingKey, reason, ...defined({ httpStatus, oauthError }) },
  })
}

/** The caller may try again. */
function notNow(
  key: LeaseKey,
  reason: PassingReason,
  what: string,
  { cause, observation: { httpStatus, oauthError } = {} }: Why = {},
): MeerkatError {
  const bindingKey = leaseKeyText(key)
  return new MeerkatError('not-ready', `the credential ${bindingKey} ${what}: ask again`, {
    retryable: true,
    cause,
    details: { bindingKey, reason, ...defined({ httpStatus, oauthError }) },
  })
}
