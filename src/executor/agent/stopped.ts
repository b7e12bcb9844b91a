/** How a run ends whose signal aborted. */
import type { ApplyOutput, RunPort } from '../executor.ts'
import { abortCause } from './stage.ts'

/** Thrown when the runtime closes during an attempt: the attempt has neither completed nor failed. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** The fields that every output may have. */
export type Ending = Pick<Extract<ApplyOutput, { type: 'failed' }>, 'message' | 'usage' | 'turn'>

export function stopped(port: RunPort, ending: Ending): ApplyOutput {
  switch (abortCause(port.signal)) {
    case 'closing':
    case 'superseded':
      throw new Interrupted('the run was interrupted')
    case 'cancelled':
      return { type: 'cancelled', ...ending }
    case 'deadline':
    case undefined: {
      const error = {
        code: 'deadline-exceeded',
        message: 'the run did not end before its deadline: raise maxRunMs, or ask for less at once',
      }
      return { type: 'failed', source: 'time-budget-exceeded', error, ...ending }
    }
  }
}
