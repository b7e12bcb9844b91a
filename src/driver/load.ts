/**
 * Rebuilds the kernel's state from disk: the newest snapshot, and the kernel inputs of the records after it.
 *
 * Loading writes nothing. A record that the kernel refuses is corruption and named as such; the session is not served
 * from a guess. A record whose checksum holds, with a step that the kernel does not know at all, was written by a newer
 * release: it is refused as `unsupported`, and is not damaged.
 */
import { MeerkatError } from '../errors.ts'
import { readState, StateDecodeError } from '../kernel/encode.ts'
import type { MeerkatInput } from '../kernel/inputs.ts'
import { meerkat } from '../kernel/machine.ts'
import type { MeerkatState } from '../kernel/state.ts'
import type { LoadedSession, LogRow } from '../store/store.ts'
import { newerRelease } from '../store/store-errors.ts'
import { nextTurn } from '../turns.ts'
import { findBrokenInvariant } from './broken-invariant.ts'

type Row = Pick<LogRow, 'position' | 'record'>

const KNOWN: ReadonlySet<string> = new Set(meerkat.regions.flatMap(({ on }) => Object.keys(on)))

/** Inputs that earlier releases took and no fact of this one depends on. */
const GONE: ReadonlySet<string> = new Set(['AuthorizeDurableTailRecovery'])

/** About how many steps are replayed in one turn of the event loop: a few milliseconds of work. */
const STEPS_A_TURN = 256

/** The kernel's state after the newest record. A long replay gives other sessions turns of the event loop. */
export async function stateOf(loaded: LoadedSession): Promise<MeerkatState> {
  const { session, snapshot, rows } = loaded
  let state = snapshot === undefined ? meerkat.initial : await snapshotState(snapshot.state, session.id)
  let steps = 0
  for (const row of rows) {
    steps += row.record.steps?.length ?? 0
    if (steps > STEPS_A_TURN) {
      await nextTurn()
      steps = 0
    }
    state = replay(state, row, session.id)
  }
  return state
}

/** The state after one more record. */
export function replay(state: MeerkatState, row: Row, sessionId: string): MeerkatState {
  let next = state
  for (const input of knownSteps(row, sessionId)) {
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

/** The record's kernel inputs. Throws `unsupported` if one of them is of a newer release. */
export function knownSteps({ position, record }: Row, sessionId: string): readonly MeerkatInput[] {
  const steps = record.steps ?? []
  if (steps.every(({ type }) => KNOWN.has(type))) return steps
  const unknown = steps.find(({ type }) => !KNOWN.has(type) && !GONE.has(type))
  if (unknown === undefined) return steps.filter(({ type }) => KNOWN.has(type))
  const why = `it holds a step ${JSON.stringify(unknown.type)}, which this one does not know`
  throw newerRelease({ sessionId, record: position }, why, { input: unknown.type })
}

async function snapshotState(text: string, sessionId: string): Promise<MeerkatState> {
  try {
    const state = readState(text)
    const broken = await findBrokenInvariant(state)
    if (broken !== undefined) throw new StateDecodeError(`it breaks an invariant: ${broken.invariant}: ${broken.text}`)
    return state
  } catch (error) {
    if (error instanceof StateDecodeError && error.isNewer) throw newerRelease({ sessionId }, error.reason, {})
    throw error
  }
}
