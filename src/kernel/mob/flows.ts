/**
 * Flow runs: directed graphs of steps that a coordinator walks through, with members doing the work.
 *
 * Enforces: a step starts only when what it depends on has come, goes to members of its role, and ends once; of steps that
 * are alternatives one starts; a step is complete when as many of its targets are as its policy asks for, and failed
 * when no longer enough can be; a failure that escalates ends the run, any other skips what depended on it; a run ends as
 * soon as none of its steps is open.
 * Which steps may start is a question to the state (`readySteps`), never a signal that could be lost.
 */
import { emptyMap, mapDelete, mapGet, mapSet, mapValues } from '../persistent-map.ts'
import type { Emit } from '../region.ts'
import type { MobEffect } from './effects.ts'
import {
  alternativesTo,
  type Collected,
  endStep,
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
  type Settled,
  type StepDeclaration,
  stepOf,
  undone,
  waitsFor,
  withProgress,
} from './flow-runs.ts'
import type { AgentIdentity, FlowRunId, StepId } from './ids.ts'
import { coordinatorBound } from './lifecycle.ts'
import type { MobRegion, MobState } from './machine.ts'
import { isActive, memberOf, type WithIdentity } from './members.ts'

type WithRun = { readonly runId: FlowRunId }
type WithStep = WithRun & { readonly stepId: StepId }
/** A word about an earlier attempt is recognised by its number, from 1. */
type WithAttempt = WithStep & { readonly attempt: number }
/** Which of the step's targets it is about. Absent: the step as a whole, as where it has but one. */
type WithTarget = WithAttempt & { readonly target?: AgentIdentity }
type Start = { readonly type: 'StartStep'; readonly targets: readonly AgentIdentity[] } & WithStep
type Seed = WithRun & { readonly steps: readonly StepDeclaration[] }

export type FlowsInput =
  /** A run that waits to be started. */
  | ({ readonly type: 'CreateRunSeed' } & Seed)
  /** Starts a seeded run, or one of these steps. */
  | ({ readonly type: 'RunFlow'; readonly steps?: readonly StepDeclaration[] } & WithRun)
  | Start
  /** One of its targets is done, or its only one. */
  | ({ readonly type: 'CompleteStep' } & WithTarget)
  /** One of its targets failed, or the attempt as a whole. */
  | ({ readonly type: 'FailStep'; readonly reason: string } & WithTarget)
  /** Its condition does not hold. */
  | ({ readonly type: 'SkipStep' } & WithStep)
  | ({ readonly type: 'CancelFlow' } & WithRun)

/** The unfinished run of this name. */
export function runOf({ flows: { runs } }: Pick<MobState, 'flows'>, { runId }: WithRun): FlowRun | undefined {
  return mapGet(runs, runId)
}

/** The steps of a run that may start now, in no promised order. */
export function readySteps(state: MobState, runId: FlowRunId): readonly StepDeclaration[] {
  const run = runOf(state, { runId })
  if (run === undefined) return []
  return [...mapValues(run.steps)].filter(step => isReady(run, step)).map(({ declared }) => declared)
}

function isNewRun(state: MobState, input: WithRun): boolean {
  return runOf(state, input) === undefined
}
function isSoundFlow(_: MobState, { steps }: { readonly steps?: readonly StepDeclaration[] }): boolean {
  return steps !== undefined && isFlow(steps)
}
function isSeeded(state: MobState, input: WithRun): boolean {
  return runOf(state, input)?.status === 'pending'
}
function isUnfinishedRun(state: MobState, input: WithRun): boolean {
  return runOf(state, input) !== undefined
}
function isReadyStep(state: MobState, input: WithStep): boolean {
  const run = runOf(state, input)
  const step = stepOf(run, input.stepId)
  return run !== undefined && step !== undefined && isReady(run, step)
}
function isWaitingStep(state: MobState, input: WithStep): boolean {
  const run = runOf(state, input)
  return run?.status === 'running' && stepOf(run, input.stepId)?.progress.status === 'waiting'
}
function hasSuitableTargets(state: MobState, input: Start): boolean {
  const declared = stepOf(runOf(state, input), input.stepId)?.declared
  const { targets } = input
  if (declared === undefined || targets.length === 0 || new Set(targets).size < targets.length) return false
  if (declared.dispatch === 'oneToOne' && targets.length !== 1) return false
  if (neededOf(declared, targets.length) > targets.length) return false
  return targets.every(identity => {
    const member = memberOf(state, { identity })
    return isActive(member) && member?.profile === declared.role
  })
}
function isCurrentAttempt(state: MobState, input: WithAttempt): boolean {
  const progress = stepOf(runOf(state, input), input.stepId)?.progress
  return progress?.status === 'running' && progress.attempts + 1 === input.attempt
}
function collectedOf(state: MobState, input: WithStep): Collected | undefined {
  const progress = stepOf(runOf(state, input), input.stepId)?.progress
  return progress?.status === 'running' ? progress : undefined
}
/** Each target answers once. */
function isAwaited(state: MobState, { target, ...input }: WithTarget): boolean {
  return target === undefined || collectedOf(state, input)?.awaited.includes(target) === true
}
/** What is said of the step as a whole must not stand for targets that have not answered. */
function speaksForItsTargets(state: MobState, input: WithTarget): boolean {
  return input.target !== undefined || collectedOf(state, input)?.awaited.length === 1
}
function isEnough(state: MobState, input: WithTarget): boolean {
  const collected = collectedOf(state, input)
  return collected !== undefined && collected.completed + 1 >= collected.needed
}
/** One target failed, and the others may still be enough. */
function mayStillBeEnough(state: MobState, input: WithTarget): boolean {
  const collected = collectedOf(state, input)
  if (collected === undefined || input.target === undefined) return false
  return collected.completed + collected.awaited.length - 1 >= collected.needed
}
function hasAttemptsLeft(state: MobState, input: WithAttempt): boolean {
  const declared = stepOf(runOf(state, input), input.stepId)?.declared
  return declared !== undefined && input.attempt < declared.maxAttempts
}
function escalates(state: MobState, input: WithStep): boolean {
  return stepOf(runOf(state, input), input.stepId)?.declared.failurePolicy === 'escalate'
}

