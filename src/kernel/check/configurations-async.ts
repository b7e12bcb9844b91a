import type { MeerkatInput } from '../inputs.ts'
import {
  accept,
  attached,
  initialized,
  interruption,
  operations,
  registered,
  registeredInEpoch,
  registrations,
  resetToEpoch,
  rollbacks,
  runEnds,
  runId,
  service,
  serving,
  shortTurn,
  teardown,
} from './alphabet.ts'
import {
  changesOf,
  complete,
  cursorsTo,
  firings,
  job,
  lifeOf,
  natures,
  recurring,
  register,
  rollBackUnreturned,
  start,
  telling,
  terminateAll,
  timer,
  tool,
  waits,
  waking,
} from './alphabet-async.ts'
import { always, type Configuration } from './configuration.ts'

/** Inputs that take a session through its phases; the run that makes it `running` is interrupted. */
const phases: readonly MeerkatInput[] = [
  ...operations,
  ...resetToEpoch,
  ...serving,
  { type: 'Recover' },
  accept('a'),
  interruption,
]

/** The shortest run, and its possible ends. */
const answering: readonly MeerkatInput[] = [
  { type: 'StartImmediateAppend', runId },
  { type: 'PrimitiveApplied', runId },
  { type: 'Commit', runId },
]

const operationLife = (quick: boolean): Configuration => ({
  name: 'operations',
  about:
    'One operation of every nature through everything that can happen to it, in every phase of its session, up to two ends. One is enough: operations share only their numbers, and those are in `completions`.',
  prefix: registeredInEpoch,
  inputs: ({ operations: { completions } }) => (completions < (quick ? 1 : 2) ? wholeLife : withoutNew),
})
const withoutNew: readonly MeerkatInput[] = [...phases, ...lifeOf('o'), ...terminateAll, ...cursorsTo(1)]
const wholeLife: readonly MeerkatInput[] = [...withoutNew, ...natures]

/** A background tool and a job outside, both under way. */
const underWay: readonly MeerkatInput[] = [
  ...attached,
  register('o', tool),
  ...start('o'),
  register('p', job),
  ...start('p'),
]

const waiting: Configuration = {
  name: 'waits',
  about:
    'A run that waits for one operation, for two, or for none, while they end in any order and the run ends in every way. Two operations: one that ends first and one that does not.',
  prefix: [...underWay, accept('a')],
  inputs: always([
    ...waits,
    ...complete('o'),
    ...complete('p'),
    ...rollBackUnreturned('o'),
    ...terminateAll,
    ...service,
    ...shortTurn,
    ...runEnds,
    ...rollbacks,
    { type: 'RuntimeExecutorExited' },
    { type: 'Resume' },
    { type: 'Destroy' },
    accept('a'),
  ]),
}

const completions: Configuration = {
  name: 'completions',
  about:
    'Two operations that end in any order, one of which a run may wait for, and the input that tells of them: who is told, once, whatever becomes of that input and the session. No attempt is counted here: that is the business of `runs`.',
  prefix: underWay,
  inputs: always([
    ...complete('o'),
    ...complete('p'),
    ...waits.slice(0, 1),
    ...telling,
    ...serving,
    ...shortTurn.slice(0, 2),
    { type: 'Commit', runId },
    interruption,
    { type: 'Retire' },
    { type: 'Reset' },
    ...resetToEpoch,
    { type: 'StopRuntimeExecutor', reason: 'asked' },
    { type: 'RuntimeExecutorExited' },
    { type: 'Resume' },
    { type: 'DropQueued', reason: 'cancelled' },
  ]),
}

const overlapping = (quick: boolean): Configuration => ({
  name: 'schedules',
  about:
    'A timer and a recurring schedule of every policy, due at two times, fired in time and late, while the input of the firing before waits, runs or has ended. Two schedules, for they share the session alone; two times, for guards only compare them.',
  prefix: registered,
  inputs: always([
    ...(quick ? [recurring('skip', 'skip'), recurring('replace', 'all')] : policies()),
    ...firings('x', 'f'),
    ...changesOf('x'),
    waking('f'),
    timer,
    ...firings('y', 'g').slice(0, 2),
    ...serving,
    ...answering,
    interruption,
    { type: 'Recover' },
    { type: 'Retire' },
    { type: 'Reset' },
    { type: 'StopRuntimeExecutor', reason: 'asked' },
    { type: 'RuntimeExecutorExited' },
    { type: 'Resume' },
    { type: 'DropQueued', reason: 'cancelled' },
  ]),
})

function policies(): readonly MeerkatInput[] {
  const overlaps = ['skip', 'queue', 'replace'] as const
  const misfires = ['skip', 'once', 'all'] as const
  return overlaps.flatMap(overlap => misfires.map(misfire => recurring(overlap, misfire)))
}

const owners: Configuration = {
  name: 'owners',
  about:
    'What becomes of an operation and a schedule when their session is torn down, destroyed, registered under another id, or taken over. One of each: all of them go together.',
  prefix: initialized,
  inputs: always([
    ...registrations.slice(0, 3),
    ...teardown,
    { type: 'EnsureSessionWithExecutor', sessionId: 's' as never },
    { type: 'Recover' },
    { type: 'Retire' },
    { type: 'Reset' },
    ...resetToEpoch,
    { type: 'StopRuntimeExecutor', reason: 'asked' },
    { type: 'RuntimeExecutorExited' },
    { type: 'Resume' },
    { type: 'Destroy' },
    register('o', tool),
    ...start('o'),
    ...complete('o'),
    timer,
  ]),
}

/** All of them. */
export function asyncConfigurations(quick: boolean): readonly Configuration[] {
  return [operationLife(quick), waiting, completions, overlapping(quick), owners]
}
