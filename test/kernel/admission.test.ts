import {
  type AcceptInput,
  type MeerkatEffect,
  type MeerkatState,
  type PostAdmissionSignal,
  step,
  unfinishedInputs,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, inputId, kinds, Play, registered, SESSION } from './support/play.ts'
import { tornDown } from './support/truth-table.ts'

type Offer = Partial<Omit<AcceptInput, 'type' | 'inputId'>>

const signal = (effects: readonly MeerkatEffect[]): PostAdmissionSignal =>
  effects.find(effect => effect.type === 'PostAdmissionSignal')?.signal ?? 'None'

describe('a mode', () => {
  test('defaults to the queue, and wakes the loop when the session is free', () => {
    const play = attached()
    expect(play.accept('a')).toEqual([
      { type: 'InputAccepted', inputId: 'a', lane: 'queue' },
      { type: 'PostAdmissionSignal', signal: 'WakeLoop' },
    ])
  })

  test.each<readonly [string, Offer, PostAdmissionSignal, PostAdmissionSignal]>([
    ['a prompt', {}, 'WakeLoop', 'None'],
    ['a steer', { mode: 'steer' }, 'RequestImmediateProcessing', 'RequestImmediateProcessing'],
    ['a peer message', { kind: 'peer-message', origin: 'peer' }, 'WakeLoop', 'InterruptYielding'],
    ['a queued peer message', { kind: 'peer-message', origin: 'peer', mode: 'queue' }, 'WakeLoop', 'None'],
    ['a terminal response', { kind: 'peer-response-terminal', origin: 'peer' }, 'WakeLoop', 'WakeLoop'],
    ['progress of a response', { kind: 'peer-response-progress', origin: 'peer' }, 'None', 'None'],
    ['a continuation', { kind: 'continuation', origin: 'system' }, 'WakeLoop', 'InterruptYielding'],
    ['an input without wake', { withoutWake: true }, 'None', 'None'],
  ])('of %s signals the loop as strongly as it needs', (_, offer, idle, running) => {
    expect(signal(attached().accept('a', offer))).toBe(idle)
    const busy = attached()
    busy.accept('first')
    busy.prepare('r1')
    expect(signal(busy.accept('a', offer))).toBe(running)
  })

  test('of supersede replaces what waits under the same key, and nothing else', () => {
    const play = attached()
    play.accept('running', { supersessionKey: 'k' })
    play.prepare('r1')
    play.accept('same', { supersessionKey: 'k' })
    play.accept('other', { supersessionKey: 'l' })
    play.accept('keyless')
    play.accept('newest', { mode: 'supersede', supersessionKey: 'k' })
    expect(play.terminal('same')).toEqual({ status: 'superseded', by: 'newest' })
    expect(play.terminal('running')).toBeUndefined()
    play.answerAll('r1')
    expect([play.complete('r2'), play.complete('r3'), play.complete('r4')]).toEqual([
      ['other'],
      ['keyless'],
      ['newest'],
    ])
  })

  test('of queue leaves older inputs of its key alone', () => {
    const play = attached()
    play.accept('old', { supersessionKey: 'k' })
    play.accept('new', { supersessionKey: 'k' })
    expect([play.complete('r1'), play.complete('r2')]).toEqual([['old'], ['new']])
  })
})

describe('progress of a response', () => {
  test('coalesces: newer progress of the same key stands for the older', () => {
    const play = attached()
    play.accept('p1', { kind: 'peer-response-progress', origin: 'peer', supersessionKey: 'request' })
    play.accept('p2', { kind: 'peer-response-progress', origin: 'peer', supersessionKey: 'request' })
    expect(play.terminal('p1')).toEqual({ status: 'coalesced', by: 'p2' })
    expect(play.entry('p2')).toMatchObject({ status: 'queued', lane: 'steer' })
  })
})

function retry(play: Play, id: string, sameContent: boolean): readonly MeerkatEffect[] {
  const seen = { inputId: inputId('first'), sameContent }
  return play.do({ type: 'ResolveAdmissionIdempotency', inputId: inputId(id), seen })
}

describe('an idempotency key', () => {
  test('of the same content answers with the first input', () => {
    const play = attached()
    play.accept('first')
    const before = play.state
    expect(retry(play, 'again', true)).toEqual([{ type: 'AdmissionDeduplicated', inputId: 'again', existing: 'first' }])
    expect(play.state).toBe(before)
  })

  test('of other content is a conflict', () => {
    const play = attached()
    expect(retry(play, 'other', false)).toEqual([
      { type: 'IdempotencyConflicted', inputId: 'other', existing: 'first' },
    ])
    expect(play.entry('other')).toBeUndefined()
  })

  test('is answered whatever became of the session meanwhile', () => {
    for (const end of ['Retire', 'Destroy'] as const) {
      const play = attached()
      play.accept('first')
      play.do({ type: end })
      expect(kinds(retry(play, 'again', true))).toEqual(['AdmissionDeduplicated'])
    }
  })
})

