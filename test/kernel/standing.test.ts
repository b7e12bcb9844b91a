/** A full ledger, reasons for which much is given up, and a stop of a session that was put away. */
import { type AbandonReason, type MeerkatInput, meerkat } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { attached, inputId, operationId, SESSION } from './support/play.ts'
import { tornDown } from './support/truth-table.ts'

const offered = (id: string, mostUnfinished?: number): MeerkatInput => ({
  type: 'AcceptInput',
  inputId: inputId(id),
  at: 1,
  ...(mostUnfinished !== undefined && { mostUnfinished }),
})

describe('a ledger', () => {
  test('that is full takes no more, and says why', () => {
    const play = attached()
    play.do(offered('a', 1))
    const said = play.do(offered('b', 1))
    expect(said).toEqual([expect.objectContaining({ inputId: 'b', reason: 'overloaded' })])
    expect(play.state.ledger.entries.size).toBe(1)
    play.do(offered('c', 2))
    expect(play.state.ledger.entries.size).toBe(2)
  })

  test.each(['superseded', 'coalesced', 'withdrawn'] as unknown as AbandonReason[])(
    'gives up nothing together for the reason of one input: %s',
    reason => {
      const play = attached()
      play.do(offered('a'))
      expect(play.refused({ type: 'GiveUpQueued', reason }).kind).toBe('guard-rejected')
      play.do({ type: 'GiveUpQueued', reason: 'cancelled' })
      expect(play.state.ledger.queue.slots.size).toBe(0)
    },
  )
})

test('a retired session that is stopped has no executor any more', () => {
  const play = attached()
  play.do({ type: 'Retire' })
  expect([play.phase, play.state.registration.phase]).toEqual(['retired', 'active'])
  play.do({ type: 'StopRuntimeExecutor', reason: 'test' })
  expect([play.phase, play.state.registration.phase]).toEqual(['stopped', 'queuing'])
})

test('a session that is registered after its teardown owes none of the work of before', () => {
  const launched: MeerkatInput = {
    type: 'RegisterOperation',
    operationId: operationId('op'),
    kind: 'background-tool-op',
    displayName: 'op',
    at: 1,
  }
  const play = tornDown(launched, { type: 'StartOperation', operationId: operationId('op') })
  expect(play.state.operations).not.toEqual(meerkat.initial.operations)
  play.do({ type: 'RegisterSession', sessionId: SESSION })
  expect(play.state.operations).toEqual(meerkat.initial.operations)
})
