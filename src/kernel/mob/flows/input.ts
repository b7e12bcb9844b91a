/** What the region `flows` decides on. */
import type { AgentIdentity, FlowRunId, StepId } from '../ids.ts'
import type { StepDeclaration } from './state.ts'

export type Start = { readonly type: 'StartStep'; readonly targets: readonly AgentIdentity[] } & WithStep

export type Seed = WithRun & { readonly steps: readonly StepDeclaration[] }

export type FlowsInput =
  /** A run that waits to be started. */
  | ({ readonly type: 'CreateRunSeed' } & Seed)
  /** Starts a seeded run, or one of these steps. */
  | ({ readonly type: 'RunFlow'; readonly steps?: readonly StepDeclaration[] } & WithRun)
  | Start
  /** One of its targets is done, or its only one. */
  | ({ readonly type: 'CompleteStep' } & WithTarget)
  /** One of its targets failed, or the attempt as a whole. */
  | Fail
  /** Its condition does not hold. */
  | ({ readonly type: 'SkipStep' } & WithStep)
  | ({ readonly type: 'CancelFlow' } & WithRun)

export type WithRun = { readonly runId: FlowRunId }

export type WithStep = WithRun & { readonly stepId: StepId }

/** A word about an earlier attempt is recognised by its number, from 1. */
export type WithAttempt = WithStep & { readonly attempt: number }

/** Which of the step's targets it is about. Absent: the step as a whole, as where it has but one. */
export type WithTarget = WithAttempt & { readonly target?: AgentIdentity }

export type Fail = { readonly type: 'FailStep'; readonly reason: string } & WithTarget
