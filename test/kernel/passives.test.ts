/** Inputs that wake nobody: where they stand, and what a run takes of them. */
import { describe, expect, test } from 'vitest'
import { attached, type Play, runId } from './support/play.ts'

describe('passive inputs', () => {
  test('start nothing by themselves, and keep their place once something wakes the session', () => {
    const play = attached()
    play.accept('note', { withoutWake: true })
    expect(play.refused({ type: 'Prepare', runId: runId('r'), at: 9 }).kind).toBe('guard-rejected')
    play.accept('prompt')
    play.accept('behind', { withoutWake: true })
    expect([play.complete('r1'), play.complete('r2')]).toEqual([['note'], ['prompt']])
    expect(play.refused({ type: 'Prepare', runId: runId('r'), at: 9 }).kind).toBe('guard-rejected')
    play.accept('later')
    expect([play.complete('r3'), play.complete('r4')]).toEqual([['behind'], ['later']])
  })

  test('share the runs of others only where the session merges, and then in their place', () => {
    const play = attached({ merge: true })
    play.accept('note', { withoutWake: true })
    play.accept('prompt')
    play.accept('behind', { withoutWake: true })
    expect(play.complete('r1')).toEqual(['note', 'prompt', 'behind'])
  })

  test('as steers go first once anything wakes the session, and share a run as steers do', () => {
    const play = attached()
    const progress = { kind: 'peer-response-progress', origin: 'peer' } as const
    play.accept('one', progress)
    play.accept('two', progress)
    expect(play.refused({ type: 'Prepare', runId: runId('r'), at: 9 }).kind).toBe('guard-rejected')
    play.accept('prompt')
    play.accept('three', progress)
    expect([play.complete('r1'), play.complete('r2')]).toEqual([['one', 'two', 'three'], ['prompt']])
  })

  test('are left out of the runs that peers share, which are in order and end before a prompt', () => {
    const play = attached({ silentIntents: ['ping'] })
    const message = { kind: 'peer-message', origin: 'peer' } as const
    play.accept('m1', message)
    play.accept('m2', message)
    play.accept('ping', { kind: 'peer-request', origin: 'peer', intent: 'ping' })
    play.accept('m3', message)
    play.accept('prompt')
    play.accept('m4', message)
    expect([1, 2, 3, 4, 5].map(n => play.complete(`r${n}`))).toEqual([
      ['m1', 'm2'],
      ['ping'],
      ['m3'],
      ['prompt'],
      ['m4'],
    ])
  })

  test('have the work that was begun for them finished without another wake', () => {
    const play = attached({ silentIntents: ['ping'] })
    play.accept('ping', { kind: 'peer-request', origin: 'peer', intent: 'ping' })
    play.accept('prompt')
    expect(play.begin('r1')).toEqual(['ping'])
    play.toolRound('r1')
    play.rollBack('r1', 'attempt-failed')
    expect([play.complete('r2'), play.complete('r3')]).toEqual([['prompt'], ['ping']])
  })

  describe('of a record before version 3', () => {
    const along = (play: Play, run: string): readonly string[] => {
      play.do({ type: 'Prepare', runId: runId(run), at: 9, passives: 'along' })
      return play.contributors
    }

    test('took passive inputs along, behind the one that woke the session', () => {
      const play = attached({ silentIntents: ['ping'] })
      play.accept('note', { withoutWake: true })
      play.accept('ping', { kind: 'peer-request', origin: 'peer', intent: 'ping' })
      play.accept('half', { kind: 'peer-response-progress', origin: 'peer' })
      play.accept('prompt')
      play.accept('later')
      expect(along(play, 'r1')).toEqual(['prompt', 'half', 'note', 'ping'])
      play.rollBack('r1', 'attempt-failed')
      expect(along(play, 'r2')).toEqual(['later', 'half'])
    })

    test('let steers share a run, and continued work alone', () => {
      const play = attached()
      play.steer('s1')
      play.accept('half', { kind: 'peer-response-progress', origin: 'peer' })
      play.steer('s2')
      expect(along(play, 'r1')).toEqual(['s1', 'half', 's2'])
      play.do({ type: 'StartConversationRun', runId: runId('r1') }, { type: 'PrimitiveApplied', runId: runId('r1') })
      play.toolRound('r1')
      play.rollBack('r1', 'attempt-failed')
      play.accept('prompt')
      expect(along(play, 'r2')).toEqual(['s1', 'half', 's2'])
    })
  })
})
