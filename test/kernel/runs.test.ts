import { describe, expect, test } from 'vitest'
import { attached, callId, inputId, kinds, runId } from './support/play.ts'

describe('the queue', () => {
  test('runs prompts one by one, in the order in which they came', () => {
    const play = attached()
    for (const id of ['a', 'b', 'c']) play.accept(id)
    expect([play.complete('r1'), play.complete('r2'), play.complete('r3')]).toEqual([['a'], ['b'], ['c']])
    for (const id of ['a', 'b', 'c']) expect(play.terminal(id)).toEqual({ status: 'consumed' })
    expect(play.state.ledger.entries.size).toBe(0)
  })

  test('merges prompts into one run where the session was opened so', () => {
    const play = attached({ merge: true })
    for (const id of ['a', 'b', 'c']) play.accept(id)
    expect(play.complete('r1')).toEqual(['a', 'b', 'c'])
  })

  test('steers share a run and go first', () => {
    const play = attached()
    play.accept('prompt')
    play.steer('s1')
    play.steer('s2')
    expect([play.complete('r1'), play.complete('r2')]).toEqual([['s1', 's2'], ['prompt']])
  })

  test('can be rearranged while it waits', () => {
    const play = attached()
    for (const id of ['a', 'b', 'c', 'd']) play.accept(id)
    play.do({ type: 'PrioritizeInput', inputId: inputId('c') })
    play.do({ type: 'DeferInputBehindBacklog', inputId: inputId('a') })
    play.do({ type: 'ChangeLane', inputId: inputId('d'), lane: 'steer' })
    expect([1, 2, 3, 4].map(n => play.complete(`r${n}`))).toEqual([['d'], ['c'], ['b'], ['a']])
  })

  test('gives an input back until a run has taken it', () => {
    const play = attached()
    play.accept('a')
    play.accept('b')
    play.do({ type: 'WithdrawInput', inputId: inputId('b') })
    expect(play.terminal('b')).toEqual({ status: 'withdrawn' })
    play.prepare('r1')
    expect(play.refused({ type: 'WithdrawInput', inputId: inputId('a') }).kind).toBe('guard-rejected')
  })

  test('is dropped as a whole on request, the current run apart', () => {
    const play = attached()
    for (const id of ['a', 'b', 'c']) play.accept(id)
    play.steer('s')
    play.do({ type: 'DropQueued', reason: 'cancelled' })
    for (const id of ['a', 'b', 'c', 's'])
      expect(play.terminal(id)).toEqual({ status: 'abandoned', reason: 'cancelled' })

    play.accept('d')
    play.prepare('r1')
    play.accept('e')
    play.do({ type: 'DropQueued', reason: 'cancelled' })
    play.answerAll('r1')
    expect([play.terminal('d')?.status, play.terminal('e')?.status]).toEqual(['consumed', 'abandoned'])
  })
})

