/**
 * From disk to a live state: the newest snapshot, and the kernel inputs of the records after it.
 *
 * Loading writes nothing. A record that the kernel refuses is corruption and named as such; the session is not served
 * from a guess.
 */
import { MeerkatError } from '../errors.ts'
import { decodeState } from '../kernel/encode.ts'
import { type MeerkatState, meerkat } from '../kernel/machine.ts'
import type { LoadedSession, LogRow } from '../store/store.ts'

/** The kernel's state after the newest record. */
export function stateOf(loaded: LoadedSession): MeerkatState {
  const { session, snapshot, rows } = loaded
  const start = snapshot === undefined ? meerkat.initial : decodeState(snapshot.state)
  return rows.reduce((state, row) => replay(state, row, session.id), start)
}

/** The state after one more record. */
export function replay(state: MeerkatState, row: Pick<LogRow, 'position' | 'record'>, sessionId: string): MeerkatState {
  let next = state
  for (const input of row.record.steps ?? []) {
    const result = meerkat.step(next, input)
    if (!result.ok) {
      throw new MeerkatError(
        'internal',
        `session ${sessionId} can't be read: record ${row.position} holds a step the kernel refuses (${result.context}: ${result.reason}); run \`meerkat doctor\``,
        { details: { sessionId, record: row.position, input: input.type, kind: result.kind } },
      )
    }
    next = result.state
  }
  return next
}
