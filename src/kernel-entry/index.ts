/**
 * The kernel's entry of the package: what `src/kernel` exports, with checks of each function's arguments for callers outside
 * the package: a wrong argument is refused as `invalid-params`, by its name. Inside, the functions are called without checks.
 */

import type {
  AbandonReason,
  ImageErrorCode,
  ImageObservation,
  InputPhase,
  LifecyclePhase,
  MeerkatState,
  OperationKind,
  OperationStatus,
  PreRunPhase,
  Terminal,
} from '../kernel/index.ts'
import * as kernel from '../kernel/index.ts'
import {
  aBoolean,
  aCount,
  aFunction,
  aListOf,
  aNumber,
  anObject,
  aText,
  aWord,
  checkedFunction as checked,
  type Field,
  oneOf,
  optional,
  unreadable,
} from '../options.ts'
import { isDuration, LATEST_TIME } from '../time.ts'

export * from '../kernel/index.ts'

type Slice = keyof MeerkatState

const aTime: Field = { wanted: 'a time in milliseconds', fits: value => isDuration(value, 0, LATEST_TIME) }

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** A slice of a session's state, by what its region says of phases. */
function aSlice(name: Slice): Field {
  const region = kernel.meerkat.regions.find(one => one.name === name)
  const fits = (slice: unknown): boolean => {
    if (region === undefined || !isObject(slice)) return false
    const phase = region.phaseOf({ ...kernel.meerkat.initial, [name]: slice })
    // A region that speaks of the session's phases says nothing of the first one, in which it has no rows.
    return region.phases.includes(phase) || phase === region.phaseOf(kernel.meerkat.initial)
  }
  return { wanted: `the slice ${name} of a state`, fits }
}

/** A state, as far as a function looks at it. Such functions are asked often: whatever is in the slices, they find out. */
function aStateWith(...names: readonly string[]): Field {
  const fits = (state: unknown): boolean => isObject(state) && names.every(name => isObject(Reflect.get(state, name)))
  return { wanted: `a state with ${names.join(', ')}`, fits }
}

const aCore = aStateWith(
  'lifecycle',
  'registration',
  'binding',
  'ledger',
  'endings',
  'run',
  'turn',
  'calls',
  'transcript',
  'operations',
  'schedules',
)
/** Whatever else it says. */
const anOperationInput: Field = {
  wanted: 'an input about an operation',
  fits: input => isObject(input) && ['type', 'operationId'].every(name => typeof Reflect.get(input, name) === 'string'),
}
const aState = aStateWith(...Object.keys(kernel.meerkat.initial))
const state = ['state', aState] as const
const core = ['state', aCore] as const
const slice = (name: Slice) => [name, aSlice(name)] as const

/** One of all values of a type: the compiler sees to it that none is missing. */
const anyOf = <Value extends string>(values: Readonly<Record<Value, true>>): Field => oneOf(...Object.keys(values))

const aPhase = anyOf<LifecyclePhase>({
  initializing: true,
  idle: true,
  attached: true,
  running: true,
  retired: true,
  stopped: true,
  destroyed: true,
})
const aPreRun = optional(anyOf<PreRunPhase>({ idle: true, attached: true, retired: true }))
const ENDED = { consumed: true, superseded: true, coalesced: true, abandoned: true, withdrawn: true } as const
const anInputPhase = anyOf<InputPhase>({
  accepted: true,
  queued: true,
  carried: true,
  staged: true,
  applied: true,
  ...ENDED,
})
const INPUT = {
  phase: anInputPhase,
  terminalKind: optional(anyOf<Terminal['status']>(ENDED)),
  abandonReason: optional(
    anyOf<AbandonReason>({
      retired: true,
      reset: true,
      stopped: true,
      destroyed: true,
      cancelled: true,
      'max-attempts': true,
      'never-executed': true,
      unregistered: true,
      'owner-lost': true,
    }),
  ),
}
const aKind = anyOf<OperationKind>({
  'mob-member-child': true,
  'background-tool-op': true,
  'background-tool-capacity-slot': true,
  'detached-job-wait': true,
})
const aStatus = anyOf<OperationStatus>({
  absent: true,
  provisioning: true,
  running: true,
  retiring: true,
  completed: true,
  failed: true,
  aborted: true,
  cancelled: true,
  retired: true,
  terminated: true,
})
const VISIBLE = {
  kernel: aPhase,
  kernelPreRun: aPreRun,
  control: aPhase,
  controlPreRun: aPreRun,
  hasPersistence: aBoolean,
}
const SEED = {
  ...INPUT,
  attempts: aNumber,
  lane: optional(oneOf('queue', 'steer')),
  lastRunId: optional(aWord),
}
const TOOL = { name: aWord, surfaceId: aWord, generation: aCount, shadowedBy: optional(aWord) }
const IMAGE = {
  type: anyOf<ImageObservation['type']>({
    generated: true,
    emptyResult: true,
    executionFailed: true,
    blobCommitFailed: true,
    providerHttpError: true,
    providerNativeError: true,
  }),
  httpStatus: optional(aNumber),
  code: optional(
    anyOf<ImageErrorCode>({
      geminiDeadlineExceeded: true,
      openAiContentFilter: true,
      geminiSafety: true,
      openAiModelRefusal: true,
      geminiModelRefusal: true,
    }),
  ),
}
const MACHINE = {
  name: aWord,
  spine: aFunction,
  regions: aListOf('regions', anObject.fits),
  invariants: aListOf('invariants', anObject.fits),
  lifetimes: optional(anObject),
  copy: optional(aFunction),
}