const put = ({ runs }: Flows, run: FlowRun): Flows => ({ runs: mapSet(runs, run.runId, run) })
const remove = ({ runs }: Flows, { runId }: WithRun): Flows => ({ runs: mapDelete(runs, runId) })
/** A run that has no open step is over. */
const putOrEnd = (slice: Flows, run: FlowRun): Flows => (run.open === 0 ? remove(slice, run) : put(slice, run))

/** What the end of a step makes of its run. */
const ending = <Input extends WithStep>(
  end: 'completed' | 'failed' | 'skipped',
  ...first: readonly Emit<MobState, Input, MobEffect>[]
) => ({
  then: (slice: Flows, input: WithStep): Flows => {
    const run = mapGet(slice.runs, input.runId)
    return run === undefined ? slice : putOrEnd(slice, endStep(run, input.stepId, end).run)
  },
  emit: [
    ...first,
    (_: MobState, input: WithStep, before: MobState): readonly MobEffect[] => {
      const run = runOf(before, input)
      if (run === undefined) return []
      const settled = endStep(run, input.stepId, end)
      const { runId } = input
      const over = settled.run.open === 0
      return [
        ...endsOf(runId, settled.ends),
        ...(over ? [{ type: 'FlowTerminalized' as const, runId, status: 'completed' as const }] : []),
      ]
    },
  ],
})

function endsOf(runId: FlowRunId, ends: Settled['ends']): readonly MobEffect[] {
  return ends.map(({ stepId, end }) => ({ type: 'StepEnded', runId, stepId, end }))
}
function seed(slice: Flows, { runId, steps }: Seed): Flows {
  return put(slice, newRun(runId, steps, 'pending'))
}
function start(slice: Flows, { runId, steps = [] }: Extract<FlowsInput, { type: 'RunFlow' }>): Flows {
  const seeded = mapGet(slice.runs, runId)
  return put(slice, seeded === undefined ? newRun(runId, steps, 'running') : { ...seeded, status: 'running' })
}
/** The step starts, and what it is the alternative to is skipped. */
function started(run: FlowRun, { stepId, targets }: Start): Settled | undefined {
  const step = stepOf(run, stepId)
  if (step?.progress.status !== 'waiting') return undefined
  const { attempts } = step.progress
  const needed = neededOf(step.declared, targets.length)
  const begun = withProgress(run, stepId, { status: 'running', attempts, awaited: targets, completed: 0, needed })
  return endSteps(begun, alternativesTo(run, step.declared), 'skipped')
}
function startStep(slice: Flows, input: Start): Flows {
  const run = mapGet(slice.runs, input.runId)
  const settled = run && started(run, input)
  return settled === undefined ? slice : put(slice, settled.run)
}
/** Notes that one target has answered, with or without success. */
const collect =
  (completed: 0 | 1) =>
  (slice: Flows, { runId, stepId, target }: WithTarget): Flows => {
    const run = mapGet(slice.runs, runId)
    const progress = stepOf(run, stepId)?.progress
    if (run === undefined || progress?.status !== 'running') return slice
    const awaited = progress.awaited.filter(one => one !== target)
    return put(slice, withProgress(run, stepId, { ...progress, awaited, completed: progress.completed + completed }))
  }
