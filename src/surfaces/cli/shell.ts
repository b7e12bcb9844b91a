/**
 * What a command gets: its flags, its output, and a list of what has to be closed when it ends, in whatever way.
 *
 * A signal closes what is open, newest first, and then ends the process with the status that a shell expects.
 */
import { EXIT } from './failure.ts'
import type { Outlet } from './outlet.ts'
import { createOutput, type Output } from './output.ts'
import { type Flags, readSettings, type Settings } from './settings.ts'

/** Closing is given up after this time: everything that was promised is in the store by then. */
const CLOSE_WITHIN_MS = 5_000

const SIGNALS = [
  ['SIGINT', EXIT.interrupted],
  ['SIGTERM', EXIT.terminated],
  ['SIGHUP', EXIT.hungUp],
] as const

export class Shell {
  readonly flags: Flags
  readonly output: Output
  readonly #outlet: Outlet
  readonly #closers: (() => Promise<void> | void)[] = []
  #settings: Promise<Settings> | undefined
  #interrupted: (() => void) | undefined
  #signalStatus: number | undefined
  #closing = false
  #closeWithinMs = CLOSE_WITHIN_MS
  #endedBy: NodeJS.Signals | undefined
  #exit: Promise<never> | undefined

  constructor(flags: Flags, outlet: Outlet) {
    this.flags = flags
    this.#outlet = outlet
    this.output = createOutput({ json: flags['json'] === true })
    this.#onSignals()
    outlet.whenLeft(() => void this.end(EXIT.ok))
  }

  settings(): Promise<Settings> {
    this.#settings ??= readSettings(this.flags, { env: process.env, cwd: process.cwd() })
    return this.#settings
  }

  /** The text of a flag; undefined: it was not given. */
  flag(name: string): string | undefined {
    const value = this.flags[name]
    return typeof value === 'string' ? value : undefined
  }

  has(name: string): boolean {
    return this.flags[name] === true
  }

  /** Calls `close` when the command ends. */
  atEnd(close: () => Promise<void> | void): void {
    this.#closers.push(close)
  }

  /** Lets the command handle Ctrl-C, until the returned function is called. */
  onInterrupt(press: () => void): () => void {
    this.#interrupted = press
    return () => {
      this.#interrupted = undefined
    }
  }

  /** The command finishes its work even if no one reads stdout any more. */
  worksUnread(): void {
    this.#outlet.owe()
  }

  /**
   * For commands that run until a signal: a reader that leaves is no failure then. Closing may take this long.
   */
  endsBySignal(closeWithinMs = CLOSE_WITHIN_MS): void {
    this.#outlet.owe()
    this.#signalStatus = EXIT.ok
    this.#closeWithinMs = closeWithinMs
  }

  /** The signal that ends the command. */
  get endedBy(): NodeJS.Signals | undefined {
    return this.#endedBy
  }

  /**
   * For work that blocks the event loop: nothing is open, so the operating system may end the process at once, while a
   * listener of ours would never be called.
   */
  leaveSignalsToSystem(): void {
    for (const [signal] of SIGNALS) process.removeAllListeners(signal)
  }

  /** Closes everything, newest first. A failure does not stop the others from being closed. */
  async close(): Promise<void> {
    this.#closing = true
    const failures: unknown[] = []
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  /** Closes everything and ends the process. */
  end(status: number): Promise<never> {
    this.#exit ??= this.#leave(status)
    return this.#exit
  }

  /**
   * Never resolves once the process is about to end: a failure that comes then (the runtime was closed) is not
   * reported.
   */
  async unlessEnding(): Promise<void> {
    await this.#exit
  }

  async #leave(status: number): Promise<never> {
    const late = setTimeout(() => process.exit(status), this.#closeWithinMs)
    late.unref()
    // What could not be closed now is recovered by the next process.
    await this.close().catch(() => {})
    process.exit(status)
  }

  /** One listener for the whole time: between removing one and adding another, a signal would be lost. */
  #onSignals(): void {
    for (const [signal, status] of SIGNALS) {
      process.on(signal, () => {
        if (signal === 'SIGINT' && this.#interrupted !== undefined) this.#interrupted()
        // The first signal closes; a second one ends the process at once.
        else if (this.#closing) process.exit(status)
        else {
          this.#endedBy = signal
          void this.end(this.#signalStatus ?? status)
        }
      })
    }
  }
}
