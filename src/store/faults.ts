/** Named crash points in a store's commit path. Tests inject functions there; production has none. */
import { MeerkatError } from '../errors.ts'
import { anObject, type Field } from '../options.ts'

export interface StoreFaults {
  /** Runs when all rows are written and nothing is durable yet; what it throws fails the whole flush. */
  readonly beforeCommit?: () => void
  /** Runs when the flush is durable and no caller was answered yet: where a test ends the process. */
  readonly afterCommit?: () => void
}

const POINTS = ['beforeCommit', 'afterCommit'] as const satisfies readonly (keyof StoreFaults)[]

export const someFaults: Field = {
  wanted: 'an object of the functions beforeCommit and afterCommit',
  fits: value =>
    anObject.fits(value) &&
    POINTS.every(point => ['undefined', 'function'].includes(typeof Reflect.get(Object(value), point))),
}

/** Runs a crash point. Callers see an exception of it as a failed disk. */
export function trip(faults: StoreFaults, point: keyof StoreFaults): void {
  try {
    faults[point]?.()
  } catch (error) {
    throw new MeerkatError('store-unavailable', 'an injected fault failed the commit: retry', { cause: error })
  }
}
