/**
 * One walk through a flow: steps that depend on each other, and what the end of one means for the rest.
 *
 * Pure functions over one run; table.ts says when they apply. The end of a step reaches all steps that depend on it,
 * directly or not, in the same transition, so that none waits for something that can't come any more.
 */
import { emptyMap, mapGet, mapSet, mapValues, type PersistentMap } from '../../persistent-map.ts'
import type { AgentIdentity, FlowRunId, StepId } from '../ids.ts'

/** To how many members a step goes: to one, to several that each do it, or to several whose answers are combined. */
export type StepDispatch = 'oneToOne' | 'fanOut' | 'fanIn'

/** How many of its targets have to complete for a step to be complete: each, one, or this many of them. */
export type CollectionPolicy = 'all' | 'any' | { readonly quorum: number }

/** A step as its flow declares it. */
export interface StepDeclaration {
  readonly stepId: StepId
  /** The profile of the members it may go to. */
  readonly role: string
  /** Steps before it in the declaration. */
  readonly dependsOn: readonly StepId[]
  /** Whether all of them have to complete, or any. */
  readonly dependsOnMode: 'all' | 'any'
  readonly dispatch: StepDispatch
  /** Absent: `all`. */
  readonly collection?: CollectionPolicy
  /** Steps of one branch are alternatives that depend on the same: the first that starts leaves the others skipped. */
  readonly branch?: string
  /** Whether its failure fails the run. */
  readonly failurePolicy: 'escalate' | 'continue'
  /** At least 1. */
  readonly maxAttempts: number
}

export type StepEnd = 'completed' | 'failed' | 'skipped' | 'canceled'

export type StepProgress =
  /** `attempts`: how many failed. */
  | { readonly status: 'waiting'; readonly attempts: number }
  | ({ readonly status: 'running'; readonly attempts: number } & Collected)
  | { readonly status: Exclude<StepEnd, 'canceled'> }

/** The answers of a step's targets in this attempt. */
export interface Collected {
  /** The targets that have not answered. */
  readonly awaited: readonly AgentIdentity[]
  /** How many have completed. */
  readonly completed: number
  /** How many have to. */
  readonly needed: number
}

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

/** Unfinished runs; a run leaves the state when it ends. */
export interface Flows {
  readonly runs: PersistentMap<FlowRunId, FlowRun>
}

/** The result of a step's end. */
export interface StepEnds {
  readonly run: FlowRun
  /** Steps that ended, in order. */
  readonly ends: readonly { readonly stepId: StepId; readonly end: StepEnd }[]
}

/**
 * Whether the steps make a flow: there are some, each is named once, depends on earlier ones only and may be tried and
 * collected, and alternatives depend on the same.
 */
export function isFlow(steps: readonly StepDeclaration[]): boolean {
  const known = new Set<StepId>()
  const branches = new Map<string, StepDeclaration>()
  for (const one of steps) {
    const { stepId, dependsOn, maxAttempts, branch } = one
    if (known.has(stepId) || maxAttempts < 1 || !isCollectable(one) || !dependsOn.every(id => known.has(id)))
      return false
    known.add(stepId)
    if (branch === undefined) continue
    const first = branches.get(branch)
    if (first !== undefined && !dependOnTheSame(first, one)) return false
    branches.set(branch, one)
  }
  return steps.length > 0
}

function isCollectable({ dispatch, collection = 'all' }: StepDeclaration): boolean {
  if (typeof collection === 'string') return true
  const { quorum } = collection
  return Number.isSafeInteger(quorum) && quorum >= 1 && (quorum === 1 || dispatch !== 'oneToOne')
}
function dependOnTheSame(one: StepDeclaration, other: StepDeclaration): boolean {
  const ids = new Set(one.dependsOn)
  const others = new Set(other.dependsOn)
  return one.dependsOnMode === other.dependsOnMode && ids.size === others.size && ids.isSubsetOf(others)
}

/** How many of so many targets have to complete. */
export function neededOf({ collection = 'all' }: StepDeclaration, targets: number): number {
  if (collection === 'all') return targets
  return collection === 'any' ? 1 : collection.quorum
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

/** Whether the steps that it depends on have completed, all or any as it declares. */
export function isReady(run: FlowRun, step: FlowStep): boolean {
  const { dependsOn, dependsOnMode } = step.declared
  if (run.status !== 'running' || step.progress.status !== 'waiting') return false
  const completed = (id: StepId): boolean => stepOf(run, id)?.progress.status === 'completed'
  return dependsOnMode === 'all' || dependsOn.length === 0 ? dependsOn.every(completed) : dependsOn.some(completed)
}

/** The other steps of its branch that wait. */
export function alternativesTo(run: FlowRun, { stepId, branch }: StepDeclaration): readonly StepId[] {
  if (branch === undefined) return []
  return [...mapValues(run.steps)]
    .filter(({ declared, progress }) => declared.branch === branch && progress.status === 'waiting')
    .map(({ declared }) => declared.stepId)
    .filter(id => id !== stepId)
}

/** Ends steps one after the other, and skips what can't become ready any more. */
export function endSteps(run: FlowRun, stepIds: readonly StepId[], end: Exclude<StepEnd, 'canceled'>): StepEnds {
  return stepIds.reduce<StepEnds>(
    (settled, stepId) => {
      const next = endStep(settled.run, stepId, end)
      return { run: next.run, ends: [...settled.ends, ...next.ends] }
    },
    { run, ends: [] },
  )
}

/** Ends one step, and skips what can't become ready any more. */
export function endStep(run: FlowRun, stepId: StepId, end: Exclude<StepEnd, 'canceled'>): StepEnds {
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

/** Whether the step can't become ready: with `all`, one of its dependencies failed or was skipped; with `any`, all of them. */
function isDoomed(run: FlowRun, stepId: StepId): boolean {
  const declared = stepOf(run, stepId)?.declared
  if (declared === undefined) return false
  const lost = (id: StepId): boolean => {
    const status = stepOf(run, id)?.progress.status
    return status === 'failed' || status === 'skipped'
  }
  return declared.dependsOnMode === 'all' ? declared.dependsOn.some(lost) : declared.dependsOn.every(lost)
}

/** The open steps of a run that ends now. */
export function undone(run: FlowRun): StepEnds['ends'] {
  return [...mapValues(run.steps)]
    .filter(isOpenStep)
    .map(({ declared: { stepId } }) => ({ stepId, end: 'canceled' as const }))
}

/** Whether one of the run's steps is under way at this member. */
export function waitsFor(run: FlowRun, identity: AgentIdentity): boolean {
  return [...mapValues(run.steps)].some(
    ({ progress }) => progress.status === 'running' && progress.awaited.includes(identity),
  )
}

/** Whether a running step still waits for an answer that can come. */
export function isCollecting({ progress }: FlowStep): boolean {
  if (progress.status !== 'running') return true
  const { awaited, completed, needed } = progress
  return completed < needed && needed <= completed + awaited.length
}

/** Whether one alternative has started and another one has started too or still may. */
export function hasRivals(run: FlowRun): boolean {
  const steps = [...mapValues(run.steps)]
  return steps.some(
    one =>
      hasStarted(one) &&
      steps.some(
        other => other !== one && other.declared.branch === one.declared.branch && other.progress.status !== 'skipped',
      ),
  )
}
function hasStarted({ declared, progress }: FlowStep): boolean {
  if (declared.branch === undefined || progress.status === 'skipped') return false
  return progress.status !== 'waiting' || progress.attempts > 0
}