describe('an attempt', () => {
  test('is repeated up to three times, then the input is given up', () => {
    const play = attached()
    play.accept('a')
    for (const run of ['r1', 'r2', 'r3']) {
      expect(play.begin(run)).toEqual(['a'])
      play.rollBack(run, 'attempt-failed')
    }
    expect(play.terminal('a')).toEqual({ status: 'abandoned', reason: 'max-attempts' })
    expect(play.said('InputStaged').map(effect => effect.attempt)).toEqual([1, 2, 3])
    expect(play.said('InputRequeued').map(effect => effect.attempts)).toEqual([1, 2])
  })

  test('that fails lets the others go first: nothing stalls behind a bad head', () => {
    const play = attached()
    play.accept('bad')
    play.accept('good')
    play.begin('r1')
    play.rollBack('r1', 'attempt-failed')
    expect(play.complete('r2')).toEqual(['good'])
    expect(play.terminal('good')).toEqual({ status: 'consumed' })
    expect(play.terminal('bad')).toBeUndefined()
    for (const run of ['r3', 'r4']) {
      expect(play.begin(run)).toEqual(['bad'])
      play.rollBack(run, 'attempt-failed')
    }
    expect(play.terminal('bad')).toEqual({ status: 'abandoned', reason: 'max-attempts' })
  })

  test('that was only interrupted does not count and keeps its place', () => {
    const play = attached()
    play.accept('a')
    play.accept('b')
    for (let n = 0; n < 5; n++) {
      expect(play.begin(`r${n}`)).toEqual(['a'])
      play.rollBack(`r${n}`, 'interrupted')
    }
    expect(play.entry('a')).toMatchObject({ status: 'queued', attempts: 0 })
    expect(play.complete('r9')).toEqual(['a'])
  })

  test('whose owner died counts and keeps its place', () => {
    const play = attached()
    play.accept('a')
    play.accept('b')
    play.begin('r1')
    expect(kinds(play.do({ type: 'Recover' }))).toContain('RunRolledBack')
    expect(play.entry('a')).toMatchObject({ status: 'queued', attempts: 1 })
    play.do({ type: 'EnsureSessionWithExecutor', sessionId: play.state.registration.sessionId! })
    expect(play.complete('r2')).toEqual(['a'])
  })

  test('that failed for good consumes its inputs: the failure is their outcome', () => {
    const play = attached()
    play.accept('a')
    play.begin('r1')
    play.do({ type: 'FatalFailure', runId: runId('r1'), source: 'llm' }, { type: 'Fail', runId: runId('r1') })
    expect(play.terminal('a')).toEqual({ status: 'consumed' })
    expect(play.said('RunFailed')).toEqual([
      { type: 'RunFailed', runId: 'r1', outcome: 'failed', cause: 'llm-failure' },
    ])
  })

  test('returns every input of a shared run to its place', () => {
    const play = attached()
    for (const id of ['s1', 's2', 's3']) play.steer(id)
    play.prepare('r1')
    play.rollBack('r1', 'interrupted')
    expect(play.prepare('r2')).toEqual(['s1', 's2', 's3'])
    play.rollBack('r2', 'attempt-failed')
    expect(play.prepare('r3')).toEqual(['s1', 's2', 's3'])
  })
})

describe('work with a journal', () => {
  test('is one work: the head carries what joined it, and they share its next attempt and its end', () => {
    const play = attached()
    play.accept('a')
    play.begin('r1')
    play.steer('s')
    play.toolRound('r1')
    play.rollBack('r1', 'attempt-failed')
    expect(play.entry('a')).toMatchObject({ status: 'queued', carries: ['s'], progressed: true })
    expect(play.entry('s')).toMatchObject({ status: 'carried', carrier: 'a' })
    play.accept('b')
    play.steer('s2')
    expect(play.complete('r2')).toEqual(['s2'])
    expect(play.complete('r3')).toEqual(['a', 's'])
    expect([play.terminal('a')?.status, play.terminal('s')?.status]).toEqual(['consumed', 'consumed'])
    expect(play.complete('r4')).toEqual(['b'])
  })

  test('takes its companions along when it is given up, withdrawn or superseded', () => {
    const made = () => {
      const play = attached()
      play.accept('a', { supersessionKey: 'k' })
      play.begin('r1')
      play.steer('s')
      play.toolRound('r1')
      play.rollBack('r1', 'interrupted')
      return play
    }
    const withdrawn = made()
    withdrawn.do({ type: 'WithdrawInput', inputId: inputId('a') })
    expect([withdrawn.terminal('a'), withdrawn.terminal('s')]).toEqual([
      { status: 'withdrawn' },
      { status: 'withdrawn' },
    ])

    const superseded = made()
    superseded.accept('b', { mode: 'supersede', supersessionKey: 'k' })
    expect(superseded.terminal('s')).toEqual({ status: 'superseded', by: 'b' })

    const burnt = made()
    for (const run of ['r2', 'r3', 'r4']) {
      burnt.begin(run)
      burnt.rollBack(run, 'attempt-failed')
    }
    expect([burnt.terminal('a'), burnt.terminal('s')]).toEqual([
      { status: 'abandoned', reason: 'max-attempts' },
      { status: 'abandoned', reason: 'max-attempts' },
    ])
  })

  test('is continued alone: nothing else joins the attempt at its start', () => {
    const play = attached({ merge: true })
    play.accept('a')
    play.begin('r1')
    play.call('r1', 'c', 'fail')
    play.rollBack('r1', 'interrupted')
    play.accept('b')
    expect(play.complete('r2')).toEqual(['a'])
  })

  test('never counts a companion past the limit', () => {
    const play = attached()
    play.accept('tired')
    for (const run of ['r1', 'r2']) {
      play.begin(run)
      play.rollBack(run, 'attempt-failed')
    }
    play.accept('fresh')
    play.do({ type: 'PrioritizeInput', inputId: inputId('fresh') })
    expect(play.begin('r3')).toEqual(['fresh'])
    play.do({ type: 'ChangeLane', inputId: inputId('tired'), lane: 'steer' })
    play.toolRound('r3')
    expect(play.contributors).toEqual(['fresh', 'tired'])
    play.rollBack('r3', 'attempt-failed')
    // Every step checks that no attempt count passes the limit.
    expect(play.complete('r4')).toEqual(['fresh', 'tired'])
  })
})

