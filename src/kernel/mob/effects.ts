/** The effects of `MobMachine`. The seam routes the requests to sessions; the others are for the mob's owner. */
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

/** Effects about a member's first turn. */
export type KickoffEffect =
  | (Kickoff & { readonly type: 'KickoffChanged' } & Incarnation)
  /** The member leaves: its first turn has to be brought to an end. */
  | ({ readonly type: 'RequestKickoffQuiesce' } & Incarnation)

/** Requests to a session, or to a peer without one. */
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
  /** A session that was given back should detach the mob's ingress; `ObserveSessionIngressDetached` confirms it. */
  | {
      readonly type: 'RequestSessionIngressDetachForMobDestroy'
      readonly sessionId: SessionId
      readonly runtimeId: AgentRuntimeId
    }
  | ({ readonly type: 'RequestWorkCancel'; readonly workIds: readonly WorkId[] } & Incarnation)

/** Effects about members. */
export type MemberEffect =
  | ({ readonly type: 'SpawnOpened'; readonly generation: number } & Incarnation)
  /** `canceled`: the shell need not go on preparing a runtime for it. */
  | { readonly type: 'SpawnAborted'; readonly identity: AgentIdentity; readonly cause: 'aborted' | 'canceled' }
  | ({ readonly type: 'MemberSpawned'; readonly generation: number; readonly profile: string } & Incarnation)
  /** `sessionId` undefined: the member has no session any more. */
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
  /** It has left the mob. */
  | ({ readonly type: 'MemberRetired' } & Incarnation)

/** Effects about the wiring between members. */
export type WiringEffect =
  | { readonly type: 'WiringGraphChanged'; readonly epoch: number }
  | ({ readonly type: 'MemberTrustWiringRequested'; readonly epoch: number } & Pair)
  | ({ readonly type: 'MemberTrustUnwiringRequested'; readonly epoch: number } & Pair)
  /** The two are wired; the shell should check again whether they trust each other. */
  | ({ readonly type: 'WiringTrustRepairRequested'; readonly epoch: number } & Pair)
  | ({ readonly type: 'ExternalPeerTrustRequested' } & ExternalPair)
  | ({ readonly type: 'ExternalPeerUntrustRequested' } & ExternalPair)

/** A member, and a peer outside the mob by its name in the mob. */
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

/** Effects about work handed to members. */
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
      /** `lost`: the member left. */
      readonly outcome: 'done' | 'canceled' | 'lost'
    }

/** Effects about flow runs. */
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
  /** The flow no longer waits for these targets of the attempt: their work may be cancelled. */
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
  /** The work of the run's steps should be cancelled. */
  | { readonly type: 'NotifyCoordinator'; readonly runId: FlowRunId; readonly notice: 'flow-canceled' | 'flow-failed' }
  | {
      readonly type: 'FlowTerminalized'
      readonly runId: FlowRunId
      readonly status: 'completed' | 'failed' | 'canceled'
    }

/** Effects about the mob as a whole. */
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
