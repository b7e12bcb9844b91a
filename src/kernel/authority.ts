/**
 * An authority: the one owner of a machine's live state.
 *
 * 1. The state changes by an accepted step, a committed stage or a compare-and-restore, and by nothing else.
 * 2. `preview` and `stage` answer what would happen and change nothing.
 * 3. A stage is committed over the state it was made from, or not at all.
 * 4. The teardown gate closes once. Behind it every change is refused as `no-matching-transition`; reads go on.
 */
import type { Tagged } from './region.ts'
import type { Machine, Rejection, RejectionKind, StepResult, Transition } from './step.ts'

/** A stage came too late: the live state moved on since it was made. */
export interface BaseChanged {
  readonly ok: false
  readonly kind: 'base-changed'
  readonly context: string
  readonly reason: string
}

/** What is known of a refusal: a handle that refuses by itself has no more to say than these. */
export type Refusal = Pick<Rejection, 'context' | 'kind' | 'reason'> & Partial<Rejection>

/** A refusal as an error, for callers that can't go on with a value. Decide by `kind`. */
export class DslTransitionError extends Error {
  override readonly name = 'DslTransitionError'
  readonly context: string
  readonly kind: RejectionKind
  readonly reason: string
  /** The whole of it. */
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    const { context, kind, reason } = refusal
    super(`${context}: ${kind}: ${reason}`)
    this.context = context
    this.kind = kind
    this.reason = reason
    this.refusal = refusal
  }

  /** A guard was false: a caller that repeats itself may take this for a no-op. */
  get isGuardRejected(): boolean {
    return this.kind === 'guard-rejected'
  }
}

/** Several inputs applied in a row beside the live state, each seeing what the ones before it did. */
export interface Staged<State, Effect> {
  readonly ok: true
  /** The live state it was made from. */
  readonly base: State
  /** What the live state becomes by `commit`. */
  readonly state: State
  readonly effects: readonly Effect[]
  /** Makes it the live state, unless that moved meanwhile. */
  commit(): { readonly ok: true } | BaseChanged | Rejection
  /** Takes a commit back if nothing happened after it; answers whether the live state is the base now. */
  restore(): boolean
}

/** Owns the state of one machine. */
export class MachineAuthority<State, Input extends Tagged, Effect extends Tagged> {
  readonly #machine: Machine<State, Input, Effect>
  #state: State
  #closed = false

  constructor(machine: Machine<State, Input, Effect>, state: State = machine.initial) {
    this.#machine = machine
    this.#state = state
  }

  /** An authority over a state from outside; throws if that breaks an invariant. */
  static recovered<State, Input extends Tagged, Effect extends Tagged>(
    machine: Machine<State, Input, Effect>,
    state: State,
  ): MachineAuthority<State, Input, Effect> {
    unwrap(machine.recover(state))
    return new MachineAuthority(machine, state)
  }

  get state(): State {
    return this.#state
  }

  get closed(): boolean {
    return this.#closed
  }

  /** One transition of the live state, or why not. */
  apply(input: Input): StepResult<State, Effect> {
    if (this.#closed) return this.#refuse(input.type)
    const result = this.#machine.step(this.#state, input)
    if (result.ok) this.#state = result.state
    return result
  }

  /** Like `apply`; a refusal is thrown as a `DslTransitionError`. */
  applyOrThrow(input: Input): Transition<State, Effect> {
    return unwrap(this.apply(input))
  }

  /** What `apply` would answer, without doing it. */
  preview(input: Input): StepResult<State, Effect> {
    return this.#closed ? this.#refuse(input.type) : this.#machine.step(this.#state, input)
  }

  /** Applies the inputs beside the live state; one refusal refuses them all. */
  stage(inputs: readonly Input[]): Staged<State, Effect> | Rejection {
    if (this.#closed) return this.#refuse('stage')
    const base = this.#state
    let state = base
    const effects: Effect[] = []
    for (const input of inputs) {
      const result = this.#machine.step(state, input)
      if (!result.ok) return result
      state = result.state
      effects.push(...result.effects)
    }
    return {
      ok: true,
      base,
      state,
      effects,
      commit: () => this.#commit(base, state),
      restore: () => this.#state === base || this.restoreIfCurrent(state, base),
    }
  }

  /** Like `stage`; a refusal is thrown as a `DslTransitionError`. */
  stageOrThrow(inputs: readonly Input[]): Staged<State, Effect> {
    return unwrap(this.stage(inputs))
  }

  /** Puts `to` in place of exactly the state `expected`; answers whether it did. */
  restoreIfCurrent(expected: State, to: State): boolean {
    if (this.#closed || this.#state !== expected) return false
    this.#state = to
    return true
  }

  /** Closes the teardown gate, for good. */
  close(): void {
    this.#closed = true
  }

  #commit(base: State, state: State): { readonly ok: true } | BaseChanged | Rejection {
    if (this.#closed) return this.#refuse('commit')
    if (this.#state !== base) {
      const context = `${this.#machine.name}/commit`
      return { ok: false, kind: 'base-changed', context, reason: 'the state moved on since this was staged' }
    }
    this.#state = state
    return { ok: true }
  }

  #refuse(what: string): Rejection {
    const context = `${this.#machine.name}/${what}`
    return {
      ok: false,
      kind: 'no-matching-transition',
      context,
      phase: '',
      reason: 'the authority is closed by teardown',
    }
  }
}

function unwrap<T extends { readonly ok: true }>(result: T | Rejection): T {
  if (!result.ok) throw new DslTransitionError(result)
  return result
}
