/** Checks each step of a mob, besides the invariants of its result. */
import type { MobEffect } from '../mob/effects.ts'
import { isOpenStep } from '../mob/flows/state.ts'
import type { MobInput } from '../mob/inputs.ts'
import type { KickoffPhase } from '../mob/kickoffs/state.ts'
import { isCurrentRuntime } from '../mob/roster/state.ts'
import type { MobState } from '../mob/state.ts'
import { mapEntries, mapGet, mapValues } from '../persistent-map.ts'
import type { Transition } from '../step.ts'
import type { Fault } from './explore.ts'

type MobStep = Transition<MobState, MobEffect>

export function mobStepFault(before: MobState, input: MobInput, transition: MobStep): Fault | undefined {
  return (
    fenceFault(before, transition) ??
    lateFault(before, input) ??
    endsFault('members-leave-once', membersOf(before), membersOf(transition.state), departures(before, transition)) ??
    endsFault('kickoffs-end-once', kickoffsOf(before), kickoffsOf(transition.state), kickoffEnds(transition)) ??
    endsFault('work-ends-once', workOf(before), workOf(transition.state), workEnds(transition)) ??
    endsFault('steps-end-once', stepsOf(before), stepsOf(transition.state), stepEnds(transition)) ??
    endsFault('runs-end-once', runsOf(before), runsOf(transition.state), runEnds(transition))
  )
}

function fenceFault(before: MobState, { state }: MobStep): Fault | undefined {
  if (state.lifecycle.phase === 'destroyed') return undefined
  for (const [identity, old] of mapEntries(before.roster.last)) {
    const now = mapGet(state.roster.last, identity)
    if (now === old) continue
    if (now !== undefined && now.fence > old.fence && now.generation === old.generation + 1) continue
    return { invariant: 'fences-rise', text: `the fence of ${identity} went back or its generation skipped` }
  }
  return undefined
}

/** A report about another incarnation is refused. */
function lateFault(before: MobState, input: MobInput): Fault | undefined {
  if (!('fence' in input) || input.type === 'BeginSpawnExec' || input.type === 'CommitSpawnMembership') return undefined
  if (before.lifecycle.phase === 'destroyed' || isCurrentRuntime(before, input)) return undefined
  return {
    invariant: 'late-words-change-nothing',
    text: `${input.type} was accepted for an incarnation that is not current`,
  }
}

/** For everything that left the state, and for nothing else, an end was emitted, once. */
function endsFault(
  invariant: string,
  before: readonly string[],
  after: readonly string[],
  told: readonly string[],
): Fault | undefined {
  const still = new Set(after)
  const gone = before.filter(one => !still.has(one)).toSorted()
  const ends = told.toSorted()
  if (gone.length === ends.length && gone.every((one, at) => one === ends[at])) return undefined
  return { invariant, text: `ended: ${gone.join(', ') || 'nothing'}; told: ${ends.join(', ') || 'nothing'}` }
}

const membersOf = ({ roster }: MobState): readonly string[] =>
  [...mapValues(roster.members)].map(({ identity, fence }) => `${identity} ${fence}`)
/** The members that the effects report as gone; the end or reset of a mob reports all of them with one effect. */
function departures(before: MobState, { effects }: MobStep): readonly string[] {
  const all = effects.some(
    one => one.type === 'LifecycleNotice' && (one.notice === 'reset' || one.notice === 'destroyed'),
  )
  if (all) return membersOf(before)
  return effects.flatMap(one => (one.type === 'MemberRetired' ? [`${one.identity} ${one.fence}`] : []))
}
const kickoffsOf = ({ kickoffs }: MobState): readonly string[] =>
  [...mapEntries(kickoffs.byMember)].flatMap(([identity, { phase }]) => (isKickoffEnd(phase) ? [] : [identity]))
const kickoffEnds = ({ effects }: MobStep): readonly string[] =>
  effects.flatMap(one => (one.type === 'KickoffChanged' && isKickoffEnd(one.phase) ? [one.identity] : []))
const isKickoffEnd = (phase: KickoffPhase): boolean =>
  phase === 'started' || phase === 'failed' || phase === 'cancelled'
const workOf = ({ work }: MobState): readonly string[] =>
  [...mapEntries(work.open)].flatMap(([identity, open]) => [...mapEntries(open)].map(([id]) => `${identity} ${id}`))
const workEnds = ({ effects }: MobStep): readonly string[] =>
  effects.flatMap(one =>
    one.type === 'WorkSettled' || one.type === 'WorkRefused' ? [`${one.identity} ${one.workId}`] : [],
  )
const stepsOf = ({ flows }: MobState): readonly string[] =>
  [...mapValues(flows.runs)].flatMap(({ runId, steps }) =>
    [...mapValues(steps)].filter(isOpenStep).map(({ declared }) => `${runId} ${declared.stepId}`),
  )
const stepEnds = ({ effects }: MobStep): readonly string[] =>
  effects.flatMap(one => (one.type === 'StepEnded' ? [`${one.runId} ${one.stepId}`] : []))
const runsOf = ({ flows }: MobState): readonly string[] => [...mapValues(flows.runs)].map(({ runId }) => runId)
const runEnds = ({ effects }: MobStep): readonly string[] =>
  effects.flatMap(one => (one.type === 'FlowTerminalized' ? [one.runId] : []))
