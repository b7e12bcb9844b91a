/**
 * The end of the log that is not on disk yet: writes that share a flush, in the order in which they will be in the log.
 *
 * Nobody is answered and nobody reads them before they are flushed. When a process is killed, or the whole machine, a
 * beginning of what waited is in the log and the rest never was, over all sessions alike: the tail is torn.
 */
import type { Random } from './random.ts'

interface Waiting {
  readonly process: string
  readonly proceed: () => void
}

export class LogTail {
  #waiting: readonly Waiting[] = []

  /** How many writes of a process wait. */
  of(process: string): number {
    return this.#waiting.filter(one => one.process === process).length
  }

  /** Resolves when the write is to be carried out; never if it is lost. */
  join(process: string): Promise<void> {
    return new Promise(resolve => {
      this.#waiting = [...this.#waiting, { process, proceed: resolve }]
    })
  }

  /** Everything of the process reaches the disk. */
  flush(process: string): void {
    this.#end(one => one.process === process, Number.POSITIVE_INFINITY)
  }

  /** The processes end; how much of what they have waiting still reaches the disk, the random numbers say. */
  tear(processes: readonly string[], random: Random): { readonly kept: number; readonly lost: number } {
    const ends = (one: Waiting): boolean => processes.includes(one.process)
    const count = this.#waiting.filter(ends).length
    if (count === 0) return { kept: 0, lost: 0 }
    const kept = random.int(count + 1)
    this.#end(ends, kept)
    return { kept, lost: count - kept }
  }

  /** Carries out the first of those that end, and forgets the others. */
  #end(ends: (one: Waiting) => boolean, most: number): void {
    const ending = this.#waiting.filter(ends)
    this.#waiting = this.#waiting.filter(one => !ends(one))
    for (const { proceed } of ending.slice(0, most)) proceed()
  }
}
