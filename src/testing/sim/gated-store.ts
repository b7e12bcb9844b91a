/**
 * A store whose calls all pass a gate, where each may fail before or after it took effect, be delayed, or be the last call
 * of its process.
 *
 * The inner store can be exchanged for another handle on the same data, which ends all claims, as an expired lease does.
 */
import { MeerkatError } from '../../errors.ts'
import type { Hint, Store } from '../../store/store.ts'
import { type Life, never } from './life.ts'

/** What happens to a call. `hold`: it waits until it is released. */
export type Verdict = 'pass' | 'fail-before' | 'fail-after' | 'hold' | 'crash-before' | 'crash-after'

export interface Gate {
  readonly life: Life
  /** The lease length that the runtime sees. */
  readonly leaseMs: number
  /** Decides on each call, by its name: `commit`, `claim`, `mail.post`, ... */
  judge(operation: string, args: readonly unknown[]): Verdict
  /** Resolves when the call may go on. */
  hold(operation: string): Promise<void>
  /** Resolves when a write's turn in a shared flush has come; undefined if it is carried out at once. */
  turn(operation: string): Promise<void> | undefined
  /** Ends the process. */
  crash(): void
  /** Whether a hint arrives. */
  hears(hint: Hint): boolean
  /** Called when a call reaches the store. */
  begun(): void
  /** Called when it has ended, with its result. */
  passed(
    operation: string,
    args: readonly unknown[],
    outcome: { readonly value: unknown } | { readonly error: unknown },
  ): void
}

type Method = (...args: unknown[]) => unknown

export class GatedStore {
  /** The store for the runtime. */
  readonly store: Store
  readonly #gate: Gate
  #inner: Store
  readonly #onCommit = new Set<(hint: Hint) => void>()
  readonly #onLapse = new Set<() => void>()
  #offs: readonly (() => void)[] = []

  constructor(inner: Store, gate: Gate) {
    this.#inner = inner
    this.#gate = gate
    this.#listen()
    this.store = this.#facade()
  }

  /** Replaces the inner store by another handle on the same data, and closes the old one. */
  async exchange(next: Store): Promise<void> {
    const before = this.#inner
    this.#inner = next
    for (const off of this.#offs) off()
    this.#listen()
    await before.close()
  }

  /** Notifies the runtime that its lease has expired. */
  lapse(): void {
    for (const listener of this.#onLapse) listener()
  }

  async close(): Promise<void> {
    for (const off of this.#offs) off()
    await this.#inner.close()
  }

  /** Stops listening to a store that ended with its process. */
  detach(): void {
    for (const off of this.#offs) off()
  }

  #listen(): void {
    const { life } = this.#gate
    this.#offs = [
      this.#inner.onCommit(hint => {
        if (life.over || !this.#gate.hears(hint)) return
        for (const listener of this.#onCommit) listener(hint)
      }),
      this.#inner.onLapse(() => {
        if (!life.over) this.lapse()
      }),
    ]
  }

  #facade(): Store {
    const mail = this.#gatedObject(() => this.#inner.mail, 'mail.')
    const own: Readonly<Record<string, unknown>> = {
      mail,
      leaseMs: this.#gate.leaseMs,
      onCommit: (listener: (hint: Hint) => void) => subscribe(this.#onCommit, listener),
      onLapse: (listener: () => void) => subscribe(this.#onLapse, listener),
    }
    return this.#gatedObject(() => this.#inner, '', own)
  }

  /** A proxy, so that every present and future method of the contract passes the gate. */
  #gatedObject<T extends object>(target: () => T, prefix: string, own: Readonly<Record<string, unknown>> = {}): T {
    return new Proxy(target(), {
      get: (_, name) => {
        if (typeof name === 'string' && Object.hasOwn(own, name)) return own[name]
        const member: unknown = Reflect.get(target(), name)
        if (typeof member !== 'function' || typeof name !== 'string') return member
        const act = (args: readonly unknown[]): unknown =>
          (Reflect.get(target(), name) as Method).apply(target(), [...args])
        return (...args: readonly unknown[]) => this.#gate.life.hears(this.#pass(prefix + name, args, act))
      },
    })
  }

  async #pass(
    operation: string,
    args: readonly unknown[],
    act: (args: readonly unknown[]) => unknown,
  ): Promise<unknown> {
    const gate = this.#gate
    if (gate.life.over) return never()
    const verdict = gate.judge(operation, args)
    if (verdict === 'hold') await gate.hold(operation)
    if (verdict === 'fail-before') throw unavailable(`${operation} was not carried out`)
    if (verdict === 'crash-before') {
      gate.crash()
      return never()
    }
    const turn = gate.turn(operation)
    if (turn !== undefined) await turn
    const value = await this.#carryOut(operation, args, act)
    if (verdict === 'crash-after') gate.crash()
    if (verdict === 'fail-after') throw unavailable(`${operation} was carried out, and its acknowledgement lost`)
    return value
  }

  async #carryOut(
    operation: string,
    args: readonly unknown[],
    act: (args: readonly unknown[]) => unknown,
  ): Promise<unknown> {
    this.#gate.begun()
    try {
      const value = await act(args)
      this.#gate.passed(operation, args, { value })
      return value
    } catch (error) {
      this.#gate.passed(operation, args, { error })
      throw error
    }
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function unavailable(what: string): MeerkatError {
  return new MeerkatError('store-unavailable', `an injected fault: ${what}`)
}
