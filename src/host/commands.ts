/**
 * Every command of a machine by name, for hosts that route them as data: over a wire, from a queue, out of a test.
 *
 * One table: what a command takes is what its row's function takes, and what it answers is what that answers.
 */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import { shownOf } from '../foreign.ts'
import type { InputId, RunId, SessionId } from '../kernel/ids.ts'
import type { DrainExitReason } from '../kernel/regions/drain/input.ts'
import type { SessionOptions } from '../store/records.ts'
import type { HostInput } from './admission.ts'
import { commandFields } from './arguments.ts'
import type { MeerkatMachine } from './meerkat-machine.ts'
import type { SessionModels } from './models.ts'
import type { Placement } from './placement.ts'
import type { MakeExecutor } from './registrations.ts'
import type { LeaveOptions } from './unregister.ts'

type Of<More = unknown> = { readonly sessionId: SessionId } & More

/** A command: the fields of its parameters, and what it does with them. What each field must be, its method says. */
interface Row<Params, Answer> {
  readonly fields: readonly string[]
  readonly run: (machine: MeerkatMachine, params: Params) => Answer
}

function row<Params, Answer>(fields: readonly string[], run: Row<Params, Answer>['run']): Row<Params, Answer> {
  return { fields, run }
}

const control = {
  RegisterSession: row(
    ['sessionId', 'options'],
    (m: MeerkatMachine, { sessionId, options }: Of<{ readonly options?: SessionOptions }>) =>
      m.registerSession(sessionId, options),
  ),
  EnsureSessionWithExecutor: row(
    ['sessionId', 'make'],
    (m: MeerkatMachine, { sessionId, make }: Of<{ readonly make: MakeExecutor }>) =>
      m.ensureSessionWithExecutor(sessionId, make),
  ),
  UnregisterSession: row(['sessionId', 'graceMs'], (m: MeerkatMachine, { sessionId, graceMs }: Of<LeaveOptions>) =>
    m.unregisterSession(sessionId, defined({ graceMs })),
  ),
  PrepareBindings: row(
    ['sessionId', 'placement'],
    (m: MeerkatMachine, { sessionId, placement }: Of<{ readonly placement?: Placement }>) =>
      m.prepareBindings(sessionId, placement),
  ),
  PrepareLocalSessionBindings: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) =>
    m.prepareLocalSessionBindings(sessionId),
  ),
  SetSilentIntents: row(
    ['sessionId', 'intents'],
    (m: MeerkatMachine, { sessionId, intents }: Of<{ readonly intents: readonly string[] }>) =>
      m.setSessionSilentIntents(sessionId, intents),
  ),
  Retire: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.retire(sessionId)),
  Recycle: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.recycle(sessionId)),
  Reset: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.reset(sessionId)),
  Recover: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.recover(sessionId)),
  Destroy: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.destroy(sessionId)),
  StopRuntimeExecutor: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.stopRuntimeExecutor(sessionId)),
  CancelAfterBoundary: row(
    ['sessionId', 'runId'],
    (m: MeerkatMachine, { sessionId, runId }: Of<{ readonly runId?: RunId }>) =>
      m.cancelAfterBoundary(sessionId, runId),
  ),
  CommitServiceTurnTerminalReceipt: row(
    ['sessionId', 'runId'],
    (m: MeerkatMachine, { sessionId, runId }: Of<{ readonly runId: RunId }>) =>
      m.commitServiceTurnTerminalReceipt(sessionId, runId),
  ),
}

