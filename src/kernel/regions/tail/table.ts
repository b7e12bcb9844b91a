/**
 * The durable tail: what to do with the traces of a run that ended, or nearly did, in a process that died before it could
 * say so. A store that commits atomically leaves none; one that keeps content and boundaries apart may.
 *
 * Enforces: nothing is recovered while the session lives, twice, or past a boundary that is already there; what can't be
 * attributed is held, never guessed.
 */
import type { Satellite } from '../../core.ts'
import { SERVED } from '../phases.ts'
import type { DurableTailDisposition, TailEffect } from './effect.ts'
import type { TailInput } from './input.ts'
import type { Sees } from './sees.ts'
import type { Tail } from './state.ts'

function isRecovered({ tail: slice }: Sees, { candidateRunId }: TailInput): boolean {
  return slice.recovered?.runId === candidateRunId
}
function isNotQuiescent(_: Sees, { observed }: TailInput): boolean {
  return observed.runBound || observed.lifecycle === 'Other'
}
function isAmbiguous(_: Sees, input: TailInput): boolean {
  return input.class === 'Ambiguous'
}
function isNotFresh(_: Sees, { priorCommit }: TailInput): boolean {
  return priorCommit === 'MatchesCandidate' || priorCommit === 'DivergesFromCandidate'
}
function isCompleted(_: Sees, input: TailInput): boolean {
  return input.class === 'CompletedCandidate'
}
function isRepairable(_: Sees, input: TailInput): boolean {
  return input.class === 'InterruptedRepairableCandidate'
}
function isAttributed(_: Sees, { inputs }: TailInput): boolean {
  return inputs === 'AllBoundOrInert'
}
function holdsUnboundContent(_: Sees, { inputs }: TailInput): boolean {
  return inputs === 'UnboundContentInput'
}

function recover(_: Tail, { candidateRunId, lastCommittedSequence }: TailInput): Tail {
  return { recovered: { runId: candidateRunId, boundarySequence: lastCommittedSequence + 1 } }
}
const says = (disposition: DurableTailDisposition) => (): TailEffect => ({
  type: 'DurableTailRecoveryAuthorized',
  disposition,
})
const commits =
  (disposition: DurableTailDisposition) =>
  ({ tail: { recovered } }: Sees): TailEffect => ({
    type: 'DurableTailRecoveryAuthorized',
    disposition,
    ...(recovered && { boundarySequence: recovered.boundarySequence }),
  })

const QUIET = ['idle', 'retired'] as const
const OTHER = ['initializing', 'attached', 'running', 'stopped', 'destroyed'] as const
const NONE: Tail = {}

export const tail: Satellite<Sees, TailInput, TailEffect, 'tail'> = {
  name: 'tail',
  about: 'What to do with the traces of a run that a dead process left without a boundary.',
  initial: NONE,
  phaseOf: state => state.lifecycle.phase,
  phases: ['initializing', ...SERVED, 'destroyed'],
  on: {
    AuthorizeDurableTailRecovery: [
      { name: 'live', from: OTHER, emit: [says('RefuseRecovery')] },
      { name: 'recovered-already', from: QUIET, when: [isRecovered], emit: [says('RefuseRecovery')] },
      { name: 'not-quiescent', from: QUIET, when: [isNotQuiescent], emit: [says('RefuseRecovery')] },
      { name: 'ambiguous', from: QUIET, when: [isAmbiguous], emit: [says('HoldIntact')] },
      { name: 'not-fresh', from: QUIET, when: [isNotFresh], emit: [says('RefuseRecovery')] },
      {
        name: 'completed',
        from: QUIET,
        when: [isCompleted, isAttributed],
        then: recover,
        emit: [commits('CommitCompleted')],
      },
      {
        name: 'interrupted',
        from: QUIET,
        when: [isRepairable, isAttributed],
        then: recover,
        emit: [commits('RepairAndCommitInterrupted')],
      },
      {
        name: 'completed-with-inputs-left',
        from: QUIET,
        when: [isCompleted, holdsUnboundContent],
        then: recover,
        emit: [commits('CommitCompletedRetainInputs')],
      },
      { name: 'unattributed', from: QUIET, emit: [says('HoldIntact')] },
    ],
  },
  follow: {},
  invariants: [],
}
