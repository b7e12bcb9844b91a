/** The arguments of each method of a machine. */
import * as takes from './arguments.ts'

const { id, later, now, optional } = takes
const ofSession = later(id)
const asked = now(id)

export const machineArguments: Readonly<Record<string, takes.Signature>> = {
  sharesRuntimePersistenceWith: now(takes.withMethods('hasRuntimePersistence', 'sharesRuntimeStoreAuthority')),
  sharesRuntimeStoreAuthority: now(takes.withMethods('hasRuntimePersistence', 'sharesRuntimeStoreAuthority')),
  setCompositionSignalDispatcher: now(optional(takes.withMethods('dispatch'))),
  registerSession: later(id, optional(takes.sessionOptions)),
  setSessionSilentIntents: later(id, takes.intents),
  registerSessionWithExecutor: later(id, takes.executor),
  ensureSessionWithExecutor: later(id, takes.aFunction),
  installPreparedSessionInterruptHandle: now(id, takes.withMethods('interrupt')),
  unregisterSession: later(id, optional(takes.leaving)),
  unregisterSessionIfEpoch: later(id, id, optional(takes.leaving)),
  containsSession: asked,
  sessionHasExecutor: asked,
  sessionHasComms: asked,
  prepareBindings: later(id, optional(takes.placement)),
  prepareLocalSessionBindings: ofSession,
  acceptInput: later(id, takes.hostInput),
  acceptInputWithoutWake: later(id, takes.hostInput),
  wakeRuntimeIfActiveInputs: ofSession,
  acceptInputWithCompletion: later(id, takes.hostInput),
  ingest: later(id, takes.work, takes.hostInput),
  publishEvent: later(id, takes.hostEvent),
  cancelAfterBoundary: later(id, optional(id)),
  hardCancelCurrentRun: later(id, optional(id)),
  stopRuntimeExecutor: ofSession,
  retire: ofSession,
  recycle: ofSession,
  reset: ofSession,
  resume: ofSession,
  destroy: ofSession,
  recover: ofSession,
  runtimeState: asked,
  inputState: now(id, id),
  input: later(id, takes.inputNamed),
  listActiveInputs: asked,
  loadBoundaryReceipt: later(id, id, takes.positive),
  opsLifecycleRegistry: asked,
  commitServiceTurnTerminalReceipt: later(id, id),
}
