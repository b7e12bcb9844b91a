/**
 * Every command of a machine by name, for hosts that route commands as data: over a wire, from a queue, in a test.
 *
 * A command is a method of the machine, and the table names the method's arguments.
 */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import { shownOf } from '../foreign.ts'
import { commandFields } from './arguments.ts'

/** The name of an argument; where the argument is an object, the fields that a command may give. */
type Argument = string | readonly string[]

interface Row<Path extends string, Names extends readonly Argument[]> {
  /** The method of the machine, or of one of its parts. The method itself checks its arguments. */
  readonly path: Path
  readonly names: Names
}

function row<const Path extends string, const Names extends readonly Argument[]>(
  path: Path,
  ...names: Names
): Row<Path, Names> {
  return { path, names }
}

const commands = {
  RegisterSession: row('registerSession', 'sessionId', 'options'),
  EnsureSessionWithExecutor: row('ensureSessionWithExecutor', 'sessionId', 'make'),
  UnregisterSession: row('unregisterSession', 'sessionId', ['graceMs']),
  PrepareBindings: row('prepareBindings', 'sessionId', 'placement'),
  PrepareLocalSessionBindings: row('prepareLocalSessionBindings', 'sessionId'),
  SetSilentIntents: row('setSessionSilentIntents', 'sessionId', 'intents'),
  Retire: row('retire', 'sessionId'),
  Recycle: row('recycle', 'sessionId'),
  Reset: row('reset', 'sessionId'),
  Recover: row('recover', 'sessionId'),
  Destroy: row('destroy', 'sessionId'),
  StopRuntimeExecutor: row('stopRuntimeExecutor', 'sessionId'),
  CancelAfterBoundary: row('cancelAfterBoundary', 'sessionId', 'runId'),
  CommitServiceTurnTerminalReceipt: row('commitServiceTurnTerminalReceipt', 'sessionId', 'runId'),

  AcceptWithCompletion: row('acceptInputWithCompletion', 'sessionId', 'input'),
  AcceptWithoutWake: row('acceptInputWithoutWake', 'sessionId', 'input'),
  Ingest: row('ingest', 'sessionId', 'work', 'input'),
  PublishEvent: row('publishEvent', 'sessionId', 'event'),
  SetPeerIngressContext: row('drains.setPeerIngressContext', 'sessionId', 'keepAlive'),
  NotifyDrainExited: row('drains.notifyDrainExited', 'sessionId', 'reason'),
  Abort: row('drains.abort', 'sessionId'),
  AbortAll: row('drains.abortAll'),
  Wait: row('drains.wait', 'sessionId', 'limitMs'),

  ContainsSession: row('containsSession', 'sessionId'),
  SessionHasExecutor: row('sessionHasExecutor', 'sessionId'),
  SessionHasComms: row('sessionHasComms', 'sessionId'),
  RuntimeState: row('runtimeState', 'sessionId'),
  InputState: row('inputState', 'sessionId', 'inputId'),
  ListActiveInputs: row('listActiveInputs', 'sessionId'),
  LoadBoundaryReceipt: row('loadBoundaryReceipt', 'sessionId', 'runId', 'boundary'),
  OpsLifecycleRegistry: row('opsLifecycleRegistry', 'sessionId'),

  ConfigureModelRoutingBaseline: row('models.configureModelRoutingBaseline', 'sessionId', 'target'),
  SessionModelRoutingStatus: row('models.sessionModelRoutingStatus', 'sessionId'),
  RequestSwitchTurn: row('models.requestSwitchTurn', 'sessionId', 'request'),
  AdmitModelRoutingAssistantTurn: row('models.admitModelRoutingAssistantTurn', 'sessionId'),
  ReconfigureSessionLlmIdentity: row('models.reconfigureSessionLlmIdentity', 'sessionId', 'target'),
  CommitStickyModelFallback: row('models.commitStickyModelFallback', 'sessionId', 'fallback'),
  ClearSessionLlmState: row('models.clearSessionLlmState', 'sessionId'),
  ResolvedSessionLlmCapabilities: row('models.resolvedSessionLlmCapabilities', 'sessionId'),
  BeginImageOperation: row('models.beginImageOperation', 'sessionId', 'request'),
  DenyImageOperationPlan: row('models.denyImageOperationPlan', 'sessionId', 'refusal'),
  ActivateImageOperationOverride: row('models.activateImageOperationOverride', 'sessionId', 'operationId', 'target'),
  ClassifyImageOperationTerminal: row('models.classifyImageOperationTerminal', 'sessionId', 'seen'),
  CompleteImageOperation: row('models.completeImageOperation', 'sessionId', 'end'),
  RestoreImageOperationOverride: row('models.restoreImageOperationOverride', 'sessionId', 'operationId'),
  StagePersistentFilter: row('models.stagePersistentFilter', 'sessionId', 'filter', 'witnesses'),
  RequestDeferredTools: row('models.requestDeferredTools', 'sessionId', 'authorities'),
  PublishCommittedVisibleSet: row('models.publishCommittedVisibleSet', 'sessionId', 'revision'),
}