describe('a malformed input', () => {
  test.each<readonly [string, Offer]>([
    ['external-derived-durability-forbidden', { durability: 'derived' }],
    ['derived-durability-forbidden-for-kind', { durability: 'derived', origin: 'system' }],
    ['peer-handling-mode-invalid', { kind: 'peer-response-progress', origin: 'peer', mode: 'steer' }],
    ['peer-handling-mode-invalid', { kind: 'peer-message', origin: 'peer', mode: 'steer', injectsContext: true }],
    ['peer-response-terminal-invalid', { kind: 'peer-response-terminal', origin: 'peer', malformedTerminal: true }],
    ['supersession-key-missing', { mode: 'supersede' }],
  ])('is rejected as %s and leaves nothing behind', (reason, offer) => {
    const play = attached()
    const before = play.state
    expect(play.accept('a', offer)).toEqual([{ type: 'AdmissionRejected', inputId: 'a', reason }])
    expect(play.state).toBe(before)
  })

  test('with several faults is told the first: durability, then mode, then the terminal fact', () => {
    const all: Offer = {
      durability: 'derived',
      origin: 'peer',
      kind: 'peer-message',
      mode: 'steer',
      injectsContext: true,
      malformedTerminal: true,
    }
    const reasons = [
      all,
      { ...all, durability: 'durable' as const },
      { ...all, durability: 'durable' as const, injectsContext: false },
    ]
      .flatMap(offer => attached().accept('a', offer))
      .map(effect => (effect.type === 'AdmissionRejected' ? effect.reason : effect.type))
    expect(reasons).toEqual([
      'external-derived-durability-forbidden',
      'peer-handling-mode-invalid',
      'peer-response-terminal-invalid',
    ])
  })
})

describe('what starts no turn', () => {
  test('a silenced intent is recorded, and has its turn when something else wakes the session', () => {
    const play = attached({ silentIntents: ['ping'] })
    play.accept('ping', { kind: 'peer-request', origin: 'peer', intent: 'ping' })
    expect(play.entry('ping')).toMatchObject({ status: 'queued', wake: false })
    expect(play.refused({ type: 'Prepare', runId: 'r' as never, at: 9 }).kind).toBe('guard-rejected')
    play.accept('hello')
    expect([play.complete('r1'), play.complete('r2')]).toEqual([['ping'], ['hello']])
  })

  test('an intent that nobody silenced starts one', () => {
    const play = attached({ silentIntents: ['ping'] })
    play.accept('ask', { kind: 'peer-request', origin: 'peer', intent: 'ask' })
    expect(play.complete('r1')).toEqual(['ask'])
  })

  test('intents are silenced and heard again while the session lives', () => {
    const play = attached()
    play.do({ type: 'SetSilentIntents', sessionId: SESSION, intents: ['ping'] })
    play.accept('a', { kind: 'peer-request', origin: 'peer', intent: 'ping' })
    play.do({ type: 'SetSilentIntents', sessionId: SESSION, intents: [] })
    play.accept('b', { kind: 'peer-request', origin: 'peer', intent: 'ping' })
    expect([play.entry('a')?.wake, play.entry('b')?.wake]).toEqual([false, true])
  })

  test('an operation is a fact for the record: consumed where it is accepted', () => {
    const play = attached()
    play.accept('op', { kind: 'operation', origin: 'system' })
    expect(play.terminal('op')).toEqual({ status: 'consumed' })
    expect(play.state.ledger.entries.size).toBe(0)
  })

  test('an operation is not consumed by a session that is not registered, or no longer', () => {
    const fresh = new Play()
    fresh.do({ type: 'Initialize' })
    for (const play of [fresh, tornDown()]) {
      const refusal = play.refused({ type: 'AcceptInput', inputId: inputId('op'), kind: 'operation', at: 9 })
      expect(refusal).toMatchObject({ kind: 'guard-rejected', guard: 'isRegistered' })
    }
  })
})

describe('who may speak when', () => {
  test('inputs wait for an executor that is not there yet', () => {
    const play = registered()
    play.accept('early')
    play.do({ type: 'EnsureSessionWithExecutor', sessionId: SESSION })
    expect(play.complete('r1')).toEqual(['early'])
  })

  test.each(['Retire', 'StopRuntimeExecutor', 'Destroy'] as const)('nothing is admitted after %s', type => {
    const play = registered()
    play.do(type === 'StopRuntimeExecutor' ? { type, reason: 'test' } : { type })
    expect(play.refused({ type: 'AcceptInput', inputId: inputId('late'), at: 9 }).kind).toBe('no-matching-transition')
  })

  test('an id that is taken is refused', () => {
    const play = attached()
    play.accept('a')
    expect(play.refused({ type: 'AcceptInput', inputId: inputId('a'), at: 9 }).kind).toBe('guard-rejected')
  })
})

test('to take the place of thousands costs what dropping them does', () => {
  const accept = (state: MeerkatState, id: string, more: Offer): MeerkatState => {
    const accepted = step(state, { type: 'AcceptInput', inputId: inputId(id), at: 1, ...more })
    if (!accepted.ok) throw new Error(accepted.reason)
    return accepted.state
  }
  const waiting = (more: Offer): MeerkatState => {
    let { state } = attached()
    for (let n = 0; n < 12_000; n++) state = accept(state, `waits-${n}`, more)
    return state
  }
  const bestOf = (act: () => unknown): number => {
    const tries = Array.from({ length: 3 }, () => {
      const began = performance.now()
      act()
      return performance.now() - began
    })
    return Math.min(...tries)
  }
  const [keyed, plain] = [waiting({ supersessionKey: 'k' }), waiting({})]
  const after = accept(keyed, 'newest', { mode: 'supersede', supersessionKey: 'k' })
  expect(unfinishedInputs(after.ledger).map(({ id }) => id)).toEqual(['newest'])
  const replacing = bestOf(() => accept(keyed, 'newest', { mode: 'supersede', supersessionKey: 'k' }))
  const dropping = bestOf(() => step(plain, { type: 'DropQueued', reason: 'cancelled' }))
  expect(replacing).toBeLessThan(dropping * 5)
})
