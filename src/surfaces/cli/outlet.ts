/**
 * stdout and stderr, either of which may stop accepting output.
 *
 * 1. A reader that leaves (`meerkat events | head -1`) has got what it wanted: nothing more is printed to it. A command
 *    that only shows something then ends with success; one that works finishes its work, because its input was not
 *    withdrawn.
 * 2. Output that can't be written (a full disk) is a failure of the command, reported once. A server goes on.
 * 3. A failing stderr changes nothing.
 */
import { messageOf } from '../../foreign.ts'
import { oneLine } from './failure.ts'

/** The codes with which pipes, sockets and terminals say that the other end has left. */
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

  /** Whether output for stdout could not be written. */
  get failed(): boolean {
    return this.#failed
  }

  /** Calls `end` when the reader has left and no work is owed. */
  whenLeft(end: () => void): void {
    this.#onLeft = end
    this.#endWhenDone()
  }

  /** From now on the command has work to finish, even without a reader. */
  owe(): void {
    this.#owes = true
  }

  /** Resolves when all output is written, or the reader has left. */
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
    this.#endWhenDone()
  }

  #endWhenDone(): void {
    if (this.#left && !this.#owes) this.#onLeft?.()
  }
}

async function flush(stream: NodeJS.WriteStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  stream.write('', () => resolve())
  await promise
}
