import type { MeerkatInput } from '../inputs.ts'
import type { SessionLlm, SessionLlmCapabilitySurface } from '../regions/llm/state.ts'
import type { ToolFilter } from '../regions/tool-filter.ts'
import type { ToolAuthority } from '../regions/visibility/state.ts'
import { runId } from './alphabet.ts'

type Inputs = readonly MeerkatInput[]

const tool = (name: string, sourceId = 'x'): ToolAuthority => ({ name, kind: 'mcp', sourceId })
const ALL: ToolFilter = { type: 'all' }
const onlyA: ToolFilter = { type: 'allow', names: ['a'] }
const noA: ToolFilter = { type: 'deny', names: ['a'] }

/** A tool for filters and a deferred one. */
export const catalogs: Inputs = [
  { type: 'ReplaceFilterToolAuthorityCatalog', catalog: [tool('a')] },
  { type: 'ReplaceDeferredToolAuthorityCatalog', catalog: [tool('d')] },
]
/** Empty catalogues, and the same names from another provider. */
export const otherCatalogs: Inputs = [
  { type: 'ReplaceFilterToolAuthorityCatalog', catalog: [] },
  { type: 'ReplaceDeferredToolAuthorityCatalog', catalog: [] },
  { type: 'ReplaceFilterToolAuthorityCatalog', catalog: [tool('a', 'y')] },
  { type: 'ReplaceDeferredToolAuthorityCatalog', catalog: [tool('d', 'y')] },
]

const nothing = (revision: number) => ({ revision, filter: ALL, deferred: [] })
/** Inputs that give the staged set a new revision. */
export const stagings: Inputs = [
  { type: 'StagePersistentFilter', filter: onlyA, witnesses: [tool('a')] },
  { type: 'StageVisibilityFilter', filter: noA, witnesses: [tool('a')] },
  { type: 'StageVisibilityFilter', filter: noA, witnesses: [tool('a', 'y')] },
  { type: 'StageVisibilityFilter', filter: ALL, witnesses: [] },
  { type: 'RequestDeferredTools', authorities: [tool('d')] },
  { type: 'RequestDeferredTools', authorities: [] },
  { type: 'StageDeferredNames', names: [] },
  {
    type: 'ReplaceVisibilityState',
    inherited: noA,
    active: nothing(1),
    staged: { revision: 2, filter: onlyA, deferred: ['d'] },
    witnesses: [tool('a')],
    authorities: [tool('d')],
  },
  {
    type: 'ReplaceVisibilityState',
    inherited: ALL,
    active: nothing(2),
    staged: nothing(2),
    witnesses: [],
    authorities: [],
  },
  {
    type: 'ReplaceVisibilityState',
    inherited: ALL,
    active: nothing(2),
    staged: nothing(1),
    witnesses: [],
    authorities: [],
  },
  { type: 'SyncVisibilityRevisions', activeRevision: 0, stagedRevision: 2 },
]

/** What is staged becomes visible, under each of the first revisions. */
export const commitments = (revisions: number): Inputs => [
  ...Array.from(
    { length: revisions + 1 },
    (_, revision): Inputs => [
      { type: 'CommitVisibilityFilter', filter: ALL, revision },
      { type: 'CommitVisibilityFilter', filter: onlyA, revision },
      { type: 'CommitVisibilityFilter', filter: noA, revision },
      { type: 'PublishCommittedVisibleSet', revision },
    ],
  ).flat(),
  { type: 'CommitDeferredNames', authorities: [] },
  { type: 'CommitDeferredNames', authorities: [tool('d')] },
]

export const overlays: Inputs = [
  { type: 'SetTurnToolOverlay', allow: ['a'], deny: [] },
  { type: 'SetTurnToolOverlay', deny: ['a', 'b'] },
  { type: 'ClearTurnToolOverlay' },
]

const surface = (imageToolResults: boolean): SessionLlmCapabilitySurface => ({
  supportsTemperature: true,
  supportsThinking: true,
  supportsReasoning: true,
  inlineVideo: false,
  vision: true,
  imageInput: true,
  imageToolResults,
  supportsWebSearch: false,
  imageGeneration: false,
  realtime: false,
})
const model = (name: string) => ({ identity: { provider: 'p', model: name } })
const seeing: SessionLlm = { ...model('m'), surface: surface(true) }
const blind: SessionLlm = { ...model('n'), surface: surface(false) }
const unresolved: SessionLlm = model('o')
const MODELS: readonly SessionLlm[] = [seeing, blind, unresolved]

