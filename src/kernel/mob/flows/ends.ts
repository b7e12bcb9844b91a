/**
 * How a flow's steps end: what the answers of targets add up to, what a failed attempt means for its run, and that a target
 * which leaves the mob has failed.
 */
import { mapDelete, mapGet, mapSet, mapValues } from '../../persistent-map.ts'
import { type Emit, type Row, rowsAbout } from '../../region.ts'
import { onDeparture } from '../departures.ts'
import type { MobEffect } from '../effects.ts'
import type { FlowRunId } from '../ids.ts'
import type { MobPhase } from '../lifecycle/state.ts'
import type { Member } from '../roster/state.ts'
import type { MobState } from '../state.ts'
import type { Fail, WithAttempt, WithRun, WithStep, WithTarget } from './input.ts'
import {
  type Collected,
  endStep,
  type FlowRun,
  type Flows,
  type StepEnds,
  stepOf,
  undone,
  withProgress,
} from './state.ts'

/** The unfinished run of this id. */
export function unfinishedRun({ flows: { runs } }: Pick<MobState, 'flows'>, { runId }: WithRun): FlowRun | undefined {
  return mapGet(runs, runId)
}

export function runOfAttempt(state: MobState, input: WithAttempt): FlowRun | undefined {
  const run = unfinishedRun(state, input)
  const progress = stepOf(run, input.stepId)?.progress
  return progress?.status === 'running' && progress.attempts + 1 === input.attempt ? run : undefined
}
export function collectedOf(state: MobState, input: WithStep): Collected | undefined {
  const progress = stepOf(unfinishedRun(state, input), input.stepId)?.progress
  return progress?.status === 'running' ? progress : undefined
}
/** Each target answers once. */
export function isAwaited(state: MobState, { target, ...input }: WithTarget): boolean {
  return target === undefined || collectedOf(state, input)?.awaited.includes(target) === true
}
/** One target failed, and the others may still be enough. */
function mayStillBeEnough(state: MobState, input: WithTarget): boolean {
  const collected = collectedOf(state, input)
  if (collected === undefined || input.target === undefined) return false
  return collected.completed + collected.awaited.length - 1 >= collected.needed
}
function hasAttemptsLeft(state: MobState, input: WithAttempt): boolean {
  const declared = stepOf(unfinishedRun(state, input), input.stepId)?.declared
  return declared !== undefined && input.attempt < declared.maxAttempts
}
function escalates(state: MobState, input: WithStep): boolean {
  return stepOf(unfinishedRun(state, input), input.stepId)?.declared.failurePolicy === 'escalate'
}

export const put = ({ runs }: Flows, run: FlowRun): Flows => ({ runs: mapSet(runs, run.runId, run) })
export const remove = ({ runs }: Flows, { runId }: WithRun): Flows => ({ runs: mapDelete(runs, runId) })
/** Stores the run, or removes it if it has no open step. */
const putOrEnd = (slice: Flows, run: FlowRun): Flows => (run.open === 0 ? remove(slice, run) : put(slice, run))

