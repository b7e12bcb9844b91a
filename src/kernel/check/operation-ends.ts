/**
 * Checks the promise about operations on every step: each registered operation ends exactly once or is rolled back, and
 * ends are numbered without a gap. As with inputs (exactly-once.ts) the state itself is the memory.
 */
import type { MeerkatEffect } from '../effects.ts'
import type { OperationId } from '../ids.ts'
import type { MeerkatInput } from '../inputs.ts'
import { epochBegunBy } from '../regions/guards.ts'
import { isUnfinishedOperation, unfinishedOperations } from '../regions/operations/state.ts'
import { completionsUntold } from '../runnable.ts'
import type { MeerkatState } from '../state.ts'
import type { Transition } from '../step.ts'
import type { Fault } from './explore.ts'

const fault = (text: string): Fault => ({ invariant: 'operations-end-exactly-once', text })

/** A change of an operation that the step does not report by an effect, or a reported change that it does not make. */
export function operationEndsFault(
  before: MeerkatState,
  { state: after, effects, edge }: Transition<MeerkatState, MeerkatEffect>,
): Fault | undefined {
  if (before.operations === after.operations) return undefined
  const gone = new Set<OperationId>()
  let seq = before.operations.completions
  for (const effect of effects) {
    if (effect.type !== 'OperationEnded' && effect.type !== 'UnreturnedOperationRolledBack') continue
    if (!isUnfinishedOperation(before.operations, effect.operationId) || gone.has(effect.operationId))
      return fault(`${edge} ends an operation that has ended or never was`)
    gone.add(effect.operationId)
    if (effect.type === 'OperationEnded' && effect.seq !== ++seq)
      return fault(`${edge} gives an end a number out of turn`)
  }
  if (after.operations.completions !== seq && after.operations.completions !== 0)
    return fault(`${edge} counts ends that it does not tell of`)
  for (const { id } of unfinishedOperations(before.operations))
    if (isUnfinishedOperation(after.operations, id) === gone.has(id))
      return fault(`${edge} loses an operation or keeps one it ended`)
  return undefined
}

/** A reset that begins a new epoch leaves no operation of the old one, and no completion to report. */
export function epochFault(
  before: MeerkatState,
  input: MeerkatInput,
  { state, edge }: Transition<MeerkatState, MeerkatEffect>,
): Fault | undefined {
  const begun = input.type === 'Reset' ? epochBegunBy(before, input) : undefined
  if (begun === undefined) return undefined
  const isClean = state.operations.active === 0 && completionsUntold(state) === undefined
  if (isClean && state.binding.epochId === begun) return undefined
  return { invariant: 'epochs-end-what-waits-on-them', text: `${edge} begins an epoch with what waits on the old one` }
}
