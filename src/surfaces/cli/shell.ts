/**
 * What a command runs in: its flags, its output, and what has to be closed when it ends, however it ends.
 *
 * A signal closes what is open, newest first, and then ends the process with the status that a shell expects.
 */
import { EXIT } from './failure.ts'
import { createOutput, type Output } from './output.ts'
import { type Flags, readSettings, type Settings } from './settings.ts'

/** A closing that takes longer is given up: whatever was promised is in the store by then. */
const CLOSE_WITHIN_MS = 5_000

export class Shell {
  readonly flags: Flags
  readonly output: Output
  readonly #closers: (() => Promise<void> | void)[] = []
  #settings: Promise<Settings> | undefined
  #closing = false
  #exit: Promise<never> | undefined

  constructor(flags: Flags) {
    this.flags = flags
    this.output = createOutput({ json: flags['json'] === true })
    this.#onSignals()
    this.#onClosedPipe()
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
    const late = setTimeout(() => process.exit(status), CLOSE_WITHIN_MS)
    late.unref()
    // The process ends by decision here; what could not be closed is recovered by the next one.
    await this.close().catch(() => {})
    process.exit(status)
  }

  #onSignals(): void {
    // The first signal closes; whoever sends another one does not want to wait for that.
    const leave = (status: number) => (): void => {
      if (this.#closing) process.exit(status)
      void this.end(status)
    }
    process.on('SIGTERM', leave(EXIT.terminated)).on('SIGHUP', leave(EXIT.hungUp))
    // Commands that give Ctrl-C a meaning of their own replace this one.
    process.on('SIGINT', leave(EXIT.interrupted))
  }

  /** A reader that goes away (`meerkat events | head -1`) got what it wanted: the program ends quietly. */
  #onClosedPipe(): void {
    for (const stream of [process.stdout, process.stderr]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error
        void this.end(EXIT.ok)
      })
    }
  }
}