const ingress = {
  AcceptWithCompletion: row(
    ['sessionId', 'input'],
    (m: MeerkatMachine, { sessionId, input }: Of<{ readonly input: HostInput }>) =>
      m.acceptInputWithCompletion(sessionId, input),
  ),
  AcceptWithoutWake: row(
    ['sessionId', 'input'],
    (m: MeerkatMachine, { sessionId, input }: Of<{ readonly input: HostInput }>) =>
      m.acceptInputWithoutWake(sessionId, input),
  ),
  Ingest: row(
    ['sessionId', 'work', 'input'],
    (
      m: MeerkatMachine,
      {
        sessionId,
        work,
        input,
      }: Of<{ readonly work: Parameters<MeerkatMachine['ingest']>[1]; readonly input: HostInput }>,
    ) => m.ingest(sessionId, work, input),
  ),
  PublishEvent: row(
    ['sessionId', 'event'],
    (
      m: MeerkatMachine,
      { sessionId, event }: Of<{ readonly event: { readonly name: string; readonly data?: object } }>,
    ) => m.publishEvent(sessionId, event),
  ),
  SetPeerIngressContext: row(
    ['sessionId', 'keepAlive'],
    (m: MeerkatMachine, { sessionId, keepAlive }: Of<{ readonly keepAlive: boolean }>) =>
      m.drains.setPeerIngressContext(sessionId, keepAlive),
  ),
  NotifyDrainExited: row(
    ['sessionId', 'reason'],
    (m: MeerkatMachine, { sessionId, reason }: Of<{ readonly reason: DrainExitReason }>) =>
      m.drains.notifyDrainExited(sessionId, reason),
  ),
  Abort: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.drains.abort(sessionId)),
  AbortAll: row([], (m: MeerkatMachine, _: object) => m.drains.abortAll()),
  Wait: row(['sessionId', 'limitMs'], (m: MeerkatMachine, { sessionId, limitMs }: Of<{ readonly limitMs?: number }>) =>
    m.drains.wait(sessionId, limitMs),
  ),
}

const questions = {
  ContainsSession: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.containsSession(sessionId)),
  SessionHasExecutor: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.sessionHasExecutor(sessionId)),
  SessionHasComms: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.sessionHasComms(sessionId)),
  RuntimeState: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.runtimeState(sessionId)),
  InputState: row(
    ['sessionId', 'inputId'],
    (m: MeerkatMachine, { sessionId, inputId }: Of<{ readonly inputId: InputId }>) => m.inputState(sessionId, inputId),
  ),
  ListActiveInputs: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.listActiveInputs(sessionId)),
  LoadBoundaryReceipt: row(
    ['sessionId', 'runId', 'boundary'],
    (m: MeerkatMachine, { sessionId, runId, boundary }: Of<{ readonly runId: RunId; readonly boundary: number }>) =>
      m.loadBoundaryReceipt(sessionId, runId, boundary),
  ),
  OpsLifecycleRegistry: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) => m.opsLifecycleRegistry(sessionId)),
}

type First<Method extends (...args: never[]) => unknown> = Parameters<Method>[1]
type Models = SessionModels

