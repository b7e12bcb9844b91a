/** Identifiers that only mobs use. */
import type { Branded } from '../ids.ts'

/** A member, whichever runtime serves it at the moment. */
export type AgentIdentity = Branded<'AgentIdentity'>
/** One piece of work handed to a member. Stable, so that the member's session recognises a repeated request. */
export type WorkId = Branded<'WorkId'>
/** One walk through a flow. */
export type FlowRunId = Branded<'FlowRunId'>
/** One step of a flow, unique within it. */
export type StepId = Branded<'StepId'>
