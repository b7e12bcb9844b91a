/**
 * The authority of a session, which all its handles use: the one owner of its live state, behind a gate.
 *
 * 1. All handles of a session share one authority: what one changes, all see.
 * 2. An input is applied as a whole or not at all, in the session's turn, and is durable before observers hear of it.
 * 3. What is sampled with a step is sampled when the step becomes visible. An observer that was installed before hears
 *    of the step; a baseline that is read afterwards includes it.
 * 4. Inputs are checked here, whichever handle gives them, and are copied from the caller.
 * 5. The gate closes once. Then each change, also one that waits, is refused as `no-matching-transition`; reads go on, up to
 *    the end of the registration that the handles were made for.
 */
import { defined } from '../defined.ts'
import type { SessionDriver } from '../driver/driver.ts'
import type { Transaction } from '../driver/transaction.ts'
import { DslTransitionError, MachineAuthority } from '../kernel/authority.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { InputId, SessionId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { meerkat } from '../kernel/machine.ts'
import { stepsBefore } from '../kernel/owed.ts'
import { isPeerProjectionFresh } from '../kernel/regions/comms/table.ts'
import { notDraining } from '../kernel/regions/guards.ts'
import type { AcceptInput } from '../kernel/regions/ledger/input.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { Transition } from '../kernel/step.ts'
import { isBoundary, passBoundary } from '../loop/boundary.ts'
import type { SessionLoop } from '../loop/loop.ts'
import { demandName, MAX_ID_CHARS } from '../names.ts'
import { digestOfSaid, keepAdmitted, type Seen } from '../session/inputs.ts'
import type { PeerConsequences, PeerInput } from '../session/peer-input.ts'
import type { InputRecord } from '../store/records.ts'
import { refuseUnreadable } from '../unreadable.ts'
import { type HandleInput, soundInput } from './handle-input.ts'

export type { HandleInput } from './handle-input.ts'

type Step = Transition<MeerkatState, MeerkatEffect>

/** The content of an offered input, and what a peer's input means for others. */
export type Said = Pick<PeerInput, 'content'> & PeerConsequences

/** The owner of one session's state. `published` runs when the steps become visible, before anything else happens. */
export interface SharedAuthority {
  /** The present state. */
  readonly state: MeerkatState
  /**
   * Applies all inputs or, with a `DslTransitionError`, none. `admit` is called when their turn comes, and may throw.
   * `said` is the content of an offered input among them.
   */
  apply<T>(
    inputs: readonly MeerkatInput[],
    admit: () => void,
    published: (steps: readonly Step[]) => T,
    said?: Said,
  ): Promise<T>
}

/** Closes once, with the registration that its handles were made for. */
export class HandleTeardownGate {
  #closed = false

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    this.#closed = true
  }
}

/** Whether this process's comms runtime trusts exactly the peers that the session knows, and in which epoch. */
export interface PeerProjectionFreshness {
  readonly epoch: number
  readonly fresh: boolean
}

/** The authority as handles use it. */
export class HandleDslAuthority {
  readonly #shared: SharedAuthority
  readonly #gate: HandleTeardownGate
  readonly #others: ((ended: boolean) => void)[] = []

  private constructor(shared: SharedAuthority, gate: HandleTeardownGate) {
    this.#shared = shared
    this.#gate = gate
  }

  /** Uses the authority of a session. Without a gate it stays open. */
  static fromShared(shared: SharedAuthority, gate: HandleTeardownGate = new HandleTeardownGate()): HandleDslAuthority {
    return new HandleDslAuthority(shared, gate)
  }

  /** Uses a machine of its own, for a session of this id: nothing is durable, and nothing else sees its state. */
  static ephemeral(sessionId: SessionId = 'ephemeral' as SessionId): HandleDslAuthority {
    demandName(sessionId, 'the session', MAX_ID_CHARS)
    return new HandleDslAuthority(new EphemeralAuthority(sessionId), new HandleTeardownGate())
  }

  get closed(): boolean {
    return this.#gate.closed
  }

  /** Calls back when other code may have changed the state and, with `ended`, when the registration has ended. */
  onOthers(hear: (ended: boolean) => void): void {
    this.#others.push(hear)
  }