/** A session's model is set, changed from each known one to each, and cleared. */
export const hydrations: Inputs = MODELS.map(one => ({ type: 'HydrateSessionLlmState', ...one }))
export const reconfigurations: Inputs = [
  ...[undefined, ...MODELS].flatMap(previous =>
    [seeing, blind].map(
      ({ identity, surface: next = surface(true) }): MeerkatInput => ({
        type: 'ReconfigureSessionLlmIdentity',
        ...(previous && { previous }),
        identity,
        surface: next,
      }),
    ),
  ),
  { type: 'ClearSessionLlmState' },
]

/** A request goes to a model that takes images, to one that does not, and to one whose capabilities are unknown. */
export const requests: Inputs = [
  { type: 'ModelRequested', model: 'm', surface: surface(true) },
  { type: 'ModelRequested', model: 'n', surface: surface(false) },
  { type: 'ModelRequested' },
]
/** There is a tool that shows images. */
export const imageTools: Inputs = [{ type: 'ReplaceFilterToolAuthorityCatalog', catalog: [tool('view_image')] }]

/** Another model answers after the first failure and stays; also with a wrong previous model or attempt. */
export const fallbacks: Inputs = [undefined, ...MODELS].flatMap((previous): Inputs => {
  const seen = previous === undefined ? {} : { previous }
  const common = { type: 'CommitStickyModelFallback', runId, ...seen } as const
  return [
    { ...common, retryAttempt: 1, ...blind, profile: { provider: 'p', model: 'n' } },
    { ...common, retryAttempt: 1, ...blind, profile: { provider: 'p', model: 'm' } },
    { ...common, retryAttempt: 1, ...unresolved },
    { ...common, retryAttempt: 2, ...unresolved },
  ]
})

/** A turn whose model fails, is asked again, and answers. */
export const failingTurn: Inputs = [
  { type: 'StartConversationRun', runId },
  { type: 'PrimitiveApplied', runId },
  {
    type: 'RecoverableFailure',
    runId,
    retry: { attempt: 1, maxRetries: 2, delayMs: 1, kind: 'rate-limited' },
  },
  { type: 'RetryRequested', runId, attempt: 1 },
  { type: 'LlmReturnedTerminal', runId },
  { type: 'BoundaryComplete', runId },
]

const target = (model: string, realtime = false) => ({ target: { model, realtime } })
const denied = { approval: { type: 'denied', reason: 'no' } } as const
const unavailable = { approval: { type: 'unavailable' } } as const
const approved = { approval: { type: 'approved' } } as const
const pinned = { realtimeTransport: 'required' } as const

export const baseline: Inputs = [{ type: 'SetModelRoutingBaseline', ...target('m') }]

/** A switch for one turn or for two, and one that lasts, granted and refused for every reason. */
export function switchesOf(requestId: string): Inputs {
  const finite = { type: 'RequestFiniteSwitchTurn', requestId, ...target('n'), turns: 1 } as const
  const lasting = { type: 'RequestUntilChangedSwitchTurn', requestId, ...target('n') } as const
  return [
    finite,
    { ...finite, ...approved, turns: 2 },
    { ...finite, turns: 0 },
    lasting,
    ...[denied, unavailable, pinned].flatMap(
      (why): Inputs => [
        { ...finite, ...why },
        { ...lasting, ...why },
      ],
    ),
    { type: 'CompleteUntilChangedSwitchTurnReconfigure', requestId },
    { type: 'AdmitModelRoutingAssistantTurn' },
  ]
}

/** A switch for two turns, one of which is named, so that it counts once however often it is admitted. */
export const namedTurns: Inputs = [
  { type: 'RequestFiniteSwitchTurn', requestId: 'p', ...target('n'), turns: 2 },
  { type: 'AdmitModelRoutingAssistantTurn' },
  { type: 'AdmitModelRoutingAssistantTurn', turn: 't' },
]

/** An image operation, with a model of its own (`scoped`) or not, to its end. */
export function imagesOf(operationId: string, scoped: boolean): Inputs {
  const begin = { type: 'BeginImageOperation', operationId, ...target('i'), requiresScopedOverride: scoped } as const
  return [
    begin,
    { type: 'ActivateImageOperationOverride', operationId, ...target('i') },
    {
      type: 'ClassifyImageOperationTerminal',
      operationId,
      observation: { type: 'generated' },
      providerText: 'keep',
    },
    { type: 'CompleteImageOperation', operationId, terminal: 'generated' },
    { type: 'RestoreImageOperationOverride', operationId },
  ]
}
export function imageRefusals(operationId: string): Inputs {
  const begin = { type: 'BeginImageOperation', operationId, ...target('i'), requiresScopedOverride: true } as const
  return [
    ...[denied, unavailable, pinned].map((why): MeerkatInput => ({ ...begin, ...why })),
    { type: 'DenyImageOperationPlan', operationId, denial: 'policy' },
    { type: 'CompleteImageOperation', operationId, terminal: 'failed' },
  ]
}
