/**
 * Every command of a machine by name, for hosts that route them as data: over a wire, from a queue, out of a test.
 *
 * One table: what a command takes is what its row's function takes, and what it answers is what that answers.
 */
import type { InputId, RunId, SessionId } from '../kernel/ids.ts'
import type { DrainExitReason } from '../kernel/regions/drain.ts'
import type { SessionOptions } from '../store/records.ts'
import type { HostInput } from './admission.ts'
import type { MeerkatMachine } from './meerkat-machine.ts'
import type { SessionModels } from './models.ts'
import type { Placement } from './placement.ts'
import type { MakeExecutor } from './registrations.ts'

type Of<More = unknown> = { readonly sessionId: SessionId } & More
type Command<Params> = (machine: MeerkatMachine, params: Params) => unknown

const control = {
  RegisterSession: (m: MeerkatMachine, { sessionId, options }: Of<{ readonly options?: SessionOptions }>) =>
    m.registerSession(sessionId, options),
  EnsureSessionWithExecutor: (m: MeerkatMachine, { sessionId, make }: Of<{ readonly make: MakeExecutor }>) =>
    m.ensureSessionWithExecutor(sessionId, make),
  UnregisterSession: (m: MeerkatMachine, { sessionId }: Of) => m.unregisterSession(sessionId),
  PrepareBindings: (m: MeerkatMachine, { sessionId, placement }: Of<{ readonly placement?: Placement }>) =>
    m.prepareBindings(sessionId, placement),
  PrepareLocalSessionBindings: (m: MeerkatMachine, { sessionId }: Of) => m.prepareLocalSessionBindings(sessionId),
  SetSilentIntents: (m: MeerkatMachine, { sessionId, intents }: Of<{ readonly intents: readonly string[] }>) =>
    m.setSessionSilentIntents(sessionId, intents),
  Retire: (m: MeerkatMachine, { sessionId }: Of) => m.retire(sessionId),
  Recycle: (m: MeerkatMachine, { sessionId }: Of) => m.recycle(sessionId),
  Reset: (m: MeerkatMachine, { sessionId }: Of) => m.reset(sessionId),
  Recover: (m: MeerkatMachine, { sessionId }: Of) => m.recover(sessionId),
  Destroy: (m: MeerkatMachine, { sessionId }: Of) => m.destroy(sessionId),
  StopRuntimeExecutor: (m: MeerkatMachine, { sessionId }: Of) => m.stopRuntimeExecutor(sessionId),
  CancelAfterBoundary: (m: MeerkatMachine, { sessionId, runId }: Of<{ readonly runId?: RunId }>) =>
    m.cancelAfterBoundary(sessionId, runId),
  CommitServiceTurnTerminalReceipt: (m: MeerkatMachine, { sessionId, runId }: Of<{ readonly runId: RunId }>) =>
    m.commitServiceTurnTerminalReceipt(sessionId, runId),
}

const ingress = {
  AcceptWithCompletion: (m: MeerkatMachine, { sessionId, input }: Of<{ readonly input: HostInput }>) =>
    m.acceptInputWithCompletion(sessionId, input),
  AcceptWithoutWake: (m: MeerkatMachine, { sessionId, input }: Of<{ readonly input: HostInput }>) =>
    m.acceptInputWithoutWake(sessionId, input),
  Ingest: (
    m: MeerkatMachine,
    {
      sessionId,
      work,
      input,
    }: Of<{ readonly work: Parameters<MeerkatMachine['ingest']>[1]; readonly input: HostInput }>,
  ) => m.ingest(sessionId, work, input),
  PublishEvent: (
    m: MeerkatMachine,
    { sessionId, event }: Of<{ readonly event: { readonly name: string; readonly data?: object } }>,
  ) => m.publishEvent(sessionId, event),
  SetPeerIngressContext: (m: MeerkatMachine, { sessionId, keepAlive }: Of<{ readonly keepAlive: boolean }>) =>
    m.drains.setPeerIngressContext(sessionId, keepAlive),
  NotifyDrainExited: (m: MeerkatMachine, { sessionId, reason }: Of<{ readonly reason: DrainExitReason }>) =>
    m.drains.notifyDrainExited(sessionId, reason),
  Abort: (m: MeerkatMachine, { sessionId }: Of) => m.drains.abort(sessionId),
  AbortAll: (m: MeerkatMachine, _: object) => m.drains.abortAll(),
  Wait: (m: MeerkatMachine, { sessionId, limitMs }: Of<{ readonly limitMs?: number }>) =>
    m.drains.wait(sessionId, limitMs),
}

const questions = {
  ContainsSession: (m: MeerkatMachine, { sessionId }: Of) => m.containsSession(sessionId),
  SessionHasExecutor: (m: MeerkatMachine, { sessionId }: Of) => m.sessionHasExecutor(sessionId),
  SessionHasComms: (m: MeerkatMachine, { sessionId }: Of) => m.sessionHasComms(sessionId),
  RuntimeState: (m: MeerkatMachine, { sessionId }: Of) => m.runtimeState(sessionId),
  InputState: (m: MeerkatMachine, { sessionId, inputId }: Of<{ readonly inputId: InputId }>) =>
    m.inputState(sessionId, inputId),
  ListActiveInputs: (m: MeerkatMachine, { sessionId }: Of) => m.listActiveInputs(sessionId),
  LoadBoundaryReceipt: (
    m: MeerkatMachine,
    { sessionId, runId, boundary }: Of<{ readonly runId: RunId; readonly boundary: number }>,
  ) => m.loadBoundaryReceipt(sessionId, runId, boundary),
  OpsLifecycleRegistry: (m: MeerkatMachine, { sessionId }: Of) => m.opsLifecycleRegistry(sessionId),
}

