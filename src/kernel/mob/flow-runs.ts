/**
 * One walk through a flow: steps that depend on each other, and what the end of one means for the rest.
 *
 * Pure functions over one run; flows.ts says when they apply. A step's end reaches those that depend on it, and theirs,
 * in the same transition, so nobody ever waits for what can't come any more.
 */
import { emptyMap, mapGet, mapSet, mapValues, type PersistentMap } from '../persistent-map.ts'
import type { AgentIdentity, FlowRunId, StepId } from './ids.ts'

/** To how many members a step goes: to one, to several who each do it, or to several whose answers become one. */
export type StepDispatch = 'oneToOne' | 'fanOut' | 'fanIn'

/** A step as its flow declares it. */
export interface StepDeclaration {
  readonly stepId: StepId
  /** The profile of the members it may go to. */
  readonly role: string
  /** Steps before it in the declaration. */
  readonly dependsOn: readonly StepId[]
  /** Whether it takes all of them to complete, or any. */
  readonly dependsOnMode: 'all' | 'any'
  readonly dispatch: StepDispatch
  /** Whether its failure is the run's. */
  readonly failurePolicy: 'escalate' | 'continue'
  /** At least 1. */
  readonly maxAttempts: number
}

export type StepEnd = 'completed' | 'failed' | 'skipped' | 'canceled'

export type StepProgress =
  /** `attempts`: how many failed. */
  | { readonly status: 'waiting'; readonly attempts: number }
  | { readonly status: 'running'; readonly attempts: number; readonly targets: readonly AgentIdentity[] }
  | { readonly status: Exclude<StepEnd, 'canceled'> }

export interface FlowStep {
  readonly declared: StepDeclaration
  /** The steps that depend on it. */
  readonly dependents: readonly StepId[]
  readonly progress: StepProgress
}

export interface FlowRun {
  readonly runId: FlowRunId
  readonly status: 'pending' | 'running'
  readonly steps: PersistentMap<StepId, FlowStep>
  /** Steps that have not ended; a run without any has ended itself. */
  readonly open: number
}

/** Runs that have not ended: what has leaves the state by its last effect. */
export interface Flows {
  readonly runs: PersistentMap<FlowRunId, FlowRun>
}

/** What a step's end led to. */
export interface Settled {
  readonly run: FlowRun
  /** Steps that ended, in order. */
  readonly ends: readonly { readonly stepId: StepId; readonly end: StepEnd }[]
}

/** Whether the steps make a flow: there are some, each is named once, and depends on earlier ones only. */
export function isFlow(steps: readonly StepDeclaration[]): boolean {
  const known = new Set<StepId>()
  for (const { stepId, dependsOn, maxAttempts } of steps) {
    if (known.has(stepId) || maxAttempts < 1 || !dependsOn.every(id => known.has(id))) return false
    known.add(stepId)
  }
  return steps.length > 0
}

export function newRun(runId: FlowRunId, declared: readonly StepDeclaration[], status: FlowRun['status']): FlowRun {
  const dependents = new Map<StepId, StepId[]>(declared.map(({ stepId }) => [stepId, []]))
  for (const { stepId, dependsOn } of declared) for (const id of new Set(dependsOn)) dependents.get(id)?.push(stepId)
  const steps = declared.reduce(
    (map, one) =>
      mapSet(map, one.stepId, {
        declared: one,
        dependents: dependents.get(one.stepId) ?? [],
        progress: { status: 'waiting', attempts: 0 },
      }),
    emptyMap<StepId, FlowStep>(),
  )
  return { runId, status, steps, open: declared.length }
}

export function stepOf(run: FlowRun | undefined, stepId: StepId): FlowStep | undefined {
  return run && mapGet(run.steps, stepId)
}

export function isOpenStep({ progress: { status } }: FlowStep): boolean {
  return status === 'waiting' || status === 'running'
}

/** The run with this step as it stands now. */
export function withProgress(run: FlowRun, stepId: StepId, progress: StepProgress): FlowRun {
  const step = mapGet(run.steps, stepId)
  return step === undefined ? run : { ...run, steps: mapSet(run.steps, stepId, { ...step, progress }) }
}

/** Whether all that the step depends on has come as far as it needs. */
export function isReady(run: FlowRun, step: FlowStep): boolean {
  const { dependsOn, dependsOnMode } = step.declared
  if (run.status !== 'running' || step.progress.status !== 'waiting') return false
  const completed = (id: StepId): boolean => stepOf(run, id)?.progress.status === 'completed'
  return dependsOnMode === 'all' || dependsOn.length === 0 ? dependsOn.every(completed) : dependsOn.some(completed)
}

/** Ends one step, and skips what can't become ready any more. */
export function endStep(run: FlowRun, stepId: StepId, end: Exclude<StepEnd, 'canceled'>): Settled {
  const ends: { stepId: StepId; end: StepEnd }[] = []
  const due: { readonly stepId: StepId; readonly end: Exclude<StepEnd, 'canceled'> }[] = [{ stepId, end }]
  let now = run
  for (const one of due) {
    const step = stepOf(now, one.stepId)
    if (step === undefined || !isOpenStep(step)) continue
    now = { ...withProgress(now, one.stepId, { status: one.end }), open: now.open - 1 }
    ends.push(one)
    if (one.end === 'completed') continue
    for (const id of step.dependents) if (isDoomed(now, id)) due.push({ stepId: id, end: 'skipped' })
  }
  return { run: now, ends }
}

/** Failed and skipped steps are no foundation: of all that it needs one is such, or of any it needs every one. */
function isDoomed(run: FlowRun, stepId: StepId): boolean {
  const declared = stepOf(run, stepId)?.declared
  if (declared === undefined) return false
  const lost = (id: StepId): boolean => {
    const status = stepOf(run, id)?.progress.status
    return status === 'failed' || status === 'skipped'
  }
  return declared.dependsOnMode === 'all' ? declared.dependsOn.some(lost) : declared.dependsOn.every(lost)
}

/** The steps that a run which ends now leaves undone. */
export function undone(run: FlowRun): Settled['ends'] {
  return [...mapValues(run.steps)]
    .filter(isOpenStep)
    .map(({ declared: { stepId } }) => ({ stepId, end: 'canceled' as const }))
}

/** Whether one of the run's steps is under way at this member. */
export function waitsFor(run: FlowRun, identity: AgentIdentity): boolean {
  return [...mapValues(run.steps)].some(
    ({ progress }) => progress.status === 'running' && progress.targets.includes(identity),
  )
}
