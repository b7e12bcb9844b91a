/**
 * Inputs that the machine may not refuse, and when: an operation that has to lead out of its phase, a question that has to
 * get its verdict, a report that may come late. Written apart from the rows that accept them, so that the explorer notices a
 * missing row. All other inputs may be refused by a guard.
 */
import type { MeerkatInput } from '../../inputs.ts'
import type { MeerkatState } from '../../state.ts'
import type { Fault } from '../explore.ts'
import { peerAnswers } from './peers.ts'
import type { Answers } from './rule.ts'
import { sessionAnswers } from './session.ts'
import { toolAnswers } from './tools.ts'
import { voiceAnswers } from './voice.ts'

const ANSWERS: Answers = { ...sessionAnswers, ...toolAnswers, ...peerAnswers, ...voiceAnswers }

/** The fault, if this input may not be refused in this state. */
export function refusalFault(state: MeerkatState, input: MeerkatInput): Fault | undefined {
  const mustTake = ruleFor(input.type)
  if (mustTake?.(state, input) !== true) return undefined
  const { lifecycle, registration } = state
  const at = `${lifecycle.phase}, ${registration.sessionId === undefined ? 'unregistered' : registration.phase}`
  return { invariant: `takes-${input.type}`, text: `${input.type} is refused where it may not be (${at})` }
}

type AnyRule = (state: MeerkatState, input: MeerkatInput) => boolean

function ruleFor(type: MeerkatInput['type']): AnyRule | undefined {
  // `type` is the type of the input that the caller passes to the rule.
  return ANSWERS[type] as AnyRule | undefined
}
