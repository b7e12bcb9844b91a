/**
 * The classification queries as a machine: questions about phases and inputs as inputs, answers as effects. A host that
 * reaches machines only by inputs gets the same verdicts as one that calls the functions of `classify.ts`. It has no
 * state; a question that contradicts itself is refused.
 */
import {
  authorizeStoredInputStateSeed,
  classifyRuntimeLifecycleDurableState,
  classifyRuntimeLifecycleState,
  classifyRuntimeLoopQueueAdmission,
  type InputPhase,
  type InputPublicLifecycle,
  type InputPublicStateProjection,
  type RuntimeLifecycleFacts,
  type RuntimeLoopQueueAdmissionPlan,
  resolveInputPublicLifecycleProjection,
  resolveInputPublicStateProjection,
  resolveVisibleRuntimePhase,
  type StoredInputSeed,
  type Verdict,
  type VisibleRuntimePhasePlan,
} from './classify.ts'
import type { Emit, Guard } from './region.ts'
import type { DurableLifecyclePhase, LifecyclePhase } from './regions/lifecycle/state.ts'
import { type Machine, machine } from './step.ts'

/** Empty: no question depends on an earlier one. */
export interface QueryState {
  readonly queries: { readonly phase: 'ready' }
}

type Question<Ask extends (question: never) => unknown> = Parameters<Ask>[0]

export type QueryInput =
  | { readonly type: 'ClassifyRuntimeLifecycleState'; readonly state: LifecyclePhase }
  | ({ readonly type: 'ClassifyRuntimeLifecycleDurability' } & Question<typeof classifyRuntimeLifecycleDurableState>)
  | ({ readonly type: 'ClassifyRuntimeLoopQueueAdmission' } & Question<typeof classifyRuntimeLoopQueueAdmission>)
  | ({ readonly type: 'ResolveVisibleRuntimePhase' } & Question<typeof resolveVisibleRuntimePhase>)
  | { readonly type: 'ResolveInputPublicLifecycle'; readonly phase: InputPhase }
  | ({ readonly type: 'ResolveInputPublicTerminalOutcome' } & Question<typeof resolveInputPublicStateProjection>)
  | ({ readonly type: 'ClassifyInputTerminality' } & Question<typeof resolveInputPublicStateProjection>)
  | { readonly type: 'AuthorizeStoredInputStateSeed'; readonly seed: StoredInputSeed }

export type QueryEffect =
  | { readonly type: 'RuntimeLifecycleStateClassified'; readonly facts: RuntimeLifecycleFacts }
  | { readonly type: 'RuntimeLifecycleDurabilityClassified'; readonly durable: DurableLifecyclePhase }
  | { readonly type: 'RuntimeLoopQueueAdmissionClassified'; readonly plan: RuntimeLoopQueueAdmissionPlan }
  | { readonly type: 'VisibleRuntimePhaseResolved'; readonly plan: VisibleRuntimePhasePlan }
  | { readonly type: 'InputPublicLifecycleResolved'; readonly lifecycle: InputPublicLifecycle }
  | { readonly type: 'InputPublicTerminalOutcomeResolved'; readonly projection: InputPublicStateProjection }
  | { readonly type: 'InputBehavioralTerminalityResolved'; readonly isTerminal: boolean }
  | { readonly type: 'StoredInputStateSeedAuthorized'; readonly seed: StoredInputSeed }

/** A row that answers if the question does not contradict itself. */
function answers<Input, T>(ask: (input: Input) => Verdict<T>, effect: (value: T) => QueryEffect) {
  const makesSense: Guard<QueryState, Input> = function makesSense(_, input) {
    return ask(input).ok
  }
  const answer: Emit<QueryState, Input, QueryEffect> = (_, input) => {
    const verdict = ask(input)
    return verdict.ok ? effect(verdict.value) : []
  }
  return [{ name: 'answered', from: ['ready'] as const, when: [makesSense], emit: [answer] }]
}

/** The queries' machine. */
export const queries: Machine<QueryState, QueryInput, QueryEffect> = machine<QueryState, QueryInput, QueryEffect>({
  name: 'queries',
  spine: () => 'ready',
  invariants: [],
  regions: [
    {
      name: 'queries',
      about: 'What a phase means, asked without a session.',
      initial: { phase: 'ready' },
      phaseOf: () => 'ready',
      phases: ['ready'],
      on: {
        ClassifyRuntimeLifecycleState: [
          {
            name: 'answered',
            from: ['ready'],
            emit: [
              (_, { state }) => ({
                type: 'RuntimeLifecycleStateClassified',
                facts: classifyRuntimeLifecycleState(state),
              }),
            ],
          },
        ],
        ClassifyRuntimeLifecycleDurability: answers(classifyRuntimeLifecycleDurableState, durable => ({
          type: 'RuntimeLifecycleDurabilityClassified',
          durable,
        })),
        ClassifyRuntimeLoopQueueAdmission: answers(classifyRuntimeLoopQueueAdmission, plan => ({
          type: 'RuntimeLoopQueueAdmissionClassified',
          plan,
        })),
        ResolveVisibleRuntimePhase: [
          {
            name: 'answered',
            from: ['ready'],
            emit: [(_, input) => ({ type: 'VisibleRuntimePhaseResolved', plan: resolveVisibleRuntimePhase(input) })],
          },
        ],
        ResolveInputPublicLifecycle: [
          {
            name: 'answered',
            from: ['ready'],
            emit: [
              (_, { phase }) => ({
                type: 'InputPublicLifecycleResolved',
                lifecycle: resolveInputPublicLifecycleProjection(phase),
              }),
            ],
          },
        ],
        ResolveInputPublicTerminalOutcome: answers(resolveInputPublicStateProjection, projection => ({
          type: 'InputPublicTerminalOutcomeResolved',
          projection,
        })),
        ClassifyInputTerminality: answers(resolveInputPublicStateProjection, ({ isTerminal }) => ({
          type: 'InputBehavioralTerminalityResolved',
          isTerminal,
        })),
        AuthorizeStoredInputStateSeed: answers(
          ({ seed }: { readonly seed: StoredInputSeed }) => authorizeStoredInputStateSeed(seed),
          seed => ({ type: 'StoredInputStateSeedAuthorized', seed }),
        ),
      },
      follow: {},
      invariants: [],
    },
  ],
})