type Commands = typeof commands
export type MachineCommandName = keyof Commands

type Method = (...args: never[]) => unknown
type Path = Commands[MachineCommandName]['path']
type PartPath = Extract<Path, `${string}.${string}`>
type PartOf<Of> = Of extends `${infer Part}.${string}` ? Part : never
type MethodsOf<Part extends string, Of = PartPath> = Of extends `${Part}.${infer Name}` ? Name : never

/** An object with every method of the table. */
export type Commanded = { readonly [Name in Exclude<Path, PartPath>]: Method } & {
  readonly [Part in PartOf<PartPath>]: { readonly [Name in MethodsOf<Part>]: Method }
}

type At<Target, Where> = Where extends `${infer Part}.${infer Rest}`
  ? Part extends keyof Target
    ? At<Target[Part], Rest>
    : never
  : Where extends keyof Target
    ? Extract<Target[Where], Method>
    : never

/** The arguments by name; an optional one is an optional parameter. */
type Named<Names, Args extends readonly unknown[]> = Names extends readonly [infer Name, ...infer Others]
  ? Args extends readonly [infer One, ...infer Rest]
    ? { readonly [Key in Extract<Name, string>]: One } & Named<Others, Rest>
    : Args extends readonly [(infer One)?, ...infer Rest]
      ? MayBe<Name, Exclude<One, undefined>> & Named<Others, Rest>
      : never
  : object

type MayBe<Name, One> = Name extends readonly (infer Field)[]
  ? Pick<One, Extract<Field, keyof One>>
  : { readonly [Key in Extract<Name, string>]?: One }

export type CommandParams<Machine extends Commanded, Name extends MachineCommandName> = Named<
  Commands[Name]['names'],
  Parameters<At<Machine, Commands[Name]['path']>>
>
export type CommandAnswer<Machine extends Commanded, Name extends MachineCommandName> = Awaited<
  ReturnType<At<Machine, Commands[Name]['path']>>
>

/** The names of all commands. */
export const machineCommandNames: readonly MachineCommandName[] = Object.keys(commands) as MachineCommandName[]

/** Performs a command. Refusals are those of its method. */
export async function runCommand<Machine extends Commanded, Name extends MachineCommandName>(
  machine: Machine,
  name: Name,
  params: CommandParams<Machine, Name>,
): Promise<CommandAnswer<Machine, Name>> {
  if (typeof name !== 'string' || !Object.hasOwn(commands, name)) {
    const shown = shownOf(name, 100)
    throw new MeerkatError('unknown-operation', `a machine has no command ${JSON.stringify(shown)}`)
  }
  const { path, names }: Row<string, readonly Argument[]> = commands[name]
  const given = new Map<string, unknown>(Object.entries(commandFields(name, names.flat(), params)))
  const args = names.map(one =>
    typeof one === 'string' ? given.get(one) : defined(Object.fromEntries(one.map(field => [field, given.get(field)]))),
  )
  const [method = '', part] = path.split('.').toReversed()
  // The type `Commanded` says that the machine has every method of the table.
  const target = (part === undefined ? machine : Reflect.get(machine, part)) as object
  const act = Reflect.get(target, method) as (...args: readonly unknown[]) => Promise<CommandAnswer<Machine, Name>>
  return await Reflect.apply(act, target, args)
}
