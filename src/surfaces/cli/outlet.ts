/**
 * stdout and stderr, either of which may stop taking what is written.
 *
 * 1. A reader that goes away (`meerkat events | head -1`) got what it wanted: nothing more is printed to it. A command
 *    that only shows ends then, and well; one that works finishes what it was asked for, as nobody withdrew it.
 * 2. Output that can't be written (a full disk) is a failure of the command, told once. What serves others goes on.
 * 3. What becomes of stderr changes nothing.
 */
import { messageOf } from '../../foreign.ts'
import { oneLine } from './failure.ts'

/** The other end is gone, as pipes, sockets and terminals say it. */
const LEFT: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'EIO'])

export class Outlet {
  #owes = false
  #left = false
  #failed = false
  #onLeft: (() => void) | undefined

  constructor() {
    process.stdout.on('error', (error: NodeJS.ErrnoException) => this.#lost(error))
    process.stderr.on('error', () => {})
  }

  /** Whether something that should be on stdout could not be written. */
  get failed(): boolean {
    return this.#failed
  }

  /** Calls `end` when nobody reads any more and nothing is owed. */
  whenLeft(end: () => void): void {
    this.#onLeft = end
    this.#settle()
  }

  /** From now on the command has something to finish, whoever reads. */
  owe(): void {
    this.#owes = true
  }

  /** The command is over. Resolves when what was written is out, or nobody takes it any more. */
  async flushed(): Promise<void> {
    this.#onLeft = undefined
    await Promise.all([process.stdout, process.stderr].map(flush))
  }

  #lost(error: NodeJS.ErrnoException): void {
    if (LEFT.has(error.code ?? '')) this.#left = true
    else if (!this.#failed) {
      this.#failed = true
      process.stderr.write(`meerkat: the output can't be written: ${oneLine(messageOf(error))}\n`)
    }
    this.#settle()
  }

  #settle(): void {
    if (this.#left && !this.#owes) this.#onLeft?.()
  }
}

async function flush(stream: NodeJS.WriteStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  stream.write('', () => resolve())
  await promise
}
