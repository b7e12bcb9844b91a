/** What leaves the mob machine. The requests are routed to sessions by the seam; the rest is told to whoever listens. */
import type { AgentRuntimeId, SessionId } from '../ids.ts'
import type { PeerEndpoint } from '../regions/trust/state.ts'
import type { StepDispatch, StepEnd } from './flows/state.ts'
import type { AgentIdentity, FlowRunId, StepId, WorkId } from './ids.ts'
import type { Kickoff } from './kickoffs/state.ts'
import type { RefusedRequest } from './roster/state.ts'
import type { WorkOrigin } from './work/state.ts'

interface Incarnation {
  readonly identity: AgentIdentity
  readonly runtimeId: AgentRuntimeId
  readonly fence: number
}

/** A member's first turn. */
export type KickoffEffect =
  | (Kickoff & { readonly type: 'KickoffChanged' } & Incarnation)
  /** Its member leaves: what there is of it is to be brought to its end. */
  | ({ readonly type: 'RequestKickoffQuiesce' } & Incarnation)

/** What a session, or a peer without one, is asked for. */
export type RequestEffect =
  | ({
      readonly type: 'RequestRuntimeBinding'
      readonly generation: number
      readonly sessionId: SessionId
    } & Incarnation)
  | ({
      readonly type: 'RequestRuntimeIngress'
      readonly generation: number
      readonly sessionId: SessionId
      readonly workId: WorkId
      readonly origin: WorkOrigin
    } & Incarnation)
  | ({ readonly type: 'RequestRuntimeRetire'; readonly sessionId: SessionId } & Incarnation)
  | ({ readonly type: 'RequestRuntimeDestroy'; readonly sessionId: SessionId } & Incarnation)
  | ({
      readonly type: 'RequestPeerRuntimeIngress'
      readonly workId: WorkId
      readonly origin: WorkOrigin
    } & Incarnation)
  | ({ readonly type: 'RequestPeerRuntimeRetire' } & Incarnation)
  /** A session that was given back is to take the mob's ingress off: `ObserveSessionIngressDetached` says that it has. */
  | {
      readonly type: 'RequestSessionIngressDetachForMobDestroy'
      readonly sessionId: SessionId
      readonly runtimeId: AgentRuntimeId
    }
  | ({ readonly type: 'RequestWorkCancel'; readonly workIds: readonly WorkId[] } & Incarnation)

/** A member's way. */
export type MemberEffect =
  | ({ readonly type: 'SpawnOpened'; readonly generation: number } & Incarnation)
  /** `canceled`: whoever prepares a runtime for it need not go on. */
  | { readonly type: 'SpawnAborted'; readonly identity: AgentIdentity; readonly cause: 'aborted' | 'canceled' }
  | ({ readonly type: 'MemberSpawned'; readonly generation: number; readonly profile: string } & Incarnation)
  /** `sessionId` undefined: it has none any more. */
  | {
      readonly type: 'MemberSessionBindingChanged'
      readonly identity: AgentIdentity
      readonly sessionId: SessionId | undefined
    }
  | ({ readonly type: 'MemberReady' } & Incarnation)
  | ({ readonly type: 'MemberRetiring' } & Incarnation)
  | ({
      readonly type: 'MemberBroken'
      readonly request: RefusedRequest
      readonly code: string
      readonly reason: string
    } & Incarnation)
  /** It is no member any more. */
  | ({ readonly type: 'MemberRetired' } & Incarnation)

/** Who may talk to whom. */
export type WiringEffect =
  | { readonly type: 'WiringGraphChanged'; readonly epoch: number }
  | ({ readonly type: 'MemberTrustWiringRequested'; readonly epoch: number } & Pair)
  | ({ readonly type: 'MemberTrustUnwiringRequested'; readonly epoch: number } & Pair)
  /** The two are wired; whether they trust each other is to be looked at again. */
  | ({ readonly type: 'WiringTrustRepairRequested'; readonly epoch: number } & Pair)
  | ({ readonly type: 'ExternalPeerTrustRequested' } & ExternalPair)
  | ({ readonly type: 'ExternalPeerUntrustRequested' } & ExternalPair)

/** A member, and a peer outside the mob under the name that it has here. */
interface ExternalPair {
  readonly identity: AgentIdentity
  readonly external: AgentIdentity
  readonly endpoint: PeerEndpoint
  readonly epoch: number
}

interface Pair {
  readonly a: AgentIdentity
  readonly b: AgentIdentity
}

/** A piece of work's end. */
export type WorkEffect =
  | {
      readonly type: 'WorkRefused'
      readonly identity: AgentIdentity
      readonly workId: WorkId
      readonly code: string
      readonly reason: string
    }
  | {
      readonly type: 'WorkSettled'
      readonly identity: AgentIdentity
      readonly workId: WorkId
      /** `lost`: its member left. */
      readonly outcome: 'done' | 'canceled' | 'lost'
    }

/** A flow run's way. */
export type FlowEffect =
  | { readonly type: 'FlowSeeded'; readonly runId: FlowRunId }
  | { readonly type: 'FlowStarted'; readonly runId: FlowRunId }
  | {
      readonly type: 'StepDispatched'
      readonly runId: FlowRunId
      readonly stepId: StepId
      /** From 1. */
      readonly attempt: number
      readonly dispatch: StepDispatch
      readonly targets: readonly AgentIdentity[]
    }
  /** Nobody waits for these targets of the attempt any more: what they have under way may be called off. */
  | {
      readonly type: 'StepTargetsReleased'
      readonly runId: FlowRunId
      readonly stepId: StepId
      readonly attempt: number
      readonly targets: readonly AgentIdentity[]
    }
  | {
      readonly type: 'StepRetrying'
      readonly runId: FlowRunId
      readonly stepId: StepId
      readonly attempt: number
      readonly reason: string
    }
  | { readonly type: 'StepEnded'; readonly runId: FlowRunId; readonly stepId: StepId; readonly end: StepEnd }
  /** What the run's steps have under way is to be called off. */
  | { readonly type: 'NotifyCoordinator'; readonly runId: FlowRunId; readonly notice: 'flow-canceled' | 'flow-failed' }
  | {
      readonly type: 'FlowTerminalized'
      readonly runId: FlowRunId
      readonly status: 'completed' | 'failed' | 'canceled'
    }

/** The mob's own way. */
export type MobLifecycleEffect = {
  readonly type: 'LifecycleNotice'
  readonly notice: 'stopped' | 'resumed' | 'completed' | 'reset' | 'destroyed'
}

export type MobEffect =
  | RequestEffect
  | MemberEffect
  | KickoffEffect
  | WiringEffect
  | WorkEffect
  | FlowEffect
  | MobLifecycleEffect
