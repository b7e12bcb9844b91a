/**
 * An authority: the one owner of a machine's current state.
 *
 * 1. The state changes by an accepted step or a compare-and-restore, and by nothing else.
 * 2. The teardown gate closes once. Behind it every change is refused as `no-matching-transition`; reads go on.
 */
import type { Tagged } from './region.ts'
import type { Machine, Rejection, RejectionKind, StepResult, Transition } from './step.ts'

/** A refusal. A handle that refuses without asking the machine has only these fields. */
export type Refusal = Pick<Rejection, 'context' | 'kind' | 'reason'> & Partial<Rejection>

/** A refusal as an error, for callers that want one thrown. Decide by `kind`. */
export class DslTransitionError extends Error {
  override readonly name = 'DslTransitionError'
  readonly context: string
  readonly kind: RejectionKind
  readonly reason: string
  /** The complete refusal. */
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

/** Owns the state of one machine. */
export class MachineAuthority<State, Input extends Tagged, Effect extends Tagged> {
  readonly #machine: Machine<State, Input, Effect>
  #state: State
  #closed = false

  constructor(machine: Machine<State, Input, Effect>, state: State = machine.initial) {
    this.#machine = machine
    this.#state = state
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
    const result = this.apply(input)
    if (!result.ok) throw new DslTransitionError(result)
    return result
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
