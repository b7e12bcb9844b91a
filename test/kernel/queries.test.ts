import {
  authorizeStoredInputStateSeed,
  type Lane,
  type QueryEffect,
  type QueryInput,
  queries,
  type RunId,
  type StoredInputSeed,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'

function ask(question: QueryInput): QueryEffect | string {
  const result = queries.step(queries.initial, question)
  if (!result.ok) return result.kind
  expect(result.state).toBe(queries.initial)
  expect(result.effects).toHaveLength(1)
  return result.effects[0] as QueryEffect
}

const seed = (more: Partial<StoredInputSeed> & Pick<StoredInputSeed, 'phase'>): QueryInput => ({
  type: 'AuthorizeStoredInputStateSeed',
  seed: { attempts: 0, ...more },
})

const QUESTIONS: {
  readonly [Type in QueryInput['type']]: readonly [Extract<QueryInput, { type: Type }>, QueryEffect]
} = {
  ClassifyRuntimeLifecycleState: [
    { type: 'ClassifyRuntimeLifecycleState', state: 'retired' },
    {
      type: 'RuntimeLifecycleStateClassified',
      facts: {
        state: 'retired',
        isTerminal: false,
        canAcceptInput: false,
        canProcessQueue: true,
        canPrepareRun: false,
        ingress: 'not-ready',
      },
    },
  ],
  ClassifyRuntimeLifecycleDurability: [
    { type: 'ClassifyRuntimeLifecycleDurability', state: 'running', preRun: 'retired' },
    { type: 'RuntimeLifecycleDurabilityClassified', durable: 'retired' },
  ],
  ClassifyRuntimeLoopQueueAdmission: [
    { type: 'ClassifyRuntimeLoopQueueAdmission', state: 'running', currentRunBound: true },
    {
      type: 'RuntimeLoopQueueAdmissionClassified',
      plan: { canProcessQueue: true, usesPreboundRun: true },
    },
  ],
  ResolveVisibleRuntimePhase: [
    { type: 'ResolveVisibleRuntimePhase', kernel: 'idle', control: 'stopped', hasPersistence: true },
    {
      type: 'VisibleRuntimePhaseResolved',
      plan: { publishControl: true, selectedRawPhase: 'stopped', visiblePhase: 'stopped' },
    },
  ],
  ResolveInputPublicLifecycle: [
    { type: 'ResolveInputPublicLifecycle', phase: 'carried' },
    { type: 'InputPublicLifecycleResolved', lifecycle: 'queued' },
  ],
  ResolveInputPublicTerminalOutcome: [
    {
      type: 'ResolveInputPublicTerminalOutcome',
      phase: 'abandoned',
      terminalKind: 'abandoned',
      abandonReason: 'cancelled',
    },
    {
      type: 'InputPublicTerminalOutcomeResolved',
      projection: { lifecycle: 'abandoned', isTerminal: true, terminalOutcome: 'cancelled' },
    },
  ],
  ClassifyInputTerminality: [
    { type: 'ClassifyInputTerminality', phase: 'queued' },
    { type: 'InputBehavioralTerminalityResolved', isTerminal: false },
  ],
  AuthorizeStoredInputStateSeed: [
    { type: 'AuthorizeStoredInputStateSeed', seed: { phase: 'queued', attempts: 1, lane: 'queue' } },
    { type: 'StoredInputStateSeedAuthorized', seed: { phase: 'queued', attempts: 1, lane: 'queue' } },
  ],
}

test.each(Object.values(QUESTIONS))(
  'a question that makes sense is answered by one effect: $0.type',
  (question, answer) => {
    expect(ask(question)).toEqual(answer)
  },
)

test.each<QueryInput>([
  { type: 'ClassifyRuntimeLifecycleDurability', state: 'idle', preRun: 'attached' },
  { type: 'ClassifyRuntimeLoopQueueAdmission', state: 'idle', currentRunBound: true },
  { type: 'ResolveInputPublicTerminalOutcome', phase: 'consumed' },
  { type: 'ResolveInputPublicTerminalOutcome', phase: 'queued', terminalKind: 'consumed' },
  { type: 'ClassifyInputTerminality', phase: 'abandoned', terminalKind: 'abandoned' },
])('a question that contradicts itself is refused: %j', question => {
  expect(ask(question)).toBe('guard-rejected')
})

describe('an input’s state from another store', () => {
  const run = 'r' as RunId
  const lane: Lane = 'queue'
  test.each<StoredInputSeed>([
    { phase: 'accepted', attempts: 0 },
    { phase: 'queued', attempts: 2, lane },
    { phase: 'staged', attempts: 1, lastRunId: run },
    { phase: 'applied', attempts: 3, lastRunId: run },
    { phase: 'consumed', terminalKind: 'consumed', attempts: 1, lastRunId: run },
    { phase: 'superseded', terminalKind: 'superseded', attempts: 0 },
    { phase: 'abandoned', terminalKind: 'abandoned', abandonReason: 'max-attempts', attempts: 3 },
    { phase: 'abandoned', terminalKind: 'abandoned', abandonReason: 'reset', attempts: 0 },
  ])('may be taken over: %j', state => {
    expect(authorizeStoredInputStateSeed(state)).toEqual({ ok: true, value: state })
    expect(ask({ type: 'AuthorizeStoredInputStateSeed', seed: state })).toMatchObject({ seed: state })
  })

  test.each<[QueryInput, string]>([
    [seed({ phase: 'queued' }), 'a lane'],
    [seed({ phase: 'queued', lane, attempts: -1 }), 'counted from 0'],
    [seed({ phase: 'queued', lane, attempts: 0.5 }), 'counted from 0'],
    [seed({ phase: 'staged', attempts: 1 }), 'names it'],
    [seed({ phase: 'applied', lastRunId: run }), 'has been tried'],
    [seed({ phase: 'consumed' }), 'terminal kind'],
    [seed({ phase: 'consumed', terminalKind: 'superseded' }), 'has not ended as'],
    [seed({ phase: 'consumed', terminalKind: 'consumed', lane }), 'stands in no lane'],
    [seed({ phase: 'abandoned', terminalKind: 'abandoned' }), 'reason is missing'],
    [seed({ phase: 'consumed', terminalKind: 'consumed', abandonReason: 'reset' }), 'only what was abandoned'],
    [seed({ phase: 'abandoned', terminalKind: 'abandoned', abandonReason: 'max-attempts' }), 'attempts'],
  ])('must not be written if it contradicts itself: %j', (question, why) => {
    expect(ask(question)).toBe('guard-rejected')
    if (question.type !== 'AuthorizeStoredInputStateSeed') return
    expect(authorizeStoredInputStateSeed(question.seed)).toMatchObject({
      ok: false,
      reason: expect.stringContaining(why) as string,
    })
  })
})
