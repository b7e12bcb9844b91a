/** The inputs that the region `flows` decides on. */
import type { AgentIdentity, FlowRunId, StepId } from '../ids.ts'
import type { StepDeclaration } from './state.ts'

export type Start = { readonly type: 'StartStep'; readonly targets: readonly AgentIdentity[] } & WithStep

export type Seed = WithRun & { readonly steps: readonly StepDeclaration[] }

export type FlowsInput =
  /** Creates a run that waits to be started. */
  | ({ readonly type: 'CreateRunSeed' } & Seed)
  /** Starts a seeded run, or one of these steps. */
  | ({ readonly type: 'RunFlow'; readonly steps?: readonly StepDeclaration[] } & WithRun)
  | Start
  /** A target of the step is done. */
  | ({ readonly type: 'CompleteStep' } & WithTarget)
  /** One of its targets failed, or the attempt as a whole. */
  | Fail
  /** The step's condition does not hold. */
  | ({ readonly type: 'SkipStep' } & WithStep)
  | ({ readonly type: 'CancelFlow' } & WithRun)

export type WithRun = { readonly runId: FlowRunId }

export type WithStep = WithRun & { readonly stepId: StepId }

/** `attempt`, from 1, tells reports about an earlier attempt apart. */
export type WithAttempt = WithStep & { readonly attempt: number }

/** `target` absent: the step as a whole, for example one with a single target. */
export type WithTarget = WithAttempt & { readonly target?: AgentIdentity }

export type Fail = { readonly type: 'FailStep'; readonly reason: string } & WithTarget
