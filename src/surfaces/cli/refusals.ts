/** Tells the person that the store refuses commits: work is retried meanwhile, and seems to stand still. */
import { MeerkatError } from '../../errors.ts'
import type { RuntimeObserver } from '../../observer.ts'
import type { Output } from './output.ts'

/** Says so once each time the store begins to refuse. */
export function tellRefusals(output: Pick<Output, 'warn'>): RuntimeObserver {
  let refuses = false
  return {
    committed: ({ failed }) => {
      const isRefusal = failed === 'store-unavailable'
      if (isRefusal && !refuses) {
        output.warn(
          'meerkat: the store takes nothing now (`meerkat doctor` says why); it is tried again, and Ctrl-C three times leaves',
        )
      }
      refuses = isRefusal
    },
  }
}

/**
 * Ends the wait of a command that does the work itself, once its store has refused for longer than a run may wait: the
 * events that it reads would never come.
 */
export class Refused {
  readonly #waiting = new Set<(error: MeerkatError) => void>()

  readonly observer: RuntimeObserver = {
    lease: ({ sessionId, event, error, message = '' }) => {
      if (event !== 'lost' || error !== 'store-unavailable') return
      const text = `${message}; what was accepted is kept: go on with \`meerkat run --session ${sessionId}\``
      const failure = new MeerkatError('store-unavailable', text, { retryable: true, details: { sessionId } })
      for (const fail of this.#waiting) fail(failure)
    },
  }

  /** The answer, or the store's refusal if that comes first. */
  async orElse<T>(answer: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    this.#waiting.add(reject)
    try {
      return await Promise.race([answer, promise])
    } finally {
      this.#waiting.delete(reject)
    }
  }
}
