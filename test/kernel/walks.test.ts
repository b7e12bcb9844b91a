import fc from 'fast-check'
import {
  blockers,
  decodeState,
  encodeState,
  type MeerkatInput,
  type MeerkatState,
  meerkat,
  runnable,
  StateDecodeError,
  step,
  unfinishedInputs,
  unfinishedOperations,
} from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { givenUpInputs } from '../../src/kernel/regions/endings/table.ts'
import { deepFreeze } from './support/deep-freeze.ts'
import { attached, inputId, SESSION } from './support/play.ts'
import { inputOf, type Move, moves } from './support/walk.ts'

type Result = ReturnType<typeof step>

/** Walks from an attached session over frozen states and inputs; `see` looks at every step. */
function walk(
  script: readonly Move[],
  see: (before: MeerkatState, input: MeerkatInput, result: Result) => void,
): MeerkatState {
  let state = attached().state
  for (const [n, move] of script.entries()) {
    const input = deepFreeze(inputOf(move, state, n))
    const result = step(state, input)
    see(state, input, result)
    if (result.ok) state = deepFreeze(result.state)
  }
  return state
}

const RUNS = { numRuns: 400 }

describe('on any walk', () => {
  test('every invariant holds in every state', () => {
    fc.assert(
      fc.property(moves, script => {
        walk(script, (_, input, result) => {
          if (result.ok)
            expect({ after: input.type, broken: meerkat.check(result.state) }).toEqual({
              after: input.type,
              broken: [],
            })
        })
      }),
      RUNS,
    )
  })

  test('every accepted input is unfinished or has ended, once', () => {
    fc.assert(
      fc.property(moves, script => {
        const owed = new Set<string>()
        walk(script, (_, __, result) => {
          if (!result.ok) return
          for (const effect of result.effects) {
            if (effect.type === 'InputAccepted') owed.add(effect.inputId)
            if (effect.type !== 'InputTerminated') continue
            expect([...owed]).toContain(effect.inputId)
            owed.delete(effect.inputId)
          }
          const { ledger, endings } = result.state
          const open = [...unfinishedInputs(ledger).map(({ id }) => id), ...givenUpInputs(endings)]
          expect(open.toSorted()).toEqual([...owed].toSorted())
        })
      }),
      RUNS,
    )
  })

  test('every operation is unfinished, was rolled back or has ended, once, and ends are numbered', () => {
    fc.assert(
      fc.property(moves, script => {
        const owed = new Set<string>()
        let ends = 0
        walk(script, (_, input, result) => {
          if (!result.ok) return
          if (input.type === 'RegisterOperation') owed.add(input.operationId)
          for (const effect of result.effects) {
            if (effect.type === 'OperationEnded') expect(effect.seq).toBe(++ends)
            if (effect.type === 'OperationEnded' || effect.type === 'UnreturnedOperationRolledBack')
              expect(owed.delete(effect.operationId)).toBe(true)
          }
          // Numbers begin again with another identity; what ends with the old one ends in the same step.
          if (result.effects.some(({ type }) => type === 'SessionRegistered')) ends = 0
          const unfinished = unfinishedOperations(result.state.operations).map(({ id }) => id as string)
          expect(unfinished.toSorted()).toEqual([...owed].toSorted())
        })
      }),
      RUNS,
    )
  })

  test('a refusal says whether the phase or a guard stood in the way', () => {
    fc.assert(
      fc.property(moves, script => {
        walk(script, (state, input, result) => {
          if (result.ok) return
          const applies = meerkat.edges.some(edge => {
            const region = meerkat.regions.find(one => one.name === edge.region)
            const inPhase = edge.from.includes(region?.phaseOf(state) ?? '')
            return edge.input === input.type && inPhase && (edge.during?.includes(state.lifecycle.phase) ?? true)
          })
          expect(result.kind).toBe(applies ? 'guard-rejected' : 'no-matching-transition')
          expect(result.phase).toBe(state.lifecycle.phase)
          expect(result.reason).not.toBe('')
        })
      }),
      RUNS,
    )
  })

  test('a transition leads where its row says', () => {
    fc.assert(
      fc.property(moves, script => {
        walk(script, (_, __, result) => {
          if (!result.ok) return
          const edge = meerkat.edges.find(one => `${one.region}/${one.input}/${one.row}` === result.edge)
          expect({ ...result, to: edge?.to ?? [result.from] }).toMatchObject({
            to: expect.arrayContaining([result.to]) as string[],
          })
        })
      }),
      RUNS,
    )
  })

  test('explain names something exactly while the session can not go on', () => {
    fc.assert(
      fc.property(moves, script => {
        walk(script, (_, __, result) => {
          if (!result.ok) return
          const found = blockers(result.state)
          expect({ found, runnable: runnable(result.state) }).toEqual({ found, runnable: found.length === 0 })
        })
      }),
      RUNS,
    )
  })

  test('a state that was written and read again is the same to everyone', () => {
    fc.assert(
      fc.property(moves, moves, (before, after) => {
        const state = walk(before, () => {})
        const text = encodeState(state)
        const read = decodeState(text)
        expect(encodeState(read)).toBe(text)
        let [one, other] = [state, read]
        for (const [n, move] of after.entries()) {
          const input = inputOf(move, one, 1000 + n)
          // What ends with the process is not written, so it may differ.
          if (meerkat.isOfConditions(input)) continue
          const [a, b] = [step(one, input), step(other, input)]
          expect(b).toMatchObject(a.ok ? { ok: true, effects: a.effects, edge: a.edge } : { ok: false, kind: a.kind })
          if (a.ok) one = a.state
          if (b.ok) other = b.state
        }
        expect(encodeState(other)).toBe(encodeState(one))
      }),
      RUNS,
    )
  })
})

