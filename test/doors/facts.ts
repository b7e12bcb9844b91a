/** Functions over facts, states and keys: what the entries `./kernel` and `./runtime` export besides what takes options. */
import * as kernel from 'meerkat-ts/kernel'
import * as runtime from 'meerkat-ts/runtime'

export interface Door {
  /** Arguments that could be meant. */
  readonly args: readonly unknown[]
  readonly call: (...args: never[]) => unknown
  /** Which of the arguments are options. */
  readonly options: number
}

/** Takes no options. */
const of = (call: Door['call'], ...args: Door['args']): Door => ({ args, call, options: -1 })
/** The first argument is an object of known fields. */
const asked = (call: Door['call'], ...args: Door['args']): Door => ({ args, call, options: 0 })

const state = kernel.meerkat.initial
const phase = { state: 'idle', preRun: undefined }
const input = { phase: 'abandoned', terminalKind: 'abandoned', abandonReason: 'stopped' }
const fact = {
  source: { transportIdentity: 't', routeIdentity: 'r', displayIdentity: 'd' },
  correlationId: '01890a5d-ac96-774b-bcce-b302099a8057',
  status: 'Completed',
  payload: { a: 1 },
}

const ofStates: Readonly<Record<string, Door>> = {
  encodeState: of(kernel.encodeState, state),
  takeOverSteps: of(kernel.takeOverSteps, state),
  settlingSteps: of(kernel.settlingSteps, state),
  runnable: of(kernel.runnable, state),
  canPrepare: of(kernel.canPrepare, state),
  canHear: of(kernel.canHear, state),
  hearable: of(kernel.hearable, state),
  blockers: of(kernel.blockers, state),
  completionBatchDue: of(kernel.completionBatchDue, state),
  completionsUntold: of(kernel.completionsUntold, state),
  nextDueAt: of(kernel.nextDueAt, state),
  modelRoutingStatus: of(kernel.modelRoutingStatus, state),
  isPeerProjectionFresh: of(kernel.isPeerProjectionFresh, state),
  effectiveToolFilter: of(kernel.effectiveToolFilter, state),
  hasStagedVisibility: of(kernel.hasStagedVisibility, state),
}

const ofSlices: Readonly<Record<string, Door>> = {
  schedulesOf: of(kernel.schedulesOf, state.schedules),
  entryOf: of(kernel.entryOf, state.ledger, 'i'),
  unfinishedInputs: of(kernel.unfinishedInputs, state.ledger),
  completionsAfter: of(kernel.completionsAfter, state.operations, 0),
  unfinishedOperations: of(kernel.unfinishedOperations, state.operations),
  capabilityBaseFilter: of(kernel.capabilityBaseFilter, state.llm),
  pendingServers: of(kernel.pendingServers, state.mcpServers),
  shouldPreemptOnInput: of(kernel.shouldPreemptOnInput, state.productTurn),
  realtimeAttachmentStatus: of(kernel.realtimeAttachmentStatus, state.realtime),
  realtimeChannelState: of(kernel.realtimeChannelState, state.realtime),
  hasPendingOrStaged: of(kernel.hasPendingOrStaged, state.toolSurfaces),
  isSnapshotAligned: of(kernel.isSnapshotAligned, state.toolSurfaces),
  pendingSurfaces: of(kernel.pendingSurfaces, state.toolSurfaces),
  removingSurfaces: of(kernel.removingSurfaces, state.toolSurfaces),
  surfaceTools: of(kernel.surfaceTools, state.toolSurfaces),
  visibleSurfaces: of(kernel.visibleSurfaces, state.toolSurfaces),
}

