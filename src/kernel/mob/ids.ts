/** Identifiers that only a mob speaks of. */
import type { Branded } from '../ids.ts'

/** Who a member is, whatever runtime serves it at the moment. */
export type AgentIdentity = Branded<'AgentIdentity'>
/** One piece of work handed to a member. Stable, so that whoever takes it in can know it again. */
export type WorkId = Branded<'WorkId'>
/** One walk through a flow. */
export type FlowRunId = Branded<'FlowRunId'>
/** One step of a flow, unique within it. */
export type StepId = Branded<'StepId'>