/** One transition of a session, or why not. What is legal the kernel judges; what can't be read is `invalid-params`. */
export function step(...asked: Parameters<typeof kernel.step>): ReturnType<typeof kernel.step> {
  try {
    return kernel.step(...asked)
  } catch (error) {
    throw unreadable('step', error)
  }
}

export const machine: typeof kernel.machine = checked('machine', kernel.machine, ['declaration', MACHINE])
export const encodeState: typeof kernel.encodeState = checked('encodeState', kernel.encodeState, state)
export const decodeState: typeof kernel.decodeState = checked('decodeState', kernel.decodeState, ['text', aText])
export const takeOverSteps: typeof kernel.takeOverSteps = checked('takeOverSteps', kernel.takeOverSteps, state)
export const settlingSteps: typeof kernel.settlingSteps = checked('settlingSteps', kernel.settlingSteps, core)
export const runnable: typeof kernel.runnable = checked('runnable', kernel.runnable, core)
export const canPrepare: typeof kernel.canPrepare = checked('canPrepare', kernel.canPrepare, core)
export const canHear: typeof kernel.canHear = checked('canHear', kernel.canHear, core)
export const hearable: typeof kernel.hearable = checked('hearable', kernel.hearable, core)
export const blockers: typeof kernel.blockers = checked('blockers', kernel.blockers, core)
export const completionBatchDue: typeof kernel.completionBatchDue = checked(
  'completionBatchDue',
  kernel.completionBatchDue,
  core,
)
export const completionsUntold: typeof kernel.completionsUntold = checked(
  'completionsUntold',
  kernel.completionsUntold,
  core,
)
export const dueSchedules: typeof kernel.dueSchedules = checked('dueSchedules', kernel.dueSchedules, core, [
  'now',
  aTime,
])
export const nextDueAt: typeof kernel.nextDueAt = checked('nextDueAt', kernel.nextDueAt, core)
export const schedulesOf: typeof kernel.schedulesOf = checked('schedulesOf', kernel.schedulesOf, slice('schedules'))
export const entryOf: typeof kernel.entryOf = checked('entryOf', kernel.entryOf, slice('ledger'), ['id', aWord])
export const unfinishedInputs: typeof kernel.unfinishedInputs = checked(
  'unfinishedInputs',
  kernel.unfinishedInputs,
  slice('ledger'),
)
export const completionsAfter: typeof kernel.completionsAfter = checked(
  'completionsAfter',
  kernel.completionsAfter,
  slice('operations'),
  ['seq', aCount],
)
export const unfinishedOperations: typeof kernel.unfinishedOperations = checked(
  'unfinishedOperations',
  kernel.unfinishedOperations,
  slice('operations'),
)
export const capabilityBaseFilter: typeof kernel.capabilityBaseFilter = checked(
  'capabilityBaseFilter',
  kernel.capabilityBaseFilter,
  slice('llm'),
)
export const pendingServers: typeof kernel.pendingServers = checked(
  'pendingServers',
  kernel.pendingServers,
  slice('mcpServers'),
)
export const shouldPreemptOnInput: typeof kernel.shouldPreemptOnInput = checked(
  'shouldPreemptOnInput',
  kernel.shouldPreemptOnInput,
  slice('productTurn'),
)
export const realtimeAttachmentStatus: typeof kernel.realtimeAttachmentStatus = checked(
  'realtimeAttachmentStatus',
  kernel.realtimeAttachmentStatus,
  slice('realtime'),
)
export const realtimeChannelState: typeof kernel.realtimeChannelState = checked(
  'realtimeChannelState',
  kernel.realtimeChannelState,
  slice('realtime'),
)
export const modelRoutingStatus: typeof kernel.modelRoutingStatus = checked(
  'modelRoutingStatus',
  kernel.modelRoutingStatus,
  ['state', aStateWith('routing')],
)
export const isPeerProjectionFresh: typeof kernel.isPeerProjectionFresh = checked(
  'isPeerProjectionFresh',
  kernel.isPeerProjectionFresh,
  ['state', aStateWith('comms', 'trust')],
)
export const effectiveToolFilter: typeof kernel.effectiveToolFilter = checked(
  'effectiveToolFilter',
  kernel.effectiveToolFilter,
  ['state', aStateWith('visibility', 'llm')],
)
export const hasStagedVisibility: typeof kernel.hasStagedVisibility = checked(
  'hasStagedVisibility',
  kernel.hasStagedVisibility,
  ['state', aStateWith('visibility')],
)
export const isToolVisible: typeof kernel.isToolVisible = checked(
  'isToolVisible',
  kernel.isToolVisible,
  ['state', aStateWith('visibility', 'llm')],
  ['name', aWord],
  ['isControl', optional(aBoolean)],
)
export const hasPendingOrStaged: typeof kernel.hasPendingOrStaged = checked(
  'hasPendingOrStaged',
  kernel.hasPendingOrStaged,
  slice('toolSurfaces'),
)
export const isSnapshotAligned: typeof kernel.isSnapshotAligned = checked(
  'isSnapshotAligned',
  kernel.isSnapshotAligned,
  slice('toolSurfaces'),
)
export const pendingSurfaces: typeof kernel.pendingSurfaces = checked(
  'pendingSurfaces',
  kernel.pendingSurfaces,
  slice('toolSurfaces'),
)
export const removingSurfaces: typeof kernel.removingSurfaces = checked(
  'removingSurfaces',
  kernel.removingSurfaces,
  slice('toolSurfaces'),
)
export const surfaceTools: typeof kernel.surfaceTools = checked(
  'surfaceTools',
  kernel.surfaceTools,
  slice('toolSurfaces'),
)
export const visibleSurfaces: typeof kernel.visibleSurfaces = checked(
  'visibleSurfaces',
  kernel.visibleSurfaces,
  slice('toolSurfaces'),
)
export const qualifiedToolName: typeof kernel.qualifiedToolName = checked(
  'qualifiedToolName',
  kernel.qualifiedToolName,
  ['tool', TOOL],
)
export const classifyImageTerminal: typeof kernel.classifyImageTerminal = checked(
  'classifyImageTerminal',
  kernel.classifyImageTerminal,
  ['seen', IMAGE],
)
export const classifyRuntimeLifecycleState: typeof kernel.classifyRuntimeLifecycleState = checked(
  'classifyRuntimeLifecycleState',
  kernel.classifyRuntimeLifecycleState,
  ['state', aPhase],
)
export const classifyRuntimeLifecycleDurableState: typeof kernel.classifyRuntimeLifecycleDurableState = checked(
  'classifyRuntimeLifecycleDurableState',
  kernel.classifyRuntimeLifecycleDurableState,
  ['question', { state: aPhase, preRun: aPreRun }],
)
export const classifyRuntimeLoopQueueAdmission: typeof kernel.classifyRuntimeLoopQueueAdmission = checked(
  'classifyRuntimeLoopQueueAdmission',
  kernel.classifyRuntimeLoopQueueAdmission,
  ['question', { state: aPhase, currentRunBound: aBoolean }],
)
export const resolveVisibleRuntimePhase: typeof kernel.resolveVisibleRuntimePhase = checked(
  'resolveVisibleRuntimePhase',
  kernel.resolveVisibleRuntimePhase,
  ['question', VISIBLE],
)
export const resolveInputPublicLifecycleProjection: typeof kernel.resolveInputPublicLifecycleProjection = checked(
  'resolveInputPublicLifecycleProjection',
  kernel.resolveInputPublicLifecycleProjection,
  ['phase', anInputPhase],
)
export const resolveInputPublicStateProjection: typeof kernel.resolveInputPublicStateProjection = checked(
  'resolveInputPublicStateProjection',
  kernel.resolveInputPublicStateProjection,
  ['question', INPUT],
)
export const authorizeStoredInputStateSeed: typeof kernel.authorizeStoredInputStateSeed = checked(
  'authorizeStoredInputStateSeed',
  kernel.authorizeStoredInputStateSeed,
  ['seed', SEED],
)
export const classifyOperationPublicResult: typeof kernel.classifyOperationPublicResult = checked(
  'classifyOperationPublicResult',
  kernel.classifyOperationPublicResult,
  ['status', aStatus],
)
export const classifyOperationTerminality: typeof kernel.classifyOperationTerminality = checked(
  'classifyOperationTerminality',
  kernel.classifyOperationTerminality,
  ['status', aStatus],
)
export const classifyOperationCompletionFeed: typeof kernel.classifyOperationCompletionFeed = checked(
  'classifyOperationCompletionFeed',
  kernel.classifyOperationCompletionFeed,
  ['kind', aKind],
)
export const classifyOperationCompletionWake: typeof kernel.classifyOperationCompletionWake = checked(
  'classifyOperationCompletionWake',
  kernel.classifyOperationCompletionWake,
  ['kind', aKind],
)
export const classifyOperationDurability: typeof kernel.classifyOperationDurability = checked(
  'classifyOperationDurability',
  kernel.classifyOperationDurability,
  ['kind', aKind],
)
export const resolveOperationTransitionRejection: typeof kernel.resolveOperationTransitionRejection = checked(
  'resolveOperationTransitionRejection',
  kernel.resolveOperationTransitionRejection,
  core,
  ['input', anOperationInput],
)
