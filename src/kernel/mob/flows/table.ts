/**
 * Flow runs: directed graphs of steps that a coordinator walks through, with members doing the work.
 *
 * Enforces: a step starts only when its dependencies allow it, goes to members of its role, and ends once; of alternative
 * steps one starts; a step is complete when its policy's number of targets is, and failed when that number can't be reached
 * any more; a failure that escalates ends the run, any other skips the steps that depend on it; a run ends as soon as none
 * of its steps is open.
 * The shell reads from the state which steps may start (`readySteps`), so no signal can be lost.
 */
import { emptyMap, mapGet, mapValues } from '../../persistent-map.ts'
import { rowsAbout } from '../../region.ts'
import { leftOrEnded } from '../departures.ts'
import type { MobEffect } from '../effects.ts'
import type { FlowRunId } from '../ids.ts'
import type { MobPhase } from '../lifecycle/state.ts'
import { coordinatorBound } from '../lifecycle/table.ts'
import type { MobRegion } from '../mob-region.ts'
import { isActive, memberOf, type WithIdentity } from '../roster/state.ts'
import type { MobState } from '../state.ts'
import {
  collect,
  collectedOf,
  ending,
  endsOf,
  failing,
  isAwaited,
  put,
  released,
  remove,
  runOfAttempt,
  targetsLeaving,
  unfinishedRun,
} from './ends.ts'
import type { FlowsInput, Seed, Start, WithRun, WithStep, WithTarget } from './input.ts'
import {
  alternativesTo,
  endSteps,
  type FlowRun,
  type Flows,
  hasRivals,
  isCollecting,
  isFlow,
  isOpenStep,
  isReady,
  neededOf,
  newRun,
  type StepDeclaration,
  type StepEnds,
  stepOf,
  undone,
  waitsFor,
  withProgress,
} from './state.ts'

/** The steps of a run that may start now, in no promised order. */
export function readySteps(state: MobState, runId: FlowRunId): readonly StepDeclaration[] {
  const run = unfinishedRun(state, { runId })
  if (run === undefined) return []
  return [...mapValues(run.steps)].filter(step => isReady(run, step)).map(({ declared }) => declared)
}

function isNewRun(state: MobState, input: WithRun): boolean {
  return unfinishedRun(state, input) === undefined
}
function isSoundFlow(_: MobState, { steps }: { readonly steps?: readonly StepDeclaration[] }): boolean {
  return steps !== undefined && isFlow(steps)
}
function isSeeded(state: MobState, input: WithRun): boolean {
  return unfinishedRun(state, input)?.status === 'pending'
}
function runOfReadyStep(state: MobState, input: WithStep): FlowRun | undefined {
  const run = unfinishedRun(state, input)
  const step = stepOf(run, input.stepId)
  return run && step && isReady(run, step) ? run : undefined
}
function runOfWaitingStep(state: MobState, input: WithStep): FlowRun | undefined {
  const run = unfinishedRun(state, input)
  return run?.status === 'running' && stepOf(run, input.stepId)?.progress.status === 'waiting' ? run : undefined
}
function hasSuitableTargets(state: MobState, input: Start): boolean {
  const declared = stepOf(unfinishedRun(state, input), input.stepId)?.declared
  const { targets } = input
  if (declared === undefined || targets.length === 0 || new Set(targets).size < targets.length) return false
  if (declared.dispatch === 'oneToOne' && targets.length !== 1) return false
  if (neededOf(declared, targets.length) > targets.length) return false
  return targets.every(identity => {
    const member = memberOf(state, { identity })
    return isActive(member) && member?.profile === declared.role
  })
}
/** A report about the step as a whole must not stand for targets that have not answered. */
function speaksForItsTargets(state: MobState, input: WithTarget): boolean {
  return input.target !== undefined || collectedOf(state, input)?.awaited.length === 1
}
function isEnough(state: MobState, input: WithTarget): boolean {
  const collected = collectedOf(state, input)
  return collected !== undefined && collected.completed + 1 >= collected.needed
}
function seed(slice: Flows, { runId, steps }: Seed): Flows {
  return put(slice, newRun(runId, steps, 'pending'))
}
function start(slice: Flows, { runId, steps = [] }: Extract<FlowsInput, { type: 'RunFlow' }>): Flows {
  const seeded = mapGet(slice.runs, runId)
  return put(slice, seeded === undefined ? newRun(runId, steps, 'running') : { ...seeded, status: 'running' })
}
/** Starts the step and skips its alternatives. */
function started(run: FlowRun, { stepId, targets }: Start): StepEnds | undefined {
  const step = stepOf(run, stepId)
  if (step?.progress.status !== 'waiting') return undefined
  const { attempts } = step.progress
  const needed = neededOf(step.declared, targets.length)
  const begun = withProgress(run, stepId, { status: 'running', attempts, awaited: targets, completed: 0, needed })
  return endSteps(begun, alternativesTo(run, step.declared), 'skipped')
}
function startStep(slice: Flows, input: Start, _: MobState, run: FlowRun): Flows {
  const settled = started(run, input)
  return settled === undefined ? slice : put(slice, settled.run)
}
/** Releases the other targets, unless the report was about the step as a whole, which then has only one. */
function othersReleased(after: MobState, input: WithTarget, before: MobState): readonly MobEffect[] {
  return input.target === undefined ? [] : released(after, input, before)
}
function dispatched(after: MobState, input: Start, _: MobState, run: FlowRun): readonly MobEffect[] {
  const { runId, stepId, targets } = input
  const step = stepOf(unfinishedRun(after, { runId }), stepId)
  if (step?.progress.status !== 'running') return []
  const { dispatch } = step.declared
  return [
    ...endsOf(runId, started(run, input)?.ends ?? []),
    { type: 'StepDispatched', runId, stepId, attempt: step.progress.attempts + 1, dispatch, targets },
  ]
}
function canceledRun(run: FlowRun): readonly MobEffect[] {
  const { runId } = run
  return [
    ...endsOf(runId, undone(run)),
    { type: 'NotifyCoordinator', runId, notice: 'flow-canceled' },
    { type: 'FlowTerminalized', runId, status: 'canceled' },
  ]
}
function allCanceled(_: MobState, __: unknown, { flows: { runs } }: MobState): readonly MobEffect[] {
  return [...mapValues(runs)].flatMap(canceledRun)
}
const NONE: Flows = { runs: emptyMap() }
const cancelAll = { then: () => NONE, emit: [allCanceled] }

