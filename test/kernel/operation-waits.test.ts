import { completionBatchDue, type MeerkatInput, resolveOperationTransitionRejection } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, operationId, type Play, runId, waitId } from './support/play.ts'

const waitFor = (wait: string, run: string, ...ids: readonly string[]): MeerkatInput => ({
  type: 'WaitAllOperations',
  waitId: waitId(wait),
  runId: runId(run),
  operationIds: ids.map(operationId),
})

describe('a wait', () => {
  /** A run with two operations under way. */
  function waiting(): Play {
    const play = attached()
    play.launch('o')
    play.launch('p')
    play.accept('a')
    play.begin('r')
    return play
  }

  test('is over when the last one ends, and the run that waited is not told again', () => {
    const play = waiting()
    play.do(waitFor('w', 'r', 'p', 'o'))
    play.finish('o')
    expect(play.said('WaitAllSatisfied')).toEqual([])
    play.do({ type: 'FailOperation', operationId: operationId('p') })
    expect(play.said('WaitAllSatisfied')).toEqual([
      { type: 'WaitAllSatisfied', waitId: 'w', runId: 'r', operationIds: ['p', 'o'] },
    ])
    play.answer('r')
    play.commit('r')
    expect(completionBatchDue(play.state)).toBeUndefined()
  })

  test('for what has ended is over at once', () => {
    const play = waiting()
    play.finish('o')
    const [said] = play.do(waitFor('w', 'r', 'o'))
    expect(said).toMatchObject({ type: 'WaitAllSatisfied', operationIds: ['o'] })
    expect(completionBatchDue(play.state)).toBeUndefined()
  })

  test.each([
    ['names an operation twice', waitFor('w', 'r', 'o', 'o'), 'areDistinct'],
    ['names an unknown one', waitFor('w', 'r', 'x'), 'areKnown'],
    ['is the second', waitFor('w', 'r', 'o'), 'nobodyWaits'],
    ['is of another run', waitFor('w', 'late', 'o'), 'isCurrentRun'],
  ])('is refused if it %s', (_, input, guard) => {
    const play = waiting()
    if (guard === 'nobodyWaits') play.do(waitFor('v', 'r', 'p'))
    expect(play.refused(input).reason).toContain(guard)
  })

  test('goes with its run; what it waited for is told then', () => {
    const play = waiting()
    play.do(waitFor('w', 'r', 'o', 'p'))
    play.finish('o')
    expect(completionBatchDue(play.state)).toBeUndefined()
    play.do({ type: 'RollbackRun', runId: runId('r'), cause: 'interrupted' })
    expect(play.state.operations.wait).toBeUndefined()
    expect(completionBatchDue(play.state)).toEqual({ through: 1, operationIds: ['o'] })
  })

  test('is cancelled by its own name only', () => {
    const play = waiting()
    play.do(waitFor('w', 'r', 'o'))
    play.refused({ type: 'CancelWaitAll', waitId: waitId('v'), runId: runId('r') })
    play.do({ type: 'CancelWaitAll', waitId: waitId('w'), runId: runId('r') })
    expect(play.state.operations.wait).toBeUndefined()
  })

  test('protects what it waits for from being taken back', () => {
    const play = waiting()
    play.do(waitFor('w', 'r', 'o'))
    const question = { type: 'RollbackUnreturnedOperation', operationId: operationId('o') } as const
    play.refused(question)
    expect(resolveOperationTransitionRejection(play.state, question).reason).toBe('awaited')
  })

  test('is over when the owner ends everything', () => {
    const play = waiting()
    play.do(waitFor('w', 'r', 'o', 'p'))
    play.do({ type: 'TerminateOwnerOperations', reason: 'shutdown' })
    expect(play.said('OperationEnded').map(one => one.reason)).toEqual(['shutdown', 'shutdown'])
    expect(play.said('WaitAllSatisfied')).toHaveLength(1)
  })
})