const ofQuestions: Readonly<Record<string, Door>> = {
  classifyRuntimeLifecycleState: of(kernel.classifyRuntimeLifecycleState, 'idle'),
  classifyRuntimeLifecycleDurableState: asked(kernel.classifyRuntimeLifecycleDurableState, phase),
  classifyRuntimeLoopQueueAdmission: asked(kernel.classifyRuntimeLoopQueueAdmission, {
    state: 'running',
    currentRunBound: true,
  }),
  resolveVisibleRuntimePhase: asked(kernel.resolveVisibleRuntimePhase, {
    kernel: 'running',
    kernelPreRun: 'retired',
    control: 'retired',
    controlPreRun: undefined,
    hasPersistence: true,
  }),
  resolveInputPublicLifecycleProjection: of(kernel.resolveInputPublicLifecycleProjection, 'carried'),
  resolveInputPublicStateProjection: asked(kernel.resolveInputPublicStateProjection, input),
  authorizeStoredInputStateSeed: asked(kernel.authorizeStoredInputStateSeed, {
    ...input,
    attempts: 1,
    lane: undefined,
    lastRunId: 'r',
  }),
  classifyOperationPublicResult: of(kernel.classifyOperationPublicResult, 'running'),
  classifyOperationTerminality: of(kernel.classifyOperationTerminality, 'running'),
  classifyOperationCompletionFeed: of(kernel.classifyOperationCompletionFeed, 'background-tool-op'),
  classifyOperationCompletionWake: of(kernel.classifyOperationCompletionWake, 'background-tool-op'),
  classifyOperationDurability: of(kernel.classifyOperationDurability, 'background-tool-op'),
  resolveOperationTransitionRejection: of(kernel.resolveOperationTransitionRejection, state, {
    type: 'StartOperation',
    operationId: 'o',
  }),
  classifyImageTerminal: asked(kernel.classifyImageTerminal, {
    type: 'providerHttpError',
    httpStatus: 504,
    code: 'geminiSafety',
  }),
  qualifiedToolName: asked(kernel.qualifiedToolName, { name: 'n', surfaceId: 's', generation: 1 }),
}

const ofMachines: Readonly<Record<string, Door>> = {
  step: of(kernel.step, state, { type: 'RegisterSession', sessionId: 's' }),
  machine: asked(kernel.machine, {
    name: 'm',
    spine: () => 'ready',
    regions: [],
    invariants: [],
    lifetimes: {},
    copy: (one: object) => ({ ...one }),
  }),
  decodeState: of(kernel.decodeState, kernel.encodeState(state)),
  dueSchedules: of(kernel.dueSchedules, state, 0),
  isToolVisible: of(kernel.isToolVisible, state, 'tool', false),
}

const ofPeers: Readonly<Record<string, Door>> = {
  promptText: asked(runtime.promptText, { type: 'ResponseTerminal', fact }),
  contextKey: asked(runtime.contextKey, { type: 'ResponseTerminal', fact }),
  blockPrefixText: asked(runtime.blockPrefixText, { type: 'Message', peerId: 'p' }),
  peerResponseTerminalContextKey: asked(runtime.peerResponseTerminalContextKey, fact),
  peerResponseTerminalFact: asked(runtime.peerResponseTerminalFact, {
    ...fact.source,
    correlationId: fact.correlationId,
    status: 'Failed',
    payload: [],
  }),
}

const ofHosts: Readonly<Record<string, Door>> = {
  isGenuine: of(runtime.isGenuine, { of: 'meerkat-machine' }),
  leaseKeyText: asked(runtime.leaseKeyText, { realm: 'r', binding: 'b', profile: 'p' }),
  standaloneBindings: of(runtime.standaloneBindings, 's'),
  bindingsFor: { args: ['s', { mode: 'StandaloneEphemeral' }], call: runtime.bindingsFor, options: 1 },
  standaloneToolVisibilityOwner: {
    args: ['s', { identity: { provider: 'p', model: 'm' } }],
    call: runtime.standaloneToolVisibilityOwner,
    options: 1,
  },
}

export const factDoors: Readonly<Record<string, Door>> = {
  ...ofStates,
  ...ofSlices,
  ...ofQuestions,
  ...ofMachines,
  ...ofPeers,
  ...ofHosts,
}
