/** What random walks say about models and tools. */
import type {
  ImageTerminal,
  LlmInput,
  ModelTarget,
  RoutingApproval,
  RoutingInput,
  RunId,
  SessionLlm,
  SessionLlmCapabilitySurface,
  ToolAuthority,
  ToolFilter,
  VisibilityInput,
} from 'meerkat-ts/kernel'
import type { Chance, Maker } from './walk.ts'

/** A model that can do everything, but for what is said. */
export function surface(more: Partial<SessionLlmCapabilitySurface> = {}): SessionLlmCapabilitySurface {
  return {
    supportsTemperature: true,
    supportsThinking: true,
    supportsReasoning: true,
    inlineVideo: true,
    vision: true,
    imageInput: true,
    imageToolResults: true,
    supportsWebSearch: true,
    imageGeneration: true,
    realtime: true,
    ...more,
  }
}

const llmSeen = ({ state: { llm } }: Chance): { readonly previous?: SessionLlm } =>
  llm.phase === 'unknown' ? {} : { previous: llm }
const identity = ({ pick }: Chance) => ({ identity: { provider: 'p', model: pick('m1', 'm2') } })
const abilities = ({ pick }: Chance) => surface({ imageToolResults: pick(true, false) })
const current = ({ state }: Chance): { readonly runId: RunId } => ({
  runId: state.run.phase === 'bound' ? state.run.runId : ('r' as RunId),
})

const filterTool = (name: string): ToolAuthority => ({ name, kind: 'mcp', sourceId: 's1' })
const named = ({ pick }: Chance): readonly string[] => pick(['a'], ['b'], ['a', 'b'], [])
const filter = (chance: Chance): ToolFilter =>
  chance.pick<ToolFilter>(
    { type: 'all' },
    { type: 'allow', names: named(chance) },
    { type: 'deny', names: named(chance) },
  )
const witnesses = [filterTool('a'), filterTool('b')]
const some = ({ pick }: Chance): readonly ToolAuthority[] => pick(witnesses, witnesses.slice(1), [], witnesses)

const target = ({ pick }: Chance): { readonly target: ModelTarget } => ({
  target: { model: pick('m1', 'm2'), realtime: pick(true, false) },
})
const asked = (chance: Chance) => ({
  ...target(chance),
  ...chance.pick<{ readonly approval?: RoutingApproval }>(
    {},
    {},
    { approval: { type: 'approved' } },
    { approval: { type: 'unavailable' } },
    { approval: { type: 'denied', reason: 'no' } },
  ),
  ...chance.pick({}, { realtimeTransport: 'required' as const }),
})
const request = ({ n, pick }: Chance) => ({ requestId: `q${n - pick(0, 1, 2)}` })
const image = ({ n, pick, state: { routing } }: Chance) => ({
  operationId: routing.imageOverride ?? `g${n - pick(0, 1, 2, 3)}`,
})
const terminal = ({ pick }: Chance): { readonly terminal: ImageTerminal } => ({ terminal: pick('generated', 'failed') })

type ModelInput = LlmInput | VisibilityInput | RoutingInput

export const modelMakers: { readonly [Type in ModelInput['type']]: Maker<Type> } = {
  HydrateSessionLlmState: chance => ({
    ...identity(chance),
    ...chance.pick({}, { surface: abilities(chance) }),
  }),
  ReconfigureSessionLlmIdentity: chance => ({
    ...chance.pick(llmSeen(chance), llmSeen(chance), {}),
    ...identity(chance),
    surface: abilities(chance),
  }),
  CommitStickyModelFallback: chance => ({
    ...current(chance),
    ...llmSeen(chance),
    retryAttempt: chance.state.turn.phase === 'errorRecovery' ? chance.state.turn.retry.attempt : 1,
    identity: { provider: 'p', model: 'm3' },
    ...chance.pick({}, { surface: abilities(chance), profile: { provider: 'p', model: chance.pick('m3', 'm1') } }),
  }),
  ClearSessionLlmState: () => ({}),
  ModelRequested: chance => ({
    ...chance.pick({}, { model: chance.pick('m1', 'm2') }),
    ...chance.pick({}, { surface: abilities(chance) }),
  }),
  StagePersistentFilter: chance => ({ filter: filter(chance), witnesses: some(chance) }),
  StageVisibilityFilter: chance => ({ filter: filter(chance), witnesses: some(chance) }),
  CommitVisibilityFilter: ({ state: { visibility }, pick }) => ({
    filter: visibility.staged.filter,
    revision: visibility.staged.revision + pick(0, 0, 1),
  }),
  RequestDeferredTools: chance => ({ authorities: some(chance) }),
  StageDeferredNames: () => ({ names: [] }),
  CommitDeferredNames: ({ state: { visibility }, pick }) => ({
    authorities: pick(visibility.staged.deferred, visibility.staged.deferred, []).map(filterTool),
  }),
  ReplaceFilterToolAuthorityCatalog: chance => ({ catalog: some(chance) }),
  ReplaceDeferredToolAuthorityCatalog: chance => ({ catalog: some(chance) }),
  SetTurnToolOverlay: chance => ({ ...chance.pick({}, { allow: named(chance) }), deny: named(chance) }),
  ClearTurnToolOverlay: () => ({}),
  PublishCommittedVisibleSet: ({ state: { visibility }, pick }) => ({
    revision: visibility.staged.revision + pick(0, 0, 1),
  }),
  ReplaceVisibilityState: chance => {
    const { active } = chance.state.visibility
    const next = { revision: active.revision + chance.pick(0, 1, 2), filter: filter(chance), deferred: [] }
    return {
      inherited: filter(chance),
      active: chance.pick(next, active),
      staged: next,
      witnesses: some(chance),
      authorities: some(chance),
    }
  },
  SyncVisibilityRevisions: ({ n }) => ({ activeRevision: n % 7, stagedRevision: n % 9 }),
  SetModelRoutingBaseline: target,
  RequestFiniteSwitchTurn: chance => ({ ...request(chance), ...asked(chance), turns: chance.pick(1, 2, 0) }),
  RequestUntilChangedSwitchTurn: chance => ({ ...request(chance), ...asked(chance) }),
  CompleteUntilChangedSwitchTurnReconfigure: ({ state: { routing } }) => ({
    requestId: routing.pending?.requestId ?? 'q',
  }),
  AdmitModelRoutingAssistantTurn: ({ pick }) => pick({}, { turn: 't1' }, { turn: 't2' }),
  BeginImageOperation: chance => ({
    operationId: `g${chance.n}`,
    ...asked(chance),
    requiresScopedOverride: chance.pick(true, false),
  }),
  DenyImageOperationPlan: chance => ({ operationId: `g${chance.n}`, denial: chance.pick('policy', 'invalidRequest') }),
  ActivateImageOperationOverride: chance => ({ ...image(chance), ...target(chance) }),
  ClassifyImageOperationTerminal: chance => ({
    ...image(chance),
    observation: chance.pick({ type: 'generated' }, { type: 'executionFailed' }),
    providerText: chance.pick('keep', 'discard'),
  }),
  CompleteImageOperation: chance => ({ ...image(chance), ...terminal(chance) }),
  RestoreImageOperationOverride: image,
}
