/** The bounded worlds in which the flow runs of a mob are explored. */
import type { AgentRuntimeId } from '../ids.ts'
import type { StepDeclaration } from '../mob/flows/state.ts'
import type { AgentIdentity, StepId } from '../mob/ids.ts'
import type { MobInput } from '../mob/inputs.ts'
import {
  a,
  b,
  both,
  coordinator,
  digest,
  first,
  type Incarnation,
  lifecycle,
  type MobConfiguration,
  peer,
  peerWithProfile,
  profile,
  reason,
  runId,
} from './mob-configurations.ts'

const step = (stepId: string, dependsOn: readonly string[], rest: Partial<StepDeclaration> = {}): StepDeclaration => ({
  stepId: stepId as StepId,
  role: profile,
  dependsOn: dependsOn as readonly StepId[],
  dependsOnMode: 'all',
  dispatch: 'oneToOne',
  failurePolicy: 'continue',
  maxAttempts: 1,
  ...rest,
})

const steps: readonly StepDeclaration[] = [
  step('1', [], { maxAttempts: 2 }),
  step('2', [], { failurePolicy: 'escalate' }),
  step('3', ['1', '2']),
  step('4', ['1', '3'], { dependsOnMode: 'any', dispatch: 'fanOut' }),
]

const flowInputs: readonly MobInput[] = [
  ...lifecycle,
  ...coordinator,
  { type: 'CreateRunSeed', runId, steps },
  { type: 'RunFlow', runId },
  { type: 'RunFlow', runId, steps },
  ...steps.flatMap(({ stepId }): MobInput[] => [
    { type: 'StartStep', runId, stepId, targets: [a] },
    { type: 'CompleteStep', runId, stepId, attempt: 1 },
    { type: 'FailStep', runId, stepId, attempt: 1, reason },
    { type: 'SkipStep', runId, stepId },
  ]),
  { type: 'StartStep', runId, stepId: '4' as StepId, targets: [a, b] },
  { type: 'CompleteStep', runId, stepId: '1' as StepId, attempt: 2 },
  { type: 'FailStep', runId, stepId: '1' as StepId, attempt: 2, reason },
  { type: 'CancelFlow', runId },
  { type: 'CancelAllWork', ...first },
  { type: 'ObserveRuntimeDestroyed', runtimeId: first.runtimeId, fence: 1 },
  { type: 'ObserveRuntimeRetired', runtimeId: first.runtimeId, fence: 1 },
  { type: 'ObserveRuntimeRetired', runtimeId: peer.runtimeId, fence: 1 },
]

const flows: MobConfiguration = {
  name: 'mob-flows',
  about:
    'One run of a flow with both ways to depend, both failure policies and a retry, through every order of starts, ends and skips, with its member there or gone. Runs do not see each other, so one is enough.',
  prefix: both,
  inputs: () => flowInputs,
}

const collected: readonly StepDeclaration[] = [
  step('each', [], { dispatch: 'fanOut', maxAttempts: 2 }),
  step('one', [], { dispatch: 'fanIn', collection: 'any', failurePolicy: 'escalate' }),
  step('left', ['each'], { branch: 'turn' }),
  step('right', ['each'], { branch: 'turn' }),
  step('join', ['left', 'right'], { dependsOnMode: 'any' }),
]
const collectedIds = collected.map(({ stepId }) => stepId)

const collection: MobConfiguration = {
  name: 'mob-collection',
  about:
    'One run whose steps go to two members each, collected by both policies that two targets can tell apart, and two alternatives with what follows them. A quorum of two is all of them, and one is any.',
  prefix: [...both, { type: 'RunFlow', runId, steps: collected }],
  inputs: () => collectionInputs,
}
const collectionInputs: readonly MobInput[] = [
  { type: 'Complete' },
  { type: 'Reset' },
  ...collectedIds.flatMap((stepId): MobInput[] => [
    { type: 'StartStep', runId, stepId, targets: [a, b] },
    { type: 'StartStep', runId, stepId, targets: [a] },
    { type: 'SkipStep', runId, stepId },
    { type: 'CompleteStep', runId, stepId, attempt: 1 },
    { type: 'FailStep', runId, stepId, attempt: 1, reason },
  ]),
  ...collectedIds.slice(0, 2).flatMap((stepId): MobInput[] =>
    [a, b].flatMap((target): MobInput[] => [
      { type: 'CompleteStep', runId, stepId, attempt: 1, target },
      { type: 'FailStep', runId, stepId, attempt: 1, target, reason },
    ]),
  ),
  { type: 'CompleteStep', runId, stepId: 'each' as StepId, attempt: 2, target: a },
  { type: 'FailStep', runId, stepId: 'each' as StepId, attempt: 2, target: b, reason },
  { type: 'CancelAllWork', ...first },
  { type: 'ObserveRuntimeRetired', runtimeId: first.runtimeId, fence: 1 },
  { type: 'ObserveRuntimeRetired', runtimeId: peer.runtimeId, fence: 1 },
]

const c = 'c' as AgentIdentity
const third: Incarnation = { identity: c, runtimeId: 'c1' as AgentRuntimeId, fence: 1 }
const voted: readonly StepDeclaration[] = [
  step('vote', [], { dispatch: 'fanOut', collection: { quorum: 2 }, maxAttempts: 2, failurePolicy: 'escalate' }),
  step('count', ['vote']),
]
const vote = { runId, stepId: 'vote' as StepId } as const

const quorum: MobConfiguration = {
  name: 'mob-quorum',
  about:
    'A step that asks for two of three, the least by which a quorum differs from all and from any: every order of answers, of words about the attempt before, and of targets that leave.',
  prefix: [
    ...both,
    { type: 'AuthorizeSpawnProfile', identity: c, ...peerWithProfile },
    { type: 'BeginSpawnExec', ...third, generation: 1, digest, addressable: false, mode: 'turnDriven' },
    { type: 'CommitSpawnMembership', ...third, generation: 1 },
    { type: 'CommitSpawnActivation', identity: c },
    { type: 'RunFlow', runId, steps: voted },
  ],
  inputs: () => quorumInputs,
}
const quorumInputs: readonly MobInput[] = [
  { type: 'Stop' },
  { type: 'Resume' },
  { type: 'CancelFlow', runId },
  { type: 'StartStep', ...vote, targets: [a, b, c] },
  { type: 'StartStep', ...vote, targets: [a, b] },
  { type: 'StartStep', runId, stepId: 'count' as StepId, targets: [a] },
  { type: 'CompleteStep', runId, stepId: 'count' as StepId, attempt: 1 },
  { type: 'SkipStep', ...vote },
  { type: 'SkipStep', runId, stepId: 'count' as StepId },
  ...[1, 2].flatMap((attempt): MobInput[] => [
    { type: 'FailStep', ...vote, attempt, reason },
    { type: 'CompleteStep', ...vote, attempt },
    ...[a, b, c].flatMap((target): MobInput[] => [
      { type: 'CompleteStep', ...vote, attempt, target },
      { type: 'FailStep', ...vote, attempt, target, reason },
    ]),
  ]),
  ...[first, peer, third].flatMap((of): MobInput[] => [
    { type: 'ObserveRuntimeRetired', runtimeId: of.runtimeId, fence: of.fence },
    { type: 'CancelAllWork', ...of },
  ]),
]

export const mobFlowConfigurations: readonly MobConfiguration[] = [flows, collection, quorum]
