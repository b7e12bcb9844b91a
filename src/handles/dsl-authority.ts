/**
 * What every handle of a session stands on: the one owner of its live state, behind a gate.
 *
 * 1. All handles of a session share one authority: what one does, all see.
 * 2. An input is applied whole or not at all, in the session's turn, and is durable before anybody hears of it.
 * 3. What is sampled with a step is sampled in the moment in which the step becomes visible: who was installed before
 *    hears of it, who reads a baseline afterwards has it in the baseline.
 * 4. What is said is checked here, whichever handle says it, and is a copy of the caller's from then on.
 * 5. The gate closes once. Behind it every change is refused as `no-matching-transition`, also one that was asked for
 *    before and had not had its turn; reads go on, up to the end of the registration that the handles were made for.
 */
import { defined } from '../defined.ts'
import type { SessionDriver } from '../driver/driver.ts'
import { DslTransitionError, MachineAuthority } from '../kernel/authority.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { InputId, SessionId } from '../kernel/ids.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { meerkat } from '../kernel/machine.ts'
import { isPeerProjectionFresh } from '../kernel/regions/comms/table.ts'
import { notDraining } from '../kernel/regions/guards.ts'
import type { AcceptInput } from '../kernel/regions/ledger/input.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { Transition } from '../kernel/step.ts'
import type { SessionLoop } from '../loop/loop.ts'
import { demandName, MAX_ID_CHARS } from '../names.ts'
import { admitBesides, digestOfSaid, type Seen } from '../session/inputs.ts'
import { type PeerConsequences, type PeerInput, recordedContent } from '../session/peer-input.ts'
import type { InputRecord } from '../store/records.ts'
import { type HandleInput, soundInput } from './handle-input.ts'
import { refuseUnreadable } from './unreadable.ts'

export type { HandleInput } from './handle-input.ts'

type Step = Transition<MeerkatState, MeerkatEffect>

/** What an offered input says, and what comes with it where a peer says it. */
export type Said = Pick<PeerInput, 'content'> & PeerConsequences

/** The owner of one session's state. `published` runs when the steps have become visible, before anything else happens. */
export interface SharedAuthority {
  /** The state everybody may act on. */
  readonly state: MeerkatState
  /**
   * Applies all inputs or, with a `DslTransitionError`, none. `admit` is called when their turn comes, and may throw.
   * `said` is what an offered input among them says.
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

/** Whether this process's comms runtime trusts exactly the peers that the session knows, and as of which epoch. */
export interface PeerProjectionFreshness {
  readonly epoch: number
  readonly fresh: boolean
}

/** A shared authority as handles see it. */
export class HandleDslAuthority {
  readonly #shared: SharedAuthority
  readonly #gate: HandleTeardownGate
  readonly #others: ((ended: boolean) => void)[] = []

  private constructor(shared: SharedAuthority, gate: HandleTeardownGate) {
    this.#shared = shared
    this.#gate = gate
  }

  /** Over the authority of a session. Without a gate it stays open. */
  static fromShared(shared: SharedAuthority, gate: HandleTeardownGate = new HandleTeardownGate()): HandleDslAuthority {
    return new HandleDslAuthority(shared, gate)
  }

  /** Over a machine of its own that serves a session of this id and is nobody else's: nothing of it is durable. */
  static ephemeral(sessionId: SessionId = 'ephemeral' as SessionId): HandleDslAuthority {
    demandName(sessionId, 'the session', MAX_ID_CHARS)
    return new HandleDslAuthority(new EphemeralAuthority(sessionId), new HandleTeardownGate())
  }

  get closed(): boolean {
    return this.#gate.closed
  }

  /** Calls back when others than the handles may have changed the state, and, with `ended`, when the handles have. */
  onOthers(hear: (ended: boolean) => void): void {
    this.#others.push(hear)
  }

