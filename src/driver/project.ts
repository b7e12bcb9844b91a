/** Turns kernel effects into events and index entries. Mechanical: one row an effect, no decision. */
import type { EventType, NewEvent } from '../events.ts'
import type { MeerkatEffect } from '../kernel/effects.ts'
import type { RunId } from '../kernel/ids.ts'
import type { Of } from '../kernel/region.ts'
import type { Terminal } from '../kernel/regions/ledger/state.ts'
import type { EndedRecord, OperationEndedRecord, ResultRecord } from '../store/records.ts'
import type { LocatedId } from '../store/store.ts'

interface Into {
  readonly events: NewEvent[]
  readonly ended: EndedRecord[]
  readonly operationsEnded: OperationEndedRecord[]
  readonly opened: LocatedId[]
  readonly closed: LocatedId[]
}

/** Adds the events, ends and index entries of all effects to `into`. */
export function project(effects: readonly MeerkatEffect[], into: Into, result: ResultRecord | undefined): void {
  const step: Step = { effects, result, runResult: undefined }
  for (const effect of effects) {
    // TypeScript can't relate the key to its row here; the type of `HEARERS` has checked each row.
    const hearer = HEARERS[effect.type] as Projector<MeerkatEffect> | Hearer
    if (typeof hearer === 'function') hearer(effect, into, step)
  }
}

/** Who uses an effect that makes neither an event nor an index entry. */
export type Hearer =
  /** The handle or host that gave the input: it reads the effect from the answer of its step. */
  | 'asker'
  /** The seam that joins a mob to its members' sessions. */
  | 'mob'
  /** The explorer, whose laws read it. */
  | 'explorer'
  /** The run port, which reads the state behind the effect before each model call. */
  | 'port'
  /** No code yet; its reader comes with later work on tools, models, peers or voice. scripts/tidy lets the list only shrink. */
  | 'later'

interface Step {
  readonly effects: readonly MeerkatEffect[]
  readonly result: ResultRecord | undefined
  /** The result of the run that this step ends; found once and kept, for a step may end many inputs. */
  runResult: { readonly result: ResultRecord | undefined } | undefined
}

type Projector<Effect> = (effect: Effect, into: Into, step: Step) => void
type Heard<T extends MeerkatEffect['type']> = Projector<Of<MeerkatEffect, T>>

const opened: Heard<'InputAccepted'> = ({ inputId, lane }, into) => {
  into.opened.push(inputId)
  into.events.push({ type: 'input.accepted', inputId })
  into.events.push({ type: 'input.queued', inputId, ...(lane === 'steer' && { data: { lane } }) })
}

const staged: Heard<'InputStaged'> = ({ inputId, runId, attempt }, into) => {
  const event = { type: 'input.staged', inputId, runId } as const
  into.events.push(attempt === 1 ? event : { ...event, data: { attempt } })
}

const started: Heard<'SubmitRunPrimitive'> = ({ runId, contributors }, into) => {
  into.opened.push(runId)
  into.events.push({ type: 'run.started', runId, data: { inputIds: contributors } })
}

const boundary: Heard<'BoundaryApplied'> = ({ runId, boundary: number, contributors, steered }, into) => {
  const data = { boundary: number, inputIds: contributors, ...(steered.length > 0 && { steered }) }
  into.events.push({ type: 'run.boundary', runId, data })
}

type RunEnd = Of<MeerkatEffect, 'RunCompleted' | 'RunFailed' | 'RunCancelled' | 'RunRolledBack'>

const ended: Projector<RunEnd> = (effect, into, { effects }) => {
  into.closed.push(effect.runId)
  into.events.push(runEnd(effect, effects))
}

const operationEnded: Heard<'OperationEnded'> = ({ operationId, kind, status, reason }, into) => {
  if (kind === 'background-tool-capacity-slot') return
  into.closed.push(operationId)
  into.operationsEnded.push({
    id: operationId,
    outcome: status,
    ...(reason !== undefined && { error: reason, reason }),
  })
  into.events.push({ type: `operation.${status}`, data: { operationId, ...(reason !== undefined && { reason }) } })
}

const scheduleEnded: Heard<'ScheduleEnded'> = ({ scheduleId, reason }, into) => {
  into.closed.push(scheduleId)
  into.events.push({ type: 'schedule.ended', data: { scheduleId, reason } })
}

const routingEnded: Heard<'ModelRoutingTerminated'> = ({ end }, into) => {
  const denial = 'denial' in end ? { reason: end.denial } : {}
  const data = { outcome: end.terminal, ...denial }
  if (end.type === 'switch') into.events.push({ type: 'model.switch-ended', data: { requestId: end.id, ...data } })
  else into.events.push({ type: 'model.image-ended', data: { operationId: end.id, ...data } })
}

function scheduleData({ scheduleId, dueAt }: { readonly scheduleId: string; readonly dueAt: number }) {
  return { scheduleId, dueAt: new Date(dueAt).toISOString() }
}