const models = {
  ConfigureModelRoutingBaseline: row(
    ['sessionId', 'target'],
    (
      m: MeerkatMachine,
      { sessionId, target }: Of<{ readonly target: First<Models['configureModelRoutingBaseline']> }>,
    ) => m.models.configureModelRoutingBaseline(sessionId, target),
  ),
  SessionModelRoutingStatus: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) =>
    m.models.sessionModelRoutingStatus(sessionId),
  ),
  RequestSwitchTurn: row(
    ['sessionId', 'request'],
    (m: MeerkatMachine, { sessionId, request }: Of<{ readonly request: First<Models['requestSwitchTurn']> }>) =>
      m.models.requestSwitchTurn(sessionId, request),
  ),
  AdmitModelRoutingAssistantTurn: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) =>
    m.models.admitModelRoutingAssistantTurn(sessionId),
  ),
  ReconfigureSessionLlmIdentity: row(
    ['sessionId', 'target'],
    (
      m: MeerkatMachine,
      { sessionId, target }: Of<{ readonly target: First<Models['reconfigureSessionLlmIdentity']> }>,
    ) => m.models.reconfigureSessionLlmIdentity(sessionId, target),
  ),
  CommitStickyModelFallback: row(
    ['sessionId', 'fallback'],
    (
      m: MeerkatMachine,
      { sessionId, fallback }: Of<{ readonly fallback: First<Models['commitStickyModelFallback']> }>,
    ) => m.models.commitStickyModelFallback(sessionId, fallback),
  ),
  ClearSessionLlmState: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) =>
    m.models.clearSessionLlmState(sessionId),
  ),
  ResolvedSessionLlmCapabilities: row(['sessionId'], (m: MeerkatMachine, { sessionId }: Of) =>
    m.models.resolvedSessionLlmCapabilities(sessionId),
  ),
  BeginImageOperation: row(
    ['sessionId', 'request'],
    (m: MeerkatMachine, { sessionId, request }: Of<{ readonly request: First<Models['beginImageOperation']> }>) =>
      m.models.beginImageOperation(sessionId, request),
  ),
  DenyImageOperationPlan: row(
    ['sessionId', 'refusal'],
    (m: MeerkatMachine, { sessionId, refusal }: Of<{ readonly refusal: First<Models['denyImageOperationPlan']> }>) =>
      m.models.denyImageOperationPlan(sessionId, refusal),
  ),
  ActivateImageOperationOverride: row(
    ['sessionId', 'operationId', 'target'],
    (
      m: MeerkatMachine,
      {
        sessionId,
        operationId,
        target,
      }: Of<{ readonly operationId: string; readonly target: Parameters<Models['activateImageOperationOverride']>[2] }>,
    ) => m.models.activateImageOperationOverride(sessionId, operationId, target),
  ),
  ClassifyImageOperationTerminal: row(
    ['sessionId', 'seen'],
    (m: MeerkatMachine, { sessionId, seen }: Of<{ readonly seen: First<Models['classifyImageOperationTerminal']> }>) =>
      m.models.classifyImageOperationTerminal(sessionId, seen),
  ),
  CompleteImageOperation: row(
    ['sessionId', 'end'],
    (m: MeerkatMachine, { sessionId, end }: Of<{ readonly end: First<Models['completeImageOperation']> }>) =>
      m.models.completeImageOperation(sessionId, end),
  ),
  RestoreImageOperationOverride: row(
    ['sessionId', 'operationId'],
    (m: MeerkatMachine, { sessionId, operationId }: Of<{ readonly operationId: string }>) =>
      m.models.restoreImageOperationOverride(sessionId, operationId),
  ),
}

const tools = {
  StagePersistentFilter: row(
    ['sessionId', 'filter', 'witnesses'],
    (
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
  ),
  RequestDeferredTools: row(
    ['sessionId', 'authorities'],
    (
      m: MeerkatMachine,
      { sessionId, authorities }: Of<{ readonly authorities: First<Models['requestDeferredTools']> }>,
    ) => m.models.requestDeferredTools(sessionId, authorities),
  ),
  PublishCommittedVisibleSet: row(
    ['sessionId', 'revision'],
    (m: MeerkatMachine, { sessionId, revision }: Of<{ readonly revision: number }>) =>
      m.models.publishCommittedVisibleSet(sessionId, revision),
  ),
}

const commands = { ...control, ...ingress, ...questions, ...models, ...tools } satisfies Readonly<
  Record<string, Row<never, unknown>>
>

export type MachineCommandName = keyof typeof commands
export type MachineCommandParams<Name extends MachineCommandName> = Parameters<(typeof commands)[Name]['run']>[1]
export type MachineCommandAnswer<Name extends MachineCommandName> = Awaited<ReturnType<(typeof commands)[Name]['run']>>

/** The names of all commands. */
export const machineCommandNames: readonly MachineCommandName[] = Object.keys(commands) as MachineCommandName[]

/** Carries a command out. Refusals are those of the method it stands for. */
export async function runCommand<Name extends MachineCommandName>(
  machine: MeerkatMachine,
  name: Name,
  params: MachineCommandParams<Name>,
): Promise<MachineCommandAnswer<Name>> {
  if (typeof name !== 'string' || !Object.hasOwn(commands, name)) {
    const shown = shownOf(name, 100)
    throw new MeerkatError('unknown-operation', `a machine has no command ${JSON.stringify(shown)}`)
  }
  const { fields, run } = commands[name] as unknown as Row<unknown, Promise<MachineCommandAnswer<Name>>>
  return run(machine, commandFields(name, fields, params))
}