describe('a written state', () => {
  test('of an idle session is small', () => {
    expect(encodeState(attached().state).length).toBeLessThan(300)
  })

  test('has one text for one content', () => {
    const used = attached()
    used.accept('a')
    used.do({ type: 'WithdrawInput', inputId: inputId('a') })
    expect(encodeState(used.state)).toBe(encodeState(attached().state))
  })

  test.each([
    ['damaged', '{"v":1,"lifecycle"'],
    ['of a newer version', '{"v":99}'],
    ['against an invariant', '{"v":1,"lifecycle":{"phase":"running","preRun":"idle","stopDeferred":false}}'],
  ])('%s is refused', (_, text) => {
    expect(() => decodeState(text)).toThrow(StateDecodeError)
  })
})

describe('a refusal', () => {
  test('of a wrong phase is no-matching-transition', () => {
    expect(step(meerkat.initial, { type: 'Commit', runId: 'r' as never })).toMatchObject({
      ok: false,
      kind: 'no-matching-transition',
      context: 'meerkat/lifecycle/Commit',
      phase: 'initializing',
    })
  })

  test('of an unmet guard is guard-rejected and names it', () => {
    expect(attached().refused({ type: 'Prepare', runId: 'r' as never, at: 1 })).toMatchObject({
      kind: 'guard-rejected',
      context: 'meerkat/lifecycle/Prepare',
      phase: 'attached',
      reason: expect.stringContaining('canPrepare') as string,
    })
  })

  test('of several rows names the one guard of the row that came closest', () => {
    const play = attached()
    play.do({ type: 'BeginUnregisterSession', sessionId: SESSION, binding: {} })
    expect(play.refused({ type: 'AcceptInput', inputId: inputId('a'), at: 1 })).toMatchObject({
      kind: 'guard-rejected',
      guard: 'notDraining',
      reason: 'unmet: notDraining',
    })
  })

  test('of a state from outside names the invariant it breaks', () => {
    const { state } = attached()
    const broken = { ...state, ledger: { ...state.ledger, waking: 7 } }
    expect(meerkat.recover(broken)).toMatchObject({
      ok: false,
      kind: 'recovered-state-invariant',
      reason: expect.stringContaining('waking-counts-queued-work') as string,
    })
    expect(meerkat.recover(state)).toMatchObject({ ok: true, state })
  })

  test('of an input that nobody owns is no-matching-transition', () => {
    expect(step(meerkat.initial, { type: 'Unheard', sessionId: SESSION } as never)).toMatchObject({
      kind: 'no-matching-transition',
    })
  })
})