type First<Method extends (...args: never[]) => unknown> = Parameters<Method>[1]
type Models = SessionModels

const models = {
  ConfigureModelRoutingBaseline: (
    m: MeerkatMachine,
    { sessionId, target }: Of<{ readonly target: First<Models['configureModelRoutingBaseline']> }>,
  ) => m.models.configureModelRoutingBaseline(sessionId, target),
  SessionModelRoutingStatus: (m: MeerkatMachine, { sessionId }: Of) => m.models.sessionModelRoutingStatus(sessionId),
  RequestSwitchTurn: (
    m: MeerkatMachine,
    { sessionId, request }: Of<{ readonly request: First<Models['requestSwitchTurn']> }>,
  ) => m.models.requestSwitchTurn(sessionId, request),
  AdmitModelRoutingAssistantTurn: (m: MeerkatMachine, { sessionId }: Of) =>
    m.models.admitModelRoutingAssistantTurn(sessionId),
  ReconfigureSessionLlmIdentity: (
    m: MeerkatMachine,
    { sessionId, target }: Of<{ readonly target: First<Models['reconfigureSessionLlmIdentity']> }>,
  ) => m.models.reconfigureSessionLlmIdentity(sessionId, target),
  CommitStickyModelFallback: (
    m: MeerkatMachine,
    { sessionId, fallback }: Of<{ readonly fallback: First<Models['commitStickyModelFallback']> }>,
  ) => m.models.commitStickyModelFallback(sessionId, fallback),
  ClearSessionLlmState: (m: MeerkatMachine, { sessionId }: Of) => m.models.clearSessionLlmState(sessionId),
  ResolvedSessionLlmCapabilities: (m: MeerkatMachine, { sessionId }: Of) =>
    m.models.resolvedSessionLlmCapabilities(sessionId),
  BeginImageOperation: (
    m: MeerkatMachine,
    { sessionId, request }: Of<{ readonly request: First<Models['beginImageOperation']> }>,
  ) => m.models.beginImageOperation(sessionId, request),
  DenyImageOperationPlan: (
    m: MeerkatMachine,
    { sessionId, refusal }: Of<{ readonly refusal: First<Models['denyImageOperationPlan']> }>,
  ) => m.models.denyImageOperationPlan(sessionId, refusal),
  ActivateImageOperationOverride: (
    m: MeerkatMachine,
    {
      sessionId,
      operationId,
      target,
    }: Of<{ readonly operationId: string; readonly target: Parameters<Models['activateImageOperationOverride']>[2] }>,
  ) => m.models.activateImageOperationOverride(sessionId, operationId, target),
  ClassifyImageOperationTerminal: (
    m: MeerkatMachine,
    { sessionId, seen }: Of<{ readonly seen: First<Models['classifyImageOperationTerminal']> }>,
  ) => m.models.classifyImageOperationTerminal(sessionId, seen),
  CompleteImageOperation: (
    m: MeerkatMachine,
    { sessionId, end }: Of<{ readonly end: First<Models['completeImageOperation']> }>,
  ) => m.models.completeImageOperation(sessionId, end),
  RestoreImageOperationOverride: (
    m: MeerkatMachine,
    { sessionId, operationId }: Of<{ readonly operationId: string }>,
  ) => m.models.restoreImageOperationOverride(sessionId, operationId),
}

const tools = {
  StagePersistentFilter: (
    m: MeerkatMachine,
    {
      sessionId,
      filter,
      witnesses,
    }: Of<{
      readonly filter: First<Models['stagePersistentFilter']>
      readonly witnesses: Parameters<Models['stagePersistentFilter']>[2]
    }>,
  ) => m.models.stagePersistentFilter(sessionId, filter, witnesses),
  RequestDeferredTools: (
    m: MeerkatMachine,
    { sessionId, authorities }: Of<{ readonly authorities: First<Models['requestDeferredTools']> }>,
  ) => m.models.requestDeferredTools(sessionId, authorities),
  PublishCommittedVisibleSet: (m: MeerkatMachine, { sessionId, revision }: Of<{ readonly revision: number }>) =>
    m.models.publishCommittedVisibleSet(sessionId, revision),
}

const commands = { ...control, ...ingress, ...questions, ...models, ...tools } satisfies Readonly<
  Record<string, Command<never>>
>

export type MachineCommandName = keyof typeof commands
export type MachineCommandParams<Name extends MachineCommandName> = Parameters<(typeof commands)[Name]>[1]
export type MachineCommandAnswer<Name extends MachineCommandName> = Awaited<ReturnType<(typeof commands)[Name]>>

/** The names of all commands. */
export const machineCommandNames: readonly MachineCommandName[] = Object.keys(commands) as MachineCommandName[]

/** Carries a command out. Refusals are those of the method it stands for. */
export async function runCommand<Name extends MachineCommandName>(
  machine: MeerkatMachine,
  name: Name,
  params: MachineCommandParams<Name>,
): Promise<MachineCommandAnswer<Name>> {
  const run = commands[name] as unknown as (m: MeerkatMachine, given: unknown) => Promise<MachineCommandAnswer<Name>>
  return run(machine, params)
}
