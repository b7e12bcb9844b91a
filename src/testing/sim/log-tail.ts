/**
 * The end of the log that is not on disk yet: writes that share a flush, in the order in which they will be in the log.
 *
 * Before the flush no caller is answered and no reader sees them. When a process is killed, or the whole machine loses
 * power, the first of the waiting writes are in the log and the rest are lost, over all sessions: the tail is torn.
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

  /** Resolves when the write should be carried out; stays pending if it is lost. */
  join(process: string): Promise<void> {
    return new Promise(resolve => {
      this.#waiting = [...this.#waiting, { process, proceed: resolve }]
    })
  }

  /** Flushes all writes of the process. */
  flush(process: string): void {
    this.#end(one => one.process === process, Number.POSITIVE_INFINITY)
  }

  /** Ends the processes; the random numbers decide how many of their waiting writes still reach the disk. */
  tear(processes: readonly string[], random: Random): { readonly kept: number; readonly lost: number } {
    const ends = (one: Waiting): boolean => processes.includes(one.process)
    const count = this.#waiting.filter(ends).length
    if (count === 0) return { kept: 0, lost: 0 }
    const kept = random.int(count + 1)
    this.#end(ends, kept)
    return { kept, lost: count - kept }
  }

  /** Carries out the first writes of those that end, and drops the others. */
  #end(ends: (one: Waiting) => boolean, most: number): void {
    const ending = this.#waiting.filter(ends)
    this.#waiting = this.#waiting.filter(one => !ends(one))
    for (const { proceed } of ending.slice(0, most)) proceed()
  }
}