  /** Others have changed the state, or the registration has ended that the handles were made for. */
  tellOthers(ended: boolean): void {
    for (const hear of this.#others) hear(ended)
  }

  /** Applies an input. Throws `DslTransitionError`. */
  async applyInput(input: HandleInput): Promise<void> {
    await this.applyInputs([input], () => {})
  }

  /** Applies an input; answers what the step said. */
  applyInputWithEffects(input: HandleInput): Promise<readonly MeerkatEffect[]> {
    return this.applyInputs([input], effectsOf)
  }

  /** Applies an input; answers the step. */
  applyInputWithTransition(input: HandleInput): Promise<Step> {
    return this.applyInputs([input], ([step]) => step as Step)
  }

  /** Applies an input; answers what `sample` reads in the moment in which the step becomes visible. */
  applyInputWithEffectsAndSample<T>(
    input: HandleInput,
    sample: (effects: readonly MeerkatEffect[], state: MeerkatState) => T,
  ): Promise<T> {
    return this.applyInputs([input], steps => sample(effectsOf(steps), this.#shared.state))
  }

  /** An observation is an input like any other: the kernel knows one kind. */
  applySignal(signal: HandleInput): Promise<void> {
    return this.applyInput(signal)
  }

  applySignalWithEffects(signal: HandleInput): Promise<readonly MeerkatEffect[]> {
    return this.applyInputWithEffects(signal)
  }

  applySignalAndSample<T>(signal: HandleInput, sample: (state: MeerkatState) => T): Promise<T> {
    return this.applyInputWithEffectsAndSample(signal, (_, state) => sample(state))
  }

  /** Offers an input that says this; answers what the step said. */
  async offerInput(input: AcceptInput, said: Said): Promise<readonly MeerkatEffect[]> {
    return this.applyInputs([input], effectsOf, said)
  }

  /** Applies several inputs as one; a refusal refuses all of them. */
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

  /** The state as it is now. Never refused. */
  snapshotState(): MeerkatState {
    return this.#shared.state
  }

  /** Reads and does something with the state before anything else can happen to it. */
  withStateLock<T>(read: (state: MeerkatState) => T): T {
    return read(this.#shared.state)
  }

  /** Whether the peers that this process trusts are the ones that the session knows. */
  peerProjectionFreshnessAuthority(): PeerProjectionFreshness {
    const { state } = this.#shared
    return { epoch: state.trust.epoch, fresh: isPeerProjectionFresh(state) }
  }
}
refuseUnreadable(HandleDslAuthority)

function effectsOf(steps: readonly Step[]): readonly MeerkatEffect[] {
  return steps.length === 1 && steps[0] !== undefined ? steps[0].effects : steps.flatMap(({ effects }) => effects)
}

/** A refusal of what came while the session's host leaves it, whatever else stood in its way. */
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

/** Runs what a step owes its observers, after the step and in order; a failing observer harms nobody else. */
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

/** True if the step was taken, false if a guard was in its way; any other refusal is thrown. */
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

/** What a session that this process owns has to hear of, besides the steps of its handles. */
export interface HandledSession {
  readonly driver: SessionDriver
  readonly loop?: Pick<SessionLoop, 'leave'> | undefined
  /** Throws for an id that an input has or had. */
  demandUnused(id: InputId): Promise<void>
  inKeyOrder<T>(key: string, act: () => Promise<T>): Promise<T>
  /** What an idempotency key is bound to. */
  bound(key: string | undefined): Promise<Bound | undefined>
  keep(record: InputRecord): void
}

/** The authority of a session that this process owns: each application is a mutation of its driver. */
export class DriverAuthority implements SharedAuthority {
  readonly #session: HandledSession
  #last: MeerkatState | undefined

  constructor(session: HandledSession) {
    this.#session = session
  }

  get state(): MeerkatState {
    return this.#last ?? this.#session.driver.state
  }

  /** The registration it was made for has ended in this state: what comes is another's, and not to be seen here. */
  endIn(state: MeerkatState): void {
    this.#last ??= state
  }

  apply<T>(
    inputs: readonly MeerkatInput[],
    admit: () => void,
    published: (steps: readonly Step[]) => T,
    said: Said = { content: '' },
  ): Promise<T> {
    const { once } = said
    if (once === undefined) return this.#offer(inputs, admit, published, said)
    return this.#session.inKeyOrder(once, async () => {
      const seen = await this.#session.bound(once)
      if (seen === undefined) return this.#offer(inputs, admit, published, said)
      return this.#mutate(inputs.map(asked(seen, said)), admit, published, said)
    })
  }

  #offer<T>(
    inputs: readonly MeerkatInput[],
    admit: () => void,
    published: (steps: readonly Step[]) => T,
    said: Said,
  ): Promise<T> {
    const act = (): Promise<T> => this.#mutate(inputs, admit, published, said)
    const offered = inputs.flatMap(input => (input.type === 'AcceptInput' ? [input.inputId] : []))
    return offered.reduce((next, id) => () => this.#inOrder(id, next), act)()
  }

  /** What the store refuses takes its neighbours' commit along: an id that is taken does not get there. */
  #inOrder<T>(id: InputId, act: () => Promise<T>): Promise<T> {
    return this.#session.inKeyOrder(`\0${id}`, async () => {
      await this.#session.demandUnused(id)
      return act()
    })
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
    const run = (tx: Tx): readonly Step[] => {
      unlessLeft(sessionId, true, admit)
      const isLeft = !notDraining(tx.state)
      return unlessLeft(sessionId, isLeft, () => inputs.map(input => this.#step(tx, input, said)))
    }
    await driver.mutate(run, {
      published: steps => {
        // What the caller reads with may fail; what was done is done, and others are told of it all the same.
        sampled = outcomeOf(() => published(steps))
      },
    })
    // A commit that was found in the log after a doubt is visible as well: it is sampled when it is adopted.
    if (sampled === undefined) throw new Error('a mutation was answered before it was published')
    return sampled()
  }

  #step(tx: Tx, input: MeerkatInput, said: Said): Step {
    const result = tx.try(input)
    if (!result.ok) throw new DslTransitionError(result)
    // Whoever prepares a run by hand drives it: no executor is to take it up.
    if (input.type === 'Prepare') this.#session.loop?.leave(input.runId)
    if (input.type === 'AcceptInput' && result.effects.some(({ type }) => type === 'InputAccepted')) {
      const { inputId: id, mode = 'queue', kind = 'prompt', supersessionKey } = input
      const record = {
        id,
        at: tx.at,
        mode,
        kind,
        content: recordedContent(kind, said.content),
        ...defined({ supersessionKey }),
      }
      tx.parts.inputs.push(record)
      admitBesides(tx, id, said, result.effects)
      this.#session.keep(record)
    }
    return result
  }
}

/** An offer of what is in the conversation already asks what becomes of it. */
function asked({ inputId, digest }: Bound, { content }: Said): (input: MeerkatInput) => MeerkatInput {
  const seen = { inputId, sameContent: digest === digestOfSaid(content) }
  return input =>
    input.type === 'AcceptInput' ? { type: 'ResolveAdmissionIdempotency', inputId: input.inputId, seen } : input
}

/** What a call gives, or throws, whenever it is asked for. */
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

type Tx = Parameters<Parameters<SessionDriver['mutate']>[0]>[0]
