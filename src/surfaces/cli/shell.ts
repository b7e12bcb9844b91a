/**
 * What a command runs in: its flags, its output, and what has to be closed when it ends, however it ends.
 *
 * A signal closes what is open, newest first, and then ends the process with the status that a shell expects.
 */
import { EXIT } from './failure.ts'
import type { Outlet } from './outlet.ts'
import { createOutput, type Output } from './output.ts'
import { type Flags, readSettings, type Settings } from './settings.ts'

/** A closing that takes longer is given up: whatever was promised is in the store by then. */
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

  /** A flag's text; `undefined` when it was not given. */
  flag(name: string): string | undefined {
    const value = this.flags[name]
    return typeof value === 'string' ? value : undefined
  }

  has(name: string): boolean {
    return this.flags[name] === true
  }

  /** Has `close` called when the command ends. */
  atEnd(close: () => Promise<void> | void): void {
    this.#closers.push(close)
  }

  /** Gives Ctrl-C a meaning of the command's own, until the answered function is called. */
  onInterrupt(press: () => void): () => void {
    this.#interrupted = press
    return () => {
      this.#interrupted = undefined
    }
  }

  /** What was begun is finished even if nobody reads stdout any more. */
  worksUnread(): void {
    this.#outlet.owe()
  }

  /**
   * For what runs until a signal ends it, whoever reads what it prints: that is no failure then. It may take this long to
   * close.
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
   * For work that keeps the event loop to itself: nothing is open, and the system ends the process at once, which a
   * listener of ours could not.
   */
  leaveSignalsToSystem(): void {
    for (const [signal] of SIGNALS) process.removeAllListeners(signal)
  }

  /** Closes everything, newest first. One failure does not keep the others open. */
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
   * Never resolves once the process is about to end. What a command still says by then (its runtime was closed under it)
   * is no news to anybody.
   */
  async unlessEnding(): Promise<void> {
    await this.#exit
  }

  async #leave(status: number): Promise<never> {
    const late = setTimeout(() => process.exit(status), this.#closeWithinMs)
    late.unref()
    // The process ends by decision here; what could not be closed is recovered by the next one.
    await this.close().catch(() => {})
    process.exit(status)
  }

  /** One listener a signal for the whole time: between an old one that goes and a new one a signal would be lost. */
  #onSignals(): void {
    for (const [signal, status] of SIGNALS) {
      process.on(signal, () => {
        if (signal === 'SIGINT' && this.#interrupted !== undefined) this.#interrupted()
        // The first signal closes; whoever sends another one does not want to wait for that.
        else if (this.#closing) process.exit(status)
        else {
          this.#endedBy = signal
          void this.end(this.#signalStatus ?? status)
        }
      })
    }
  }
}
