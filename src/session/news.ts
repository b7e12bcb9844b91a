/** Hearing of what may be new. */
import type { Tail } from '../driver/tail.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { Store } from '../store/store.ts'
import type { Deadline } from '../time.ts'

/** Who waits for a signal. */
const waiters = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back when the signal aborts; answers how to call that off. A signal looks through its listeners whenever one of
 * them leaves, and all readers of a runtime wait for the one that says that it closes: so there is one listener a signal.
 */
function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const known = waiters.get(signal)
  const waiting = known ?? new Set<() => void>()
  if (known === undefined) {
    waiters.set(signal, waiting)
    const tell = (): void => {
      for (const one of waiting) one()
    }
    signal.addEventListener('abort', tell, { once: true })
  }
  waiting.add(callback)
  return () => waiting.delete(callback)
}

/**
 * Hears of commits of a session (or any), of what it streams, and of signals that abort, from when it is made until it is
 * closed. Each is a hint only: the reader looks again.
 *
 * A reader that looks for itself says so before (`look`): what comes from then on ends its next wait at once, so that
 * nothing is missed in between. A reader of a stream waits for every token: nothing is registered for a wait.
 */
export class News {
  readonly #offs: (() => void)[]
  #tail: Tail | undefined
  #offTail = (): void => {}
  #isNew = false
  #wake: (() => void) | undefined
  /** One timer serves many waits: where it fires early, it is set anew. */
  #timer: { readonly callOff: () => void; readonly until: Deadline } | undefined
  #until: Deadline | undefined
  readonly #hear = (): void => {
    this.#isNew = true
    this.#wake?.()
  }

  constructor(store: Store, sessionId: SessionId | undefined, ...signals: readonly (AbortSignal | undefined)[]) {
    const offCommit = store.onCommit(hint => {
      if (sessionId === undefined || hint.sessionId === undefined || hint.sessionId === sessionId) this.#hear()
    })
    this.#offs = [offCommit, ...signals.flatMap(signal => (signal === undefined ? [] : [onAbort(signal, this.#hear)]))]
  }

  /** The reader looks now. Also what its session streams is heard from here on, where it is loaded in this process. */
  look(tail?: Tail): void {
    this.#isNew = false
    if (tail === this.#tail) return
    this.#offTail()
    this.#tail = tail
    this.#offTail = tail === undefined ? () => {} : tail.onChange(this.#hear)
  }

  /** Resolves with the first hint since `look`, or when the deadline passes. */
  async wait(until: Deadline): Promise<void> {
    if (this.#isNew || until.passed) return
    this.#until = until
    if (this.#timer !== undefined && until.isBefore(this.#timer.until)) this.#callOff()
    if (this.#timer === undefined) this.#set(until)
    await new Promise<void>(resolve => {
      this.#wake = resolve
    })
    this.#wake = undefined
  }

  close(): void {
    this.#callOff()
    this.#offTail()
    for (const off of this.#offs) off()
    this.#hear()
  }

  #set(until: Deadline): void {
    this.#timer = { until, callOff: until.onPassed(() => this.#onTimer()) }
  }

  #onTimer(): void {
    this.#timer = undefined
    if (this.#wake === undefined || this.#until === undefined) return
    if (this.#until.passed) this.#wake()
    else this.#set(this.#until)
  }

  #callOff(): void {
    this.#timer?.callOff()
    this.#timer = undefined
  }
}