/** Every effect of a session, with its events or its reader. An effect without a row does not compile. */
export const HEARERS: { readonly [T in MeerkatEffect['type']]: Heard<T> | Hearer } = {
  InputAccepted: opened,
  InputStaged: staged,
  InputSteered: ({ inputId, runId, boundary: number }, into) =>
    into.events.push({ type: 'input.steered', inputId, runId, data: { boundary: number } }),
  InputRequeued: ({ inputId, attempts }, into) =>
    into.events.push({ type: 'input.queued', inputId, data: { attempts } }),
  InputTerminated: (effect, into, step) => {
    step.runResult ??= { result: resultOfRunEnd(step.effects) }
    terminated(effect, into, step.result ?? (isOfRun(effect.terminal) ? step.runResult.result : undefined))
  },
  AdmissionDeduplicated: 'asker',
  IdempotencyConflicted: 'asker',
  AdmissionRejected: 'asker',
  PostAdmissionSignal: 'asker',
  SubmitRunPrimitive: started,
  BoundaryApplied: boundary,
  RunCompleted: ended,
  RunFailed: ended,
  RunCancelled: ended,
  RunRolledBack: ended,
  RequestCancellationAtBoundary: 'asker',
  WakeInterrupt: 'asker',
  BoundaryCancelAlreadyPending: 'asker',
  TurnRunStarted: 'asker',
  TurnCheckCompaction: 'asker',
  TurnRunCompleted: 'asker',
  TurnRunFailed: 'asker',
  TurnRunCancelled: 'asker',
  CallChanged: ({ callId, tool: name, state, reason }, into) =>
    into.events.push({ type: CALL_EVENTS[state], data: { callId, name, ...(reason && { code: reason }) } }),
  OperationEnded: operationEnded,
  ExposeOperationPeer: 'later',
  UnreturnedOperationRolledBack: 'explorer',
  WaitAllSatisfied: 'asker',
  ScheduleFired: (effect, into) =>
    into.events.push({ type: 'schedule.fired', inputId: effect.inputId, data: scheduleData(effect) }),
  ScheduleSkipped: (effect, into) =>
    into.events.push({ type: 'schedule.skipped', data: { ...scheduleData(effect), reason: effect.reason } }),
  ScheduleEnded: scheduleEnded,
  RuntimeNotice: ({ notice }, into) => {
    if (notice === 'Recover') into.events.push({ type: 'session.recovered' })
  },
  SessionRegistered: (_, into) => into.events.push({ type: 'session.opened' }),
  RuntimeEffectFact: 'asker',
  RuntimeBound: 'mob',
  RuntimeRetired: 'mob',
  RuntimeDestroyed: 'mob',
  InitiateRecycle: 'asker',
  SessionRegistrationRejected: 'asker',
  RequestRuntimeLoopStopForUnregister: 'asker',
  RequestCommsDrainExitForUnregister: 'asker',
  RequestCompletionWaiterResolutionForUnregister: 'asker',
  ResolveAdmission: 'asker',
  SessionLlmReconfigurePlanResolved: 'asker',
  ToolVisibilityChanged: 'asker',
  CommittedVisibleSetPublished: 'asker',
  ToolGenerationChanged: ({ generation }, into) =>
    into.events.push({ type: 'tools.generation-changed', data: { generation } }),
  ModelRoutingStatusChanged: ({ epoch }, into) => into.events.push({ type: 'model.routing-changed', data: { epoch } }),
  SwitchTurnFiniteOverrideActivated: ({ requestId, target: { model } }, into) =>
    into.events.push({ type: 'model.switched', data: { requestId, model } }),
  SwitchTurnPersistentReconfigureRequested: 'later',
  ModelRoutingApprovalTerminalized: ({ id, reason }, into) =>
    into.events.push({ type: 'model.approval-denied', data: { requestId: id, reason } }),
  ImageOperationPhaseChanged: ({ operationId, phase }, into) =>
    into.events.push({ type: 'model.image-changed', data: { operationId, phase } }),
  ImageOperationTerminalClassified: 'asker',
  ModelRoutingTerminated: routingEnded,
  LocalEndpointChanged: 'later',
  PeerProjectionChanged: 'later',
  CommsTrustReconcileRequested: 'later',
  PeerInteractionStateChanged: ({ type: _, ...data }, into) => into.events.push({ type: 'peer.request-changed', data }),
  PeerInteractionCleanup: 'asker',
  InboundPeerInteractionStateChanged: ({ type: _, ...data }, into) =>
    into.events.push({ type: 'peer.answer-changed', data }),
  SupervisorAdmissionResolved: 'later',
  PublishSupervisorTrustEdge: 'later',
  RevokeSupervisorTrustEdge: 'later',
  SupervisorRotationResolved: 'later',
  SpawnDrainTask: 'asker',
  DrainExited: 'asker',
  PeerIngressClassified: 'asker',
  PeerResponseReplyClassified: 'asker',
  PeerIngressReceiveResolved: 'asker',
  PeerIngressDequeueResolved: 'asker',
  PeerProjectionFreshnessChanged: 'later',
  InteractionStreamStateChanged: ({ type: _, ...data }, into) =>
    into.events.push({ type: 'peer.stream-changed', data }),
  InteractionStreamCleanup: 'asker',
  SessionContextAdvanced: 'asker',
  McpServerStateChanged: ({ type: _, ...data }, into) => into.events.push({ type: 'mcp.server-changed', data }),
  McpServerReloadRequested: ({ type: _, ...data }, into) => into.events.push({ type: 'mcp.reload-wanted', data }),
  ScheduleSurfaceCompletion: ({ type: _, appliedAtTurn: __, ...data }, into) =>
    into.events.push({ type: 'tools.connection-wanted', data }),
  RefreshVisibleSurfaceSet: 'port',
  EmitExternalToolDelta: ({ type: _, ...data }, into) => into.events.push({ type: 'tools.surface-changed', data }),
  CloseSurfaceConnection: ({ type: _, ...data }, into) => into.events.push({ type: 'tools.connection-unused', data }),
  SurfaceCallAdmitted: 'port',
  RejectSurfaceCall: 'port',
  RealtimeIntentProjected: 'later',
  RealtimeBindingRotated: 'asker',
  RealtimeReconnectProgressProjected: 'later',
  LiveTopologyPhaseChanged: 'later',
  RealtimeProductTurnPhaseChanged: 'later',
  RealtimeProjectionFreshnessChanged: 'asker',
  RealtimeReconnectPolicyChanged: 'later',
  LiveOpenAdmissionResolved: 'asker',
  LiveOpenAdmissionAbandoned: 'asker',
  LiveRefreshResultResolved: 'asker',
  LiveCloseResultResolved: 'asker',
  LiveCommandResultResolved: 'asker',
  LiveCommandRejectionResolved: 'asker',
  LiveChannelRequestRejectionResolved: 'asker',
  LiveChannelStatusResolved: 'asker',
  LiveWebrtcTokenIssued: 'asker',
  LiveWebsocketTokenIssued: 'asker',
  LiveWebrtcAnswerAdmissionResolved: 'asker',
  LiveWebsocketTokenAdmissionResolved: 'asker',
  LiveWebrtcAnswerResultResolved: 'asker',
}

