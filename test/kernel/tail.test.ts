import type { LifecyclePhase, MeerkatEffect, RunId } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { DurableTailDisposition } from '../../src/kernel/regions/tail/effect.ts'
import type { TailInput } from '../../src/kernel/regions/tail/input.ts'
import { type Play, registered } from './support/play.ts'
import { lifecycleOf, livesAfter, type TruthTable, truths } from './support/truth-table.ts'

const authorize = (more: Partial<TailInput> = {}): TailInput => ({
  type: 'AuthorizeDurableTailRecovery',
  candidateRunId: 'lost' as RunId,
  class: 'CompletedCandidate',
  observed: { lifecycle: 'Idle', runBound: false },
  lastCommittedSequence: 4,
  priorCommit: 'NoPriorCommit',
  inputs: 'AllBoundOrInert',
  ...more,
})

const COMMITS: readonly DurableTailDisposition[] = [
  'CommitCompleted',
  'RepairAndCommitInterrupted',
  'CommitCompletedRetainInputs',
]

/** The disposition; a commit is numbered next and remembered, anything else changes nothing. */
function dispositionOf(play: Play, input: TailInput): DurableTailDisposition {
  const before = play.state
  const [said] = play.do(input) as readonly Extract<MeerkatEffect, { type: 'DurableTailRecoveryAuthorized' }>[]
  if (said === undefined) throw new Error('it said nothing')
  if (COMMITS.includes(said.disposition)) {
    expect(said.boundarySequence).toBe(input.lastCommittedSequence + 1)
    expect(play.state.tail.recovered).toEqual({ runId: 'lost', boundarySequence: input.lastCommittedSequence + 1 })
  } else {
    expect(said).not.toHaveProperty('boundarySequence')
    expect(play.state).toBe(before)
  }
  return said.disposition
}

describe('the traces of a run that a dead process left', () => {
  test('can be asked about in every phase', () => {
    const asked = { AuthorizeDurableTailRecovery: 'stays' } as const
    const expected: TruthTable<LifecyclePhase, 'AuthorizeDurableTailRecovery'> = {
      initializing: asked,
      idle: asked,
      attached: asked,
      running: asked,
      retired: asked,
      stopped: asked,
      destroyed: asked,
    }
    const found = truths(lifecycleOf, livesAfter(), { AuthorizeDurableTailRecovery: authorize() })
    expect(found).toEqual(expected)
  })

  // Oracle 136.
  test('are recovered only where nobody serves the session', () => {
    const lives = livesAfter()
    const found = Object.entries(lives).map(([phase, play]) => [phase, dispositionOf(play, authorize())])
    expect(Object.fromEntries(found)).toEqual({
      initializing: 'RefuseRecovery',
      idle: 'CommitCompleted',
      attached: 'RefuseRecovery',
      running: 'RefuseRecovery',
      retired: 'CommitCompleted',
      stopped: 'RefuseRecovery',
      destroyed: 'RefuseRecovery',
    })
  })

  const completed = { class: 'CompletedCandidate' } as const
  const interrupted = { class: 'InterruptedRepairableCandidate' } as const
  const ambiguous = { class: 'Ambiguous' } as const
  const unbound = { inputs: 'UnboundContentInput' } as const
  const unfenceable = { inputs: 'Unfenceable' } as const
  const landed = { priorCommit: 'MatchesCandidate' } as const
  const elsewhere = { priorCommit: 'DivergesFromCandidate' } as const
  const later = { priorCommit: 'PrecedesCandidate' } as const
  const busy = { observed: { lifecycle: 'Idle', runBound: true } } as const
  const lively = { observed: { lifecycle: 'Other', runBound: false } } as const
  const absent = { observed: { lifecycle: 'MissingRow', runBound: false } } as const

  // Oracles 136 and 137.
  test.each<[Partial<TailInput>, DurableTailDisposition]>([
    [completed, 'CommitCompleted'],
    [{ ...completed, ...later, ...absent }, 'CommitCompleted'],
    [interrupted, 'RepairAndCommitInterrupted'],
    [{ ...interrupted, ...later }, 'RepairAndCommitInterrupted'],
    [{ ...completed, ...unbound }, 'CommitCompletedRetainInputs'],
    [{ ...interrupted, ...unbound }, 'HoldIntact'],
    [{ ...completed, ...unfenceable }, 'HoldIntact'],
    [{ ...interrupted, ...unfenceable }, 'HoldIntact'],
    [ambiguous, 'HoldIntact'],
    [{ ...ambiguous, ...landed }, 'HoldIntact'],
    [{ ...ambiguous, ...unfenceable, ...elsewhere }, 'HoldIntact'],
    [{ ...completed, ...landed }, 'RefuseRecovery'],
    [{ ...interrupted, ...elsewhere }, 'RefuseRecovery'],
    [{ ...completed, ...landed, ...unfenceable }, 'RefuseRecovery'],
    [{ ...completed, ...busy }, 'RefuseRecovery'],
    [{ ...ambiguous, ...busy }, 'RefuseRecovery'],
    [{ ...completed, ...lively }, 'RefuseRecovery'],
  ])('%j: %s', (facts, disposition) => {
    expect(dispositionOf(registered(), authorize(facts))).toBe(disposition)
  })

  test('are recovered once, and the next are numbered after them', () => {
    const play = registered()
    expect(dispositionOf(play, authorize())).toBe('CommitCompleted')
    expect(dispositionOf(play, authorize({ lastCommittedSequence: 5 }))).toBe('RefuseRecovery')
    play.do(authorize({ candidateRunId: 'next' as RunId, lastCommittedSequence: 5 }))
    expect(play.state.tail.recovered).toEqual({ runId: 'next', boundarySequence: 6 })
  })
})
