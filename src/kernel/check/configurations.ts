/**
 * The bounded worlds in which the session machine is explored. Together they take every edge of it.
 *
 * Each is small because regions are independent except for what they read of each other: regions that share something are
 * explored together, others apart. Few ids are enough because guards only compare them. Attempts, extractions and retries
 * have their real limits; times, slots and boundary numbers are no part of a state's key.
 */
import type { MeerkatInput } from '../inputs.ts'
import { mapGet } from '../persistent-map.ts'
import type { AcceptInput, InputMode } from '../regions/ledger/input.ts'
import { INPUT_KINDS } from '../regions/ledger/state.ts'
import { openObligations } from '../regions/registration/table.ts'
import type { MeerkatState } from '../state.ts'
import {
  accept,
  attached,
  backlog,
  boundaryTurn,
  cancelledTurn,
  cancels,
  dropQueued,
  givingUp,
  idempotency,
  initialized,
  inputId,
  interruption,
  laneOperations,
  leavingSoon,
  operations,
  placements,
  registered,
  registrations,
  resetToEpoch,
  rollbacks,
  runEnds,
  runId,
  service,
  serving,
  sessionId,
  shortTurn,
  steer,
  teardown,
  wholeTurn,
} from './alphabet.ts'
import { always, type Configuration } from './configuration.ts'
import { asyncConfigurations } from './configurations-async.ts'
import { callConfigurations } from './configurations-calls.ts'
import { commsConfigurations } from './configurations-comms.ts'
import { liveConfigurations } from './configurations-live.ts'
import { modelConfigurations } from './configurations-models.ts'

/** Offers interchangeable inputs in one order: the next only while the one before it is unfinished. */
function inTurn(offers: readonly AcceptInput[], rest: readonly MeerkatInput[]): Configuration['inputs'] {
  const choices = offers.map((_, count) => [...offers.slice(0, count + 1), ...rest])
  return ({ ledger }) => {
    const count = offers.findIndex(offer => mapGet(ledger.entries, offer.inputId) === undefined)
    return choices[count === -1 ? offers.length - 1 : count] ?? rest
  }
}

const lifecycle: Configuration = {
  name: 'lifecycle',
  about:
    'Every operation on a session in every phase, with one input and the shortest turn. One input is enough: operations treat inputs alike.',
  prefix: [],
  inputs: always([
    ...operations,
    ...service,
    ...registrations.slice(0, 1),
    accept('a'),
    ...shortTurn,
    ...runEnds,
    ...rollbacks,
    ...cancels,
  ]),
}

/** The shortest run that answers its inputs. */
const answering: readonly MeerkatInput[] = [
  ...serving,
  { type: 'StartImmediateAppend', runId },
  { type: 'PrimitiveApplied', runId },
  { type: 'Commit', runId },
  interruption,
]

const drainWindow: Configuration = {
  name: 'teardown',
  about:
    'Registration and the drain window in every phase, with one input, run and identity change. Obligations are independent of each other; one of them is also closed by force, which stands for both that can be.',
  prefix: initialized,
  inputs: always([
    ...registrations,
    ...teardown,
    ...operations,
    ...resetToEpoch,
    { type: 'Recover' },
    accept('a'),
    ...answering,
  ]),
}

const binding: Configuration = {
  name: 'binding',
  about:
    'Placements with every combination of fence, generation and epoch, and what takes them away. Two values of each: guards only compare for equality.',
  prefix: initialized,
  inputs: always([...registrations, ...placements, ...operations, ...service, accept('a'), interruption, ...teardown]),
}

/** Every kind of input in every mode, sound and unsound, as the only one of its session. */
function everyOffer(): readonly AcceptInput[] {
  const modes: readonly (InputMode | undefined)[] = [undefined, 'queue', 'steer', 'supersede']
  const offers = INPUT_KINDS.flatMap(kind =>
    modes.map(mode => accept('a', { kind, supersessionKey: 'k', ...(mode !== undefined && { mode }) })),
  )
  return [
    ...offers,
    accept('a', { mode: 'supersede' }),
    accept('o', { kind: 'operation' }),
    accept('a', { kind: 'peer-request', intent: 'hush' }),
    accept('a', { kind: 'continuation', continuation: 'workgraph-attention' }),
    accept('a', { withoutWake: true }),
    accept('a', { durability: 'ephemeral' }),
    accept('a', { mostUnfinished: 0 }),
    accept('a', { durability: 'derived' }),
    accept('a', { durability: 'derived', origin: 'flow' }),
    accept('a', { durability: 'derived', origin: 'system', kind: 'operation' }),
    accept('a', { kind: 'peer-message', mode: 'steer', injectsContext: true }),
    accept('a', { kind: 'peer-response-terminal', malformedTerminal: true }),
  ]
}