describe('a steer', () => {
  test('joins the turn at its next boundary, with a receipt', () => {
    const play = attached()
    play.accept('a')
    play.begin('r1')
    play.toolRound('r1')
    play.steer('s')
    expect(play.entry('s')).toMatchObject({ status: 'queued', lane: 'steer' })
    const said = play.toolRound('r1')
    expect(said).toContainEqual({ type: 'InputSteered', inputId: 's', runId: 'r1', boundary: 2 })
    expect(said).toContainEqual({
      type: 'BoundaryApplied',
      runId: 'r1',
      boundary: 2,
      contributors: ['a', 's'],
      steered: ['s'],
    })
    expect(play.entry('s')).toMatchObject({ status: 'applied', runId: 'r1', boundary: 2 })
    expect(play.entry('a')).toMatchObject({ status: 'applied', boundary: 1 })
  })

  test('that comes before the last word keeps the turn going', () => {
    const play = attached()
    play.accept('a')
    play.begin('r1')
    play.steer('s')
    play.answer('r1')
    expect(play.state.turn.phase).toBe('callingLlm')
    play.answer('r1')
    play.commit('r1')
    expect([play.terminal('a')?.status, play.terminal('s')?.status]).toEqual(['consumed', 'consumed'])
  })

  test('that came too late is the next run, before the queue', () => {
    const play = attached()
    play.accept('a')
    play.accept('b')
    play.begin('r1')
    play.answer('r1')
    play.steer('s')
    play.commit('r1')
    expect([play.complete('r2'), play.complete('r3')]).toEqual([['s'], ['b']])
  })

  test('does not join a run that is being cancelled', () => {
    const play = attached()
    play.accept('a')
    play.begin('r1')
    play.steer('s')
    play.do({ type: 'CancelAfterBoundary' })
    play.toolRound('r1')
    expect(play.state.turn.phase).toBe('cancelled')
    play.do({ type: 'CancelRun', runId: runId('r1') })
    expect(play.terminal('a')).toEqual({ status: 'abandoned', reason: 'cancelled' })
    expect(play.complete('r2')).toEqual(['s'])
  })
})

