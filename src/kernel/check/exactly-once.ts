/**
 * Checks the promise about inputs on every step: an accepted input ends exactly once, and until then it is in the ledger
 * or among the abandoned inputs whose end is still to come.
 *
 * These two slices are the memory of what was accepted and has not ended: each step has to account for exactly the inputs
 * that entered or left them. By induction over the path no input can end twice, be lost, or end without having been
 * accepted. So the states need no history, and the id of an ended input may be used again in place of a fresh one.
 */
import type { MeerkatEffect } from '../effects.ts'
import type { InputId } from '../ids.ts'
import { mapGet, mapValues } from '../persistent-map.ts'
import { endingOf } from '../regions/endings/table.ts'
import type { LedgerEntry } from '../regions/ledger/state.ts'
import type { MeerkatState } from '../state.ts'
import type { Transition } from '../step.ts'
import type { Fault } from './explore.ts'

const fault = (text: string): Fault => ({ invariant: 'inputs-end-exactly-once', text })

/** A change of an input that the step does not report by an effect, or a reported change that it does not make. */
export function exactlyOnceFault(
  before: MeerkatState,
  { state: after, effects, edge }: Transition<MeerkatState, MeerkatEffect>,
): Fault | undefined {
  const accepted = new Set<InputId>()
  const ended = new Set<InputId>()
  for (const effect of effects) {
    if (effect.type === 'InputAccepted') {
      if (isOpen(before, effect.inputId) || accepted.has(effect.inputId)) return fault(`${edge} accepts an input twice`)
      accepted.add(effect.inputId)
    } else if (effect.type === 'InputTerminated') {
      const known = isOpen(before, effect.inputId) || accepted.has(effect.inputId)
      if (!known || ended.has(effect.inputId)) return fault(`${edge} ends an input that has ended or never was`)
      ended.add(effect.inputId)
    }
  }
  const isSame = before.ledger.entries === after.ledger.entries && before.endings === after.endings
  if (isSame && accepted.size === 0 && ended.size === 0) return undefined
  return accountFault(before, after, accepted, ended, edge)
}

function accountFault(
  before: MeerkatState,
  after: MeerkatState,
  accepted: ReadonlySet<InputId>,
  ended: ReadonlySet<InputId>,
  edge: string,
): Fault | undefined {
  for (const { id } of openIn(before)) {
    if (!isOpen(after, id) && !ended.has(id)) return fault(`${edge} loses an input without ending it`)
  }
  for (const { id } of openIn(after)) {
    if (ended.has(id)) return fault(`${edge} ends an input and keeps it`)
    if (!isOpen(before, id) && !accepted.has(id)) return fault(`${edge} holds an input that was never accepted`)
  }
  for (const id of accepted) {
    if (!isOpen(after, id) && !ended.has(id)) return fault(`${edge} accepts an input and forgets it`)
  }
  return undefined
}

function isOpen(state: MeerkatState, id: InputId): boolean {
  return mapGet(state.ledger.entries, id) !== undefined || endingOf(state.endings, id) !== undefined
}

function openIn({ ledger, endings }: MeerkatState): readonly LedgerEntry[] {
  return [ledger, ...endings.groups].flatMap(({ entries }) => mapValues(entries))
}