const afterAdmission: readonly MeerkatInput[] = [
  ...idempotency,
  { type: 'SetSilentIntents', sessionId, intents: ['hush'] },
  ...answering,
  { type: 'Retire' },
  { type: 'Reset' },
  { type: 'StopRuntimeExecutor', reason: 'asked' },
  { type: 'RuntimeExecutorExited' },
  { type: 'Resume' },
  { type: 'Destroy' },
  ...laneOperations('a'),
  ...backlog,
  ...teardown.slice(0, 1),
]
const admissions: readonly MeerkatInput[] = [...everyOffer(), ...afterAdmission]
const waker = accept('b')

/** The next step of a teardown, its obligations in one order. */
function tearingDown(state: MeerkatState): readonly MeerkatInput[] {
  if (state.registration.phase !== 'draining') return []
  const open = openObligations(state).length
  return closing.slice(closing.length - 1 - open).slice(0, 1)
}
const closing = teardown.filter(
  input =>
    /ForUnregister$|^UnregisterSession$/.test(input.type) && !('forcedAbort' in input && input.forcedAbort === true),
)

const admissionKinds: Configuration = {
  name: 'admission',
  about:
    'Every kind of input in every mode, well and ill formed, while idle, attached, busy, retired and draining. One at a time: what admission makes of an input depends on no other that waits. Only behind one that wakes nobody a prompt comes, without which it would wait for ever.',
  prefix: registered,
  inputs: state => {
    const { entries } = state.ledger
    if (mapGet(entries, waker.inputId) !== undefined) return [...afterAdmission, ...tearingDown(state)]
    const behind = mapGet(entries, inputId('a'))?.wake === false ? [waker] : []
    return [...admissions, ...behind, ...tearingDown(state)]
  },
}

/** Three inputs of every kind that lanes, keys and batches treat differently. */
const sorts = (name: string): readonly AcceptInput[] => [
  accept(name),
  accept(name, { kind: 'peer-message', supersessionKey: 'k' }),
  accept(name, { kind: 'peer-response-progress', supersessionKey: 'k' }),
  accept(name, { mode: 'supersede', supersessionKey: 'k' }),
  accept(name, { mode: 'steer', withoutWake: true }),
]

function lanes(quick: boolean): Configuration {
  const third = quick ? [] : [accept('c', { mode: 'supersede', supersessionKey: 'k' })]
  return {
    name: 'lanes',
    about:
      'Order, supersession and coalescing among inputs of every sort that waits, moved about in every way, and what a run takes of them. Two of every sort, the first of which is moved, and one behind them.',
    prefix: attached,
    inputs: always([
      ...sorts('a'),
      ...(quick ? sorts('b').slice(2) : sorts('b')),
      accept('c'),
      ...third,
      ...laneOperations('a'),
      ...dropQueued,
      ...answering,
      { type: 'Retire' },
      { type: 'Reset' },
    ]),
  }
}

/** What happens to runs and the turns in them. */
const running: readonly MeerkatInput[] = [
  ...service,
  ...boundaryTurn,
  ...cancelledTurn,
  { type: 'FatalFailure', runId, source: 'llm' },
  ...runEnds,
  ...rollbacks,
  ...cancels,
  { type: 'Retire' },
  { type: 'Reset' },
]

function runs(quick: boolean): Configuration {
  return {
    name: 'runs',
    about:
      'Runs to their last attempt over a prompt and a steer: every end, every cancel, every rollback, steers that join, and crashes.',
    prefix: attached,
    inputs: always([accept('a'), ...(quick ? [] : [steer]), ...running]),
  }
}

const order: Configuration = {
  name: 'order',
  about:
    'Two prompts and a steer, each to its last attempt: who goes first after every kind of rollback. Cancels and failures are left to `runs`, for they do not see what waits.',
  prefix: attached,
  inputs: inTurn(
    [accept('a'), accept('b')],
    [steer, ...serving, ...boundaryTurn, { type: 'Commit', runId }, ...rollbacks.filter(one => one !== interruption)],
  ),
}