describe('a cancel', () => {
  test('of a run that is over can not hit its successor', () => {
    const play = attached()
    play.accept('a')
    play.accept('b')
    play.complete('r1')
    play.begin('r2')
    for (const type of ['CancelAfterBoundary', 'InterruptCurrentRun'] as const) {
      expect(play.refused({ type, runId: runId('r1') }).kind).toBe('guard-rejected')
    }
    expect(play.state.run).toMatchObject({ runId: 'r2', cancel: 'none' })
  })

  test('without a name means the run that is current here and now; without one it is refused', () => {
    const play = attached()
    expect(play.refused({ type: 'InterruptCurrentRun' }).kind).toBe('no-matching-transition')
    play.accept('a')
    play.begin('r1')
    expect(play.do({ type: 'InterruptCurrentRun' })).toEqual([{ type: 'WakeInterrupt', runId: 'r1' }])
  })

  test('now aborts at once; at the boundary waits for it, and may be hastened', () => {
    const play = attached()
    play.accept('a')
    play.begin('r1')
    const ask = { type: 'CancelAfterBoundary' } as const
    expect(play.do(ask)).toEqual([{ type: 'RequestCancellationAtBoundary', runId: 'r1' }])
    expect(play.do(ask)).toEqual([{ type: 'BoundaryCancelAlreadyPending', runId: 'r1' }])
    expect(play.state.turn.phase).toBe('callingLlm')
    expect(play.do({ type: 'InterruptCurrentRun' })).toEqual([{ type: 'WakeInterrupt', runId: 'r1' }])
    expect(play.do({ type: 'InterruptCurrentRun' })).toEqual([])
    play.do({ type: 'CancelNow', runId: runId('r1') }, { type: 'CancellationObserved', runId: runId('r1') })
    play.do({ type: 'CancelRun', runId: runId('r1') })
    expect(play.terminal('a')).toEqual({ status: 'abandoned', reason: 'cancelled' })
    expect(play.said('RunCancelled')).toEqual([{ type: 'RunCancelled', runId: 'r1' }])
  })

  test('leaves the queue alone', () => {
    const play = attached()
    play.accept('a')
    play.accept('b')
    play.begin('r1')
    play.do({ type: 'CancelNow', runId: runId('r1') }, { type: 'CancellationObserved', runId: runId('r1') })
    play.do({ type: 'CancelRun', runId: runId('r1') })
    expect(play.complete('r2')).toEqual(['b'])
  })

  test('that comes after the answer never relabels the success', () => {
    const play = attached()
    play.accept('a')
    play.begin('r1')
    play.answer('r1')
    play.do({ type: 'InterruptCurrentRun' })
    expect(play.refused({ type: 'CancelNow', runId: runId('r1') }).kind).toBe('no-matching-transition')
    expect(play.refused({ type: 'CancelRun', runId: runId('r1') }).kind).toBe('guard-rejected')
    play.commit('r1')
    expect(play.terminal('a')).toEqual({ status: 'consumed' })
    expect(play.said('RunCancelled')).toEqual([])
  })
})

describe('a run', () => {
  test('is reported only by its own name', () => {
    const play = attached()
    play.accept('a')
    play.begin('r1')
    for (const type of ['Commit', 'Fail', 'CancelRun'] as const) {
      expect(play.refused({ type, runId: runId('r0') }).kind).toBe('guard-rejected')
    }
    expect(play.refused({ type: 'RollbackRun', runId: runId('r0'), cause: 'interrupted' }).kind).toBe('guard-rejected')
    expect(play.refused({ type: 'DispatchCalls', runId: runId('r0'), callIds: [callId('c')], at: 1 }).kind).toBe(
      'guard-rejected',
    )
  })

  test('is the only one', () => {
    const play = attached()
    play.accept('a')
    play.accept('b')
    play.begin('r1')
    expect(play.refused({ type: 'Prepare', runId: runId('r2'), at: 9 }).kind).toBe('no-matching-transition')
  })

  test('adds its messages to the transcript, each once', () => {
    const play = attached()
    play.accept('a')
    play.begin('r1')
    play.answer('r1')
    play.commit('r1', 3)
    expect(play.state.transcript.length).toBe(3)
    play.accept('b')
    play.begin('r2')
    play.answer('r2')
    play.commit('r2', 2)
    expect(play.state.transcript.length).toBe(5)
    play.do({ type: 'CompactTranscript', covers: 4 })
    expect(play.state.transcript).toEqual({ length: 6, contextFrom: 5 })
    expect(play.refused({ type: 'CompactTranscript', covers: 4 }).kind).toBe('guard-rejected')
  })
})