/** Nobody waits for the other targets any more. */
function released(_: MobState, input: WithTarget, before: MobState): readonly MobEffect[] {
  const { runId, stepId, attempt } = input
  const targets = collectedOf(before, input)?.awaited.filter(one => one !== input.target) ?? []
  return targets.length === 0 ? [] : [{ type: 'StepTargetsReleased', runId, stepId, attempt, targets }]
}
/** What completes a step as a whole is the word of its only target. */
function othersReleased(after: MobState, input: WithTarget, before: MobState): readonly MobEffect[] {
  return input.target === undefined ? [] : released(after, input, before)
}
function retry(slice: Flows, { runId, stepId, attempt }: WithAttempt): Flows {
  const run = mapGet(slice.runs, runId)
  return run === undefined ? slice : put(slice, withProgress(run, stepId, { status: 'waiting', attempts: attempt }))
}

function dispatched(after: MobState, input: Start, before: MobState): readonly MobEffect[] {
  const { runId, stepId, targets } = input
  const step = stepOf(runOf(after, { runId }), stepId)
  const run = runOf(before, { runId })
  if (step?.progress.status !== 'running' || run === undefined) return []
  const { dispatch } = step.declared
  return [
    ...endsOf(runId, started(run, input)?.ends ?? []),
    { type: 'StepDispatched', runId, stepId, attempt: step.progress.attempts + 1, dispatch, targets },
  ]
}
function failedRun(_: MobState, { runId, stepId }: WithStep, before: MobState): readonly MobEffect[] {
  const run = runOf(before, { runId })
  if (run === undefined) return []
  return [
    { type: 'StepEnded', runId, stepId, end: 'failed' },
    ...endsOf(
      runId,
      undone(run).filter(one => one.stepId !== stepId),
    ),
    { type: 'NotifyCoordinator', runId, notice: 'flow-failed' },
    { type: 'FlowTerminalized', runId, status: 'failed' },
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
function canceled(_: MobState, input: WithRun, before: MobState): readonly MobEffect[] {
  const run = runOf(before, input)
  return run === undefined ? [] : canceledRun(run)
}
function allCanceled(_: MobState, __: unknown, { flows: { runs } }: MobState): readonly MobEffect[] {
  return [...mapValues(runs)].flatMap(canceledRun)
}
const NONE: Flows = { runs: emptyMap() }
const cancelAll = { then: () => NONE, emit: [allCanceled] }

function waitingFor({ runs }: Flows, { identity }: WithIdentity): readonly FlowRun[] {
  return [...mapValues(runs)].filter(run => waitsFor(run, identity))
}

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
      {
        name: 'dispatched',
        from: ['running'],
        when: [isReadyStep, hasSuitableTargets],
        then: startStep,
        emit: [dispatched],
      },
    ],
    CompleteStep: [
      {
        name: 'completed',
        from: ['running'],
        when: [isCurrentAttempt, isAwaited, speaksForItsTargets, isEnough],
        ...ending('completed', othersReleased),
      },
      {
        name: 'counted',
        from: ['running'],
        when: [isCurrentAttempt, isAwaited, speaksForItsTargets],
        then: collect(1),
      },
    ],
    FailStep: [
      { name: 'counted', from: ['running'], when: [isCurrentAttempt, isAwaited, mayStillBeEnough], then: collect(0) },
      {
        name: 'retried',
        from: ['running'],
        when: [isCurrentAttempt, isAwaited, hasAttemptsLeft],
        then: retry,
        emit: [
          released,
          (_, { runId, stepId, attempt, reason }) => ({ type: 'StepRetrying', runId, stepId, attempt, reason }),
        ],
      },
      {
        name: 'escalated',
        from: ['running'],
        when: [isCurrentAttempt, isAwaited, escalates],
        then: remove,
        emit: [failedRun],
      },
      {
        name: 'continued',
        from: ['running'],
        when: [isCurrentAttempt, isAwaited],
        ...ending('failed', released),
      },
    ],
    SkipStep: [{ name: 'skipped', from: ['running'], when: [isWaitingStep], ...ending('skipped') }],
    CancelFlow: [{ name: 'canceled', from: ['running'], when: [isUnfinishedRun], then: remove, emit: [canceled] }],
  },
  follow: {
    CancelAllWork: {
      then: (slice, input) => waitingFor(slice, input).reduce(remove, slice),
      emit: [(_, input, before) => waitingFor(before.flows, input).flatMap(canceledRun)],
    },
    Complete: cancelAll,
    Reset: cancelAll,
    Destroy: cancelAll,
    ObserveRuntimeDestroyed: cancelAll,
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
      text: 'a waiting step waits for something that is open or for nobody but the coordinator',
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