  /** Tells the handles that other code changed the state, or that their registration has ended. */
  tellOthers(ended: boolean): void {
    for (const hear of this.#others) hear(ended)
  }

  /** Applies an input. Throws `DslTransitionError`. */
  async applyInput(input: HandleInput): Promise<void> {
    await this.applyInputs([input], () => {})
  }

  /** Applies an input; answers the effects of the step. */
  applyInputWithEffects(input: HandleInput): Promise<readonly MeerkatEffect[]> {
    return this.applyInputs([input], effectsOf)
  }

  /** Applies an input; answers the step. */
  applyInputWithTransition(input: HandleInput): Promise<Step> {
    return this.applyInputs([input], ([step]) => step as Step)
  }

  /** Applies an input; answers what `sample` reads when the step becomes visible. */
  applyInputWithEffectsAndSample<T>(
    input: HandleInput,
    sample: (effects: readonly MeerkatEffect[], state: MeerkatState) => T,
  ): Promise<T> {
    return this.applyInputs([input], steps => sample(effectsOf(steps), this.#shared.state))
  }

  /** An observation is an input like any other: the kernel has only one kind. */
  applySignal(signal: HandleInput): Promise<void> {
    return this.applyInput(signal)
  }

  applySignalWithEffects(signal: HandleInput): Promise<readonly MeerkatEffect[]> {
    return this.applyInputWithEffects(signal)
  }

  applySignalAndSample<T>(signal: HandleInput, sample: (state: MeerkatState) => T): Promise<T> {
    return this.applyInputWithEffectsAndSample(signal, (_, state) => sample(state))
  }

  /** Offers an input with this content; answers the effects of the step. */
  async offerInput(input: AcceptInput, said: Said): Promise<readonly MeerkatEffect[]> {
    return this.applyInputs([input], effectsOf, said)
  }

  /** Applies several inputs as one; if one is refused, all are. */
  async applyInputs<T>(
    inputs: readonly HandleInput[],
    published: (steps: readonly Step[]) => T,
    said?: Said,
  ): Promise<T> {
    const admit = (): void => {
      if (this.#gate.closed) throw closedByTeardown(inputs[0]?.type ?? 'nothing')
    }
    admit()
    return this.#shared.apply(inputs.map(soundInput), admit, published, said)
  }

  /** The present state. Never refused. */
  snapshotState(): MeerkatState {
    return this.#shared.state
  }

  /** Reads the state, and acts on it before it can change. */
  withStateLock<T>(read: (state: MeerkatState) => T): T {
    return read(this.#shared.state)
  }

  /** Whether this process's comms runtime trusts the peers that the session knows. */
  peerProjectionFreshnessAuthority(): PeerProjectionFreshness {
    const { state } = this.#shared
    return { epoch: state.trust.epoch, fresh: isPeerProjectionFresh(state) }
  }
}
refuseUnreadable(HandleDslAuthority)

function effectsOf(steps: readonly Step[]): readonly MeerkatEffect[] {
  return steps.length === 1 && steps[0] !== undefined ? steps[0].effects : steps.flatMap(({ effects }) => effects)
}

/** The refusal of what comes during a teardown, whatever else refused it. */
export class TeardownRefusal extends DslTransitionError {
  readonly sessionId: SessionId

  constructor(sessionId: SessionId, refusal: DslTransitionError) {
    super(refusal.refusal)
    this.sessionId = sessionId
  }
}

function unlessLeft<T>(sessionId: SessionId, isLeft: boolean, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw isLeft && error instanceof DslTransitionError ? new TeardownRefusal(sessionId, error) : error
  }
}

function closedByTeardown(what: string): DslTransitionError {
  const reason = 'the session was torn down: its handles only read'
  return new DslTransitionError({ context: `meerkat/${what}`, kind: 'no-matching-transition', reason })
}

/** Tells the observers of a step, after the step and in order. An observer that throws affects no other. */
export function afterwards(tasks: readonly (() => void)[]): void {
  for (const task of tasks) queueMicrotask(() => toldOrWarned(task))
}

function toldOrWarned(task: () => void): void {
  try {
    task()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error), { detail: 'thrown by an observer of a handle' })
  }
}

/** True if the step was taken, false if a guard refused it; any other refusal is thrown. */
export async function unlessGuarded(step: Promise<unknown>): Promise<boolean> {
  try {
    await step
    return true
  } catch (error) {
    if (error instanceof DslTransitionError && error.isGuardRejected) return false
    throw error
  }
}

class EphemeralAuthority implements SharedAuthority {
  readonly #authority = new MachineAuthority(meerkat)

  constructor(sessionId: SessionId) {
    this.#authority.applyOrThrow({ type: 'Initialize' })
    this.#authority.applyOrThrow({ type: 'RegisterSession', sessionId })
    this.#authority.applyOrThrow({ type: 'EnsureSessionWithExecutor', sessionId })
  }

  get state(): MeerkatState {
    return this.#authority.state
  }

  async apply<T>(
    inputs: readonly MeerkatInput[],
    admit: () => void,
    published: (steps: readonly Step[]) => T,
  ): Promise<T> {
    admit()
    const before = this.#authority.state
    const steps: Step[] = []
    for (const input of inputs) {
      const result = this.#authority.apply(input)
      if (!result.ok) {
        this.#authority.restoreIfCurrent(this.#authority.state, before)
        throw new DslTransitionError(result)
      }
      steps.push(result)
    }
    return published(steps)
  }
}

type Bound = Pick<Seen, 'inputId' | 'digest'>

/** What a session that this process owns has to be told, besides the steps of its handles. */
export interface HandledSession {
  readonly driver: SessionDriver
  readonly loop?: Pick<SessionLoop, 'leave'> | undefined
  /** Throws where an input has or had this id. */
  demandUnused(id: InputId): Promise<void>
  inKeyOrder<T>(keys: readonly string[], act: () => Promise<T>, ids: readonly InputId[]): Promise<T>
  /** What an idempotency key is bound to. */
  bound(key: string | undefined): Promise<Bound | undefined>
  keep(record: InputRecord): void
  readonly tellEnds: (tx: Transaction) => void
}

/** The authority of a session that this process owns: each call is a mutation of its driver. */
export class DriverAuthority implements SharedAuthority {
  readonly #session: HandledSession
  #last: MeerkatState | undefined

  constructor(session: HandledSession) {
    this.#session = session
  }

  get state(): MeerkatState {
    return this.#last ?? this.#session.driver.state
  }

  /** Its registration has ended in this state; later states belong to another one, and are not shown here. */
  endIn(state: MeerkatState): void {
    this.#last ??= state
  }

  apply<T>(
    inputs: readonly MeerkatInput[],
    admit: () => void,
    published: (steps: readonly Step[]) => T,
    said: Said = { content: '' },
  ): Promise<T> {
    const offered = inputs.flatMap(input => (input.type === 'AcceptInput' ? [input.inputId] : []))
    if (offered.length === 0) return this.#mutate(inputs, admit, published, said)
    const { once } = said
    const inTurn = async (): Promise<T> => {
      const seen = await this.#session.bound(once)
      if (seen !== undefined) return this.#mutate(inputs.map(asked(seen, said)), admit, published, said)
      // An input whose id is taken must not reach the store, whose refusal would fail other inputs of the commit, too.
      for (const id of offered) await this.#session.demandUnused(id)
      return this.#mutate(inputs, admit, published, said)
    }
    return this.#session.inKeyOrder(once === undefined ? [] : [once], inTurn, offered)
  }

  async #mutate<T>(
    inputs: readonly MeerkatInput[],
    admit: () => void,
    published: (steps: readonly Step[]) => T,
    said: Said,
  ): Promise<T> {
    const { driver } = this.#session
    const { sessionId } = driver
    let sampled: (() => T) | undefined
    const run = (tx: Transaction): readonly Step[] => {
      unlessLeft(sessionId, true, admit)
      const isLeft = !notDraining(tx.state)
      return unlessLeft(sessionId, isLeft, () => inputs.map(input => this.#step(tx, input, said)))
    }
    await driver.mutate(run, {
      published: steps => {
        // The caller's `sample` may throw; the step was taken, and observers are told all the same.
        sampled = outcomeOf(() => published(steps))
      },
    })
    // A commit whose answer was lost, and that is found in the log later, becomes visible too: it is sampled then.
    if (sampled === undefined) throw new Error('a mutation was answered before it was published')
    return sampled()
  }

  #step(tx: Transaction, input: MeerkatInput, said: Said): Step {
    // As for every other caller: a recycle, for one, must not leave waiting inputs behind.
    for (const before of stepsBefore(input, tx.state)) tx.step(before)
    const result = isBoundary(input) ? passBoundary(tx, 0, this.#session.tellEnds, () => tx.try(input)) : tx.try(input)
    if (!result.ok) throw new DslTransitionError(result)
    // The caller of `prepare` drives this run itself, so no executor may perform it.
    if (input.type === 'Prepare') this.#session.loop?.leave(input.runId)
    if (input.type === 'AcceptInput' && result.effects.some(({ type }) => type === 'InputAccepted')) {
      const { inputId, kind, mode, supersessionKey } = input
      const params = { content: said.content, ...defined({ mode, supersessionKey }) }
      keepAdmitted(tx, this.#session, { inputId, kind, params, besides: said }, result.effects)
    }
    return result
  }
}

/** An offer of something that the conversation has already asks what became of it. */
function asked({ inputId, digest }: Bound, { content }: Said): (input: MeerkatInput) => MeerkatInput {
  const seen = { inputId, sameContent: digest === digestOfSaid(content) }
  return input =>
    input.type === 'AcceptInput' ? { type: 'ResolveAdmissionIdempotency', inputId: input.inputId, seen } : input
}

/** The result of a call, or what it threw, to be read later. */
function outcomeOf<T>(call: () => T): () => T {
  try {
    const value = call()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}