/** A row's change and effects for the end of a step. */
export const ending = <Input extends WithStep>(
  end: 'completed' | 'failed' | 'skipped',
  ...first: readonly Emit<MobState, Input, MobEffect, FlowRun>[]
) => ({
  then: (slice: Flows, input: WithStep, _: MobState, run: FlowRun): Flows =>
    putOrEnd(slice, endStep(run, input.stepId, end).run),
  emit: [
    ...first,
    (_: MobState, input: WithStep, __: MobState, run: FlowRun): readonly MobEffect[] => {
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

export function endsOf(runId: FlowRunId, ends: StepEnds['ends']): readonly MobEffect[] {
  return ends.map(({ stepId, end }) => ({ type: 'StepEnded', runId, stepId, end }))
}
/** Notes that one target has answered, with or without success. */
export const collect =
  (completed: 0 | 1) =>
  (slice: Flows, { stepId, target }: WithTarget, _: MobState, run: FlowRun): Flows => {
    const progress = stepOf(run, stepId)?.progress
    if (progress?.status !== 'running') return slice
    const awaited = progress.awaited.filter(one => one !== target)
    return put(slice, withProgress(run, stepId, { ...progress, awaited, completed: progress.completed + completed }))
  }
/** The effect that releases the other targets of a step that ended. */
export function released(_: MobState, input: WithTarget, before: MobState): readonly MobEffect[] {
  const { runId, stepId, attempt } = input
  const targets = collectedOf(before, input)?.awaited.filter(one => one !== input.target) ?? []
  return targets.length === 0 ? [] : [{ type: 'StepTargetsReleased', runId, stepId, attempt, targets }]
}
function retry(slice: Flows, { stepId, attempt }: WithAttempt, _: MobState, run: FlowRun): Flows {
  return put(slice, withProgress(run, stepId, { status: 'waiting', attempts: attempt }))
}

function failedRun(_: MobState, { runId, stepId }: WithStep, __: MobState, run: FlowRun): readonly MobEffect[] {
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

const aboutRun = rowsAbout<MobState, Flows, MobEffect, MobPhase>()

/**
 * Rows for a failed target, in order: the others may still be enough, the step is tried again, the failure ends the run,
 * or it skips the steps that depend on it.
 */
export const failing: readonly Row<MobState, Flows, Fail, MobEffect, MobPhase>[] = [
  aboutRun({
    name: 'counted',
    from: ['running'],
    about: runOfAttempt,
    when: [isAwaited, mayStillBeEnough],
    then: collect(0),
  }),
  aboutRun({
    name: 'retried',
    from: ['running'],
    about: runOfAttempt,
    when: [isAwaited, hasAttemptsLeft],
    then: retry,
    emit: [
      released,
      (_, { runId, stepId, attempt, reason }) => ({ type: 'StepRetrying', runId, stepId, attempt, reason }),
    ],
  }),
  aboutRun({
    name: 'escalated',
    from: ['running'],
    about: runOfAttempt,
    when: [isAwaited, escalates],
    then: remove,
    emit: [failedRun],
  }),
  aboutRun({
    name: 'continued',
    from: ['running'],
    about: runOfAttempt,
    when: [isAwaited],
    ...ending('failed', released),
  }),
]

/** The result of a failed target, by the same rows. */
function failed(state: MobState, input: Fail): { readonly flows: Flows; readonly effects: readonly MobEffect[] } {
  const row = failing.find(({ when = [] }) => when.every(guard => guard(state, input)))
  const flows = row?.then?.(state.flows, input, state) ?? state.flows
  const after = { ...state, flows }
  return { flows, effects: (row?.emit ?? []).flatMap(emit => emit(after, input, state)) }
}

/** Every step under way at the member fails there, because its answer can't come any more. */
function abandonedBy(state: MobState, { identity: target }: Member): ReturnType<typeof failed> {
  const awaiting = [...mapValues(state.flows.runs)].flatMap(({ runId, steps }) =>
    [...mapValues(steps)].flatMap(({ declared: { stepId }, progress }) =>
      progress.status === 'running' && progress.awaited.includes(target)
        ? [{ runId, stepId, attempt: progress.attempts + 1 }]
        : [],
    ),
  )
  return awaiting.reduce<ReturnType<typeof failed>>(
    (now, step) => {
      const input: Fail = { type: 'FailStep', ...step, target, reason: 'its member left' }
      const { flows, effects } = failed({ ...state, flows: now.flows }, input)
      return { flows, effects: [...now.effects, ...effects] }
    },
    { flows: state.flows, effects: [] },
  )
}

export const targetsLeaving = onDeparture<Flows>(
  (_, member, state) => abandonedBy(state, member).flows,
  (before, member) => abandonedBy(before, member).effects,
)