function waitingFor({ runs }: Flows, { identity }: WithIdentity): readonly FlowRun[] {
  return [...mapValues(runs)].filter(run => waitsFor(run, identity))
}

const aboutRun = rowsAbout<MobState, Flows, MobEffect, MobPhase>()

export const flows: MobRegion<'flows'> = {
  name: 'flows',
  about: 'Flow runs: which steps may start, what their ends mean for the rest, and how a run ends.',
  initial: NONE,
  phaseOf: state => state.lifecycle.phase,
  phases: ['running'],
  on: {
    CreateRunSeed: [
      {
        name: 'seeded',
        from: ['running'],
        when: [isNewRun, isSoundFlow],
        then: seed,
        emit: [(_, { runId }) => ({ type: 'FlowSeeded', runId })],
      },
    ],
    RunFlow: [
      {
        name: 'seeded',
        from: ['running'],
        when: [coordinatorBound, isSeeded],
        then: start,
        emit: [(_, { runId }) => ({ type: 'FlowStarted', runId })],
      },
      {
        name: 'fresh',
        from: ['running'],
        when: [coordinatorBound, isNewRun, isSoundFlow],
        then: start,
        emit: [(_, { runId }) => ({ type: 'FlowStarted', runId })],
      },
    ],
    StartStep: [
      aboutRun({
        name: 'dispatched',
        from: ['running'],
        about: runOfReadyStep,
        when: [hasSuitableTargets],
        then: startStep,
        emit: [dispatched],
      }),
    ],
    CompleteStep: [
      aboutRun({
        name: 'completed',
        from: ['running'],
        about: runOfAttempt,
        when: [isAwaited, speaksForItsTargets, isEnough],
        ...ending('completed', othersReleased),
      }),
      aboutRun({
        name: 'counted',
        from: ['running'],
        about: runOfAttempt,
        when: [isAwaited, speaksForItsTargets],
        then: collect(1),
      }),
    ],
    FailStep: failing,
    SkipStep: [aboutRun({ name: 'skipped', from: ['running'], about: runOfWaitingStep, ...ending('skipped') })],
    CancelFlow: [
      aboutRun({
        name: 'canceled',
        from: ['running'],
        about: unfinishedRun,
        then: remove,
        emit: [(_, __, ___, run) => canceledRun(run)],
      }),
    ],
  },
  follow: {
    ...targetsLeaving,
    CancelAllWork: {
      then: (slice, input) => waitingFor(slice, input).reduce(remove, slice),
      emit: [(_, input, before) => waitingFor(before.flows, input).flatMap(canceledRun)],
    },
    Complete: cancelAll,
    Reset: cancelAll,
    Destroy: cancelAll,
    ObserveRuntimeDestroyed: leftOrEnded(targetsLeaving.ObserveRuntimeDestroyed, cancelAll),
  },
  invariants: [
    {
      id: 'runs-have-open-steps',
      text: 'an unfinished run has exactly the open steps it counts, and at least one',
      holds: ({ flows: { runs } }) =>
        [...mapValues(runs)].every(run => {
          const open = [...mapValues(run.steps)].filter(isOpenStep).length
          return open === run.open && open > 0
        }),
    },
    {
      id: 'waiting-steps-can-come',
      text: 'a waiting step waits for an open step, or for the coordinator alone',
      holds: ({ flows: { runs } }) => [...mapValues(runs)].every(hasNoDeadStep),
    },
    {
      id: 'running-steps-can-be-collected',
      text: 'a running step needs more of its targets than have completed, and not more than still can',
      holds: ({ flows: { runs } }) =>
        [...mapValues(runs)].flatMap(run => [...mapValues(run.steps)]).every(isCollecting),
    },
    {
      id: 'one-alternative-starts',
      text: 'where one step of a branch has started, the others are skipped',
      holds: ({ flows: { runs } }) => [...mapValues(runs)].every(run => !hasRivals(run)),
    },
  ],
}

function hasNoDeadStep(run: FlowRun): boolean {
  return [...mapValues(run.steps)].every(step => {
    if (step.progress.status !== 'waiting' || run.status === 'pending' || isReady(run, step)) return true
    return step.declared.dependsOn.some(id => {
      const other = stepOf(run, id)
      return other !== undefined && isOpenStep(other)
    })
  })
}
