/** Tells the person at a command that its store takes nothing now: work is tried again meanwhile, and seems to stand still. */
import type { RuntimeObserver } from '../../observer.ts'
import type { Output } from './output.ts'

/** Says it once for each time that the store begins to refuse. */
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