/** Whether an input ended with a run that the same step ended. */
function isOfRun(terminal: Terminal): boolean {
  return terminal.status === 'consumed' || (terminal.status === 'abandoned' && terminal.reason === 'cancelled')
}

/** The result of a run that a host drove through turn handles: such a run ends with an outcome and without an answer. */
function resultOfRunEnd(effects: readonly MeerkatEffect[]): ResultRecord | undefined {
  for (const effect of effects) {
    const { type } = effect
    if (type === 'RunCompleted') return { outcome: 'completed', runId: effect.runId }
    if (type === 'RunCancelled') return { outcome: 'cancelled', runId: effect.runId }
    if (type === 'RunFailed') {
      const { runId, cause, outcome } = effect
      return { outcome: 'failed', runId, error: { code: outcome, message: `the turn failed: ${cause}`, cause } }
    }
  }
  return undefined
}

function terminated(
  effect: Extract<MeerkatEffect, { type: 'InputTerminated' }>,
  into: Into,
  result: ResultRecord | undefined,
): void {
  const { inputId, terminal, attempts } = effect
  into.closed.push(inputId)
  const why =
    terminal.status === 'abandoned' ? { reason: terminal.reason } : 'by' in terminal ? { by: terminal.by } : undefined
  into.ended.push({ id: inputId, status: terminal.status, attempts, ...why, ...(result && { result }) })
  const runId = result?.runId
  into.events.push({
    type: `input.${terminal.status}`,
    inputId,
    ...(runId && terminal.status === 'consumed' && { runId }),
    ...(why && { data: why }),
  })
}

function runEnd(
  effect: Extract<MeerkatEffect, { type: `Run${string}`; runId: RunId }>,
  all: readonly MeerkatEffect[],
): NewEvent {
  const { runId } = effect
  switch (effect.type) {
    case 'RunFailed':
      return { type: 'run.failed', runId, data: { cause: effect.cause } }
    case 'RunRolledBack':
      return rolledBack(runId, effect.cause, all)
    case 'RunCancelled':
      return { type: 'run.cancelled', runId }
    default:
      return { type: 'run.completed', runId }
  }
}

/** A run that will be tried again was interrupted; one that took its inputs with it has failed. */
function rolledBack(
  runId: RunId,
  cause: Extract<MeerkatEffect, { type: 'RunRolledBack' }>['cause'],
  all: readonly MeerkatEffect[],
): NewEvent {
  if (cause === 'parked') return { type: 'run.parked', runId }
  const type = all.some(({ type }) => type === 'InputTerminated') ? 'run.failed' : 'run.interrupted'
  return { type, runId, data: { cause } }
}

const CALL_EVENTS: Readonly<Record<Extract<MeerkatEffect, { type: 'CallChanged' }>['state'], EventType>> = {
  awaitingApproval: 'tool.approval-needed',
  owed: 'tool.owed',
  dispatched: 'tool.started',
  succeeded: 'tool.completed',
  failed: 'tool.failed',
  unknown: 'tool.unknown',
}
