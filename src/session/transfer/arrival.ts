/** A session on its way into a store: there, claimed, and nobody's to run before it is whole. */
import { MeerkatError } from '../../errors.ts'

/** Phase in the head of a session that is being imported, or whose import died. No session of its own is ever in it. */
export const ARRIVING = 'initializing'
/** Phase in the head of one that is all there, while its source may still be. */
export const ARRIVED = 'moving'

export function isArriving(phase: string): boolean {
  return phase === ARRIVING || phase === ARRIVED
}

export function notWhole(sessionId: string): MeerkatError {
  return new MeerkatError(
    'not-ready',
    `session ${sessionId} is being imported, or its import was cut short: import or move it again`,
    { details: { sessionId } },
  )
}