const givenUp: Configuration = {
  name: 'given-up',
  about:
    'What waits is given up by one decision and ends one by one, while runs go on, other inputs come and are given up, too, and the session is operated on: a prompt and a steer, which rides with its work after a boundary.',
  prefix: attached,
  inputs: inTurn(
    [accept('a'), accept('b', { mode: 'steer' })],
    [
      ...givingUp,
      { type: 'Retire' },
      { type: 'Reset' },
      { type: 'Destroy' },
      ...serving,
      { type: 'StartConversationRun', runId },
      { type: 'PrimitiveApplied', runId },
      { type: 'LlmReturnedToolCalls', runId, toolCount: 0 },
      { type: 'BoundaryContinue', runId },
      { type: 'BoundaryComplete', runId },
      { type: 'Commit', runId },
      interruption,
      { type: 'StopRuntimeExecutor', reason: 'asked' },
      { type: 'RuntimeExecutorExited' },
      { type: 'Resume' },
      { type: 'WithdrawInput', inputId: inputId('a') },
    ],
  ),
}

/** A prompt, and a passive input beside it: in the queue it keeps its place, as a steer it joins the run. */
function riders(name: string, about: string, mode: 'queue' | 'steer'): Configuration {
  const passive = accept('p', { withoutWake: true, ...(mode === 'steer' && { mode }) })
  return { name, about, prefix: attached, inputs: always([accept('a'), passive, { type: 'WakeQueued' }, ...running]) }
}

const passives = riders(
  'passives',
  'The same with a passive input in front of a prompt or behind it: it has a run of its own, which a wake of another has to start, and finishes what it began.',
  'queue',
)
const joiners = riders('riders', 'The same with a passive steer, which goes along with a prompt.', 'steer')

function merging(quick: boolean): Configuration {
  const prompts = quick ? [accept('a')] : [accept('a'), accept('b')]
  return {
    name: 'merging',
    about:
      'A session whose prompts may share a run: shared batches through every end and every rollback, with a steer that joins or not. Two prompts: sharing, coming later, and coming back.',
    prefix: [
      ...initialized,
      { type: 'RegisterSession', sessionId, merge: true },
      { type: 'EnsureSessionWithExecutor', sessionId },
    ],
    inputs: inTurn(prompts, [
      accept('p', { kind: 'peer-message' }),
      ...service,
      ...boundaryTurn,
      ...runEnds,
      { type: 'RollbackRun', runId, cause: 'attempt-failed' },
      interruption,
      ...dropQueued,
    ]),
  }
}

const turnPhases: Configuration = {
  name: 'turn',
  about:
    'One turn through all of its phases: both primitives, tools, a barrier of two operations, extraction to its limit, retries to theirs, every failure and both cancels. One input: what joins and what waits is the business of `runs`.',
  prefix: [...attached, accept('a')],
  inputs: always([...wholeTurn, accept('a'), ...serving, ...cancels, ...leavingSoon, ...runEnds, interruption]),
}

const transcriptLength: Configuration = {
  name: 'transcript',
  about:
    'Messages and compactions up to a length of four in every live phase. Guards only compare lengths, so four is room for a compaction, messages after it, and one more.',
  prefix: registered,
  inputs: ({ transcript }) => (transcript.length < 4 ? transcriptInputs : transcriptWithout),
}

const transcriptWithout: readonly MeerkatInput[] = [
  accept('a'),
  ...service,
  ...shortTurn,
  ...runEnds,
  ...operations,
  { type: 'CompactTranscript', covers: 9 },
]
const transcriptInputs: readonly MeerkatInput[] = [
  ...transcriptWithout,
  { type: 'ExtendTranscript', messages: 0 },
  { type: 'ExtendTranscript', messages: 1 },
  { type: 'CompactTranscript', covers: 1 },
  { type: 'CompactTranscript', covers: 3 },
  { type: 'Commit', runId, messages: 1 },
  { type: 'Fail', runId, messages: 1 },
  { type: 'CancelRun', runId, messages: 1 },
]

/** All of them; `quick` leaves out names whose only part is to repeat what fewer show, and no edge. */
export function configurations(quick: boolean): readonly Configuration[] {
  return [
    lifecycle,
    drainWindow,
    binding,
    admissionKinds,
    lanes(quick),
    runs(quick),
    givenUp,
    ...(quick ? [] : [order, passives, joiners]),
    merging(quick),
    turnPhases,
    ...callConfigurations(quick),
    transcriptLength,
    ...asyncConfigurations(quick),
    ...modelConfigurations(quick),
    ...commsConfigurations(),
    ...liveConfigurations(),
  ]
}
