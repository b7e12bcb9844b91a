/** Hints that there may be something new to read. */
import type { Tail } from '../driver/tail.ts'
import type { SessionId } from '../kernel/ids.ts'
import type { Store } from '../store/store.ts'
import type { Deadline } from '../time.ts'

/** The callbacks that wait for each signal. */
const waiters = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back when the signal aborts; answers a function that cancels that. A signal searches its listeners whenever one
 * is removed, and all readers of a runtime wait for the signal of its closing: so a signal has one listener, with all
 * callbacks.
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
 * Collects hints from when it is made until it is closed: commits of a session (or of any), what the session streams,
 * and signals that abort. A hint says nothing but that the reader should look again.
 *
 * A reader calls `look` before it reads. What comes afterwards ends its next wait at once, so that nothing in between
 * is missed. A reader of a stream waits for every token, so a wait registers no listener.
 */
export class HintListener {
  readonly #offs: (() => void)[]
  #tail: Tail | undefined
  #offTail = (): void => {}
  #isNew = false
  #wake: (() => void) | undefined
  /** One timer serves many waits: where it fires too early, it is set again. */
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

  /**
   * The reader is about to read. From here on, what its session streams counts too, where the session is loaded in this
   * process.
   */
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
