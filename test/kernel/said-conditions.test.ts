import { type MeerkatInput, type MeerkatState, meerkat } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import { sessionId } from '../../src/kernel/check/alphabet.ts'
import { configurations } from '../../src/kernel/check/configurations.ts'
import { type Play, registered, SESSION } from './support/play.ts'

function after(state: MeerkatState, ...inputs: readonly MeerkatInput[]): MeerkatState {
  return inputs.reduce((before, input) => {
    const result = meerkat.step(before, input)
    if (!result.ok) throw new Error(`${input.type} was refused: ${result.reason}`)
    return result.state
  }, state)
}
const unregistering = (id: typeof sessionId): readonly MeerkatInput[] => [
  { type: 'BeginUnregisterSession', sessionId: id, binding: {} },
  { type: 'RuntimeLoopStoppedForUnregister', sessionId: id, forcedAbort: false },
  { type: 'CommsDrainExitedForUnregister', sessionId: id, forcedAbort: false },
  { type: 'CompletionWaitersResolvedForUnregister', sessionId: id },
  { type: 'UnregisterSession', sessionId: id, binding: {} },
]

/** A served session in which this condition is not what it is in a new process. */
function unlikeNew(name: keyof MeerkatState): MeerkatState {
  const start = after(
    meerkat.initial,
    { type: 'Initialize' },
    { type: 'RegisterSession', sessionId },
    { type: 'EnsureSessionWithExecutor', sessionId },
  )
  const offers = configurations(true).flatMap(one => one.inputs(start))
  const own = offers.filter(({ type }) => meerkat.edges.some(({ input, region }) => input === type && region === name))
  for (const input of [...own, ...own.flatMap(one => [one, ...own])]) {
    const result = meerkat.step(start, input)
    if (result.ok && result.state[name] !== start[name]) return result.state
  }
  throw new Error(`nothing changes ${name}`)
}

describe('what dies with its process', () => {
  const names = meerkat.regions.filter(({ condition }) => condition !== undefined).map(({ name }) => name)
  const endings: readonly (readonly [string, readonly MeerkatInput[]])[] = [
    ['Recover', [{ type: 'Recover' }]],
    ['Destroy', [{ type: 'Destroy' }]],
    ['UnregisterSession', unregistering(sessionId)],
  ]
  test.each(names.flatMap(name => endings.map(([ending, inputs]) => [name, ending, inputs] as const)))(
    '%s begins anew after %s',
    (name, _, inputs) => {
      const state = after(unlikeNew(name), ...inputs)
      expect(state[name]).toEqual(meerkat.initial[name])
    },
  )
})

describe('a late word about a session that was let go', () => {
  function gone(play: Play): Play {
    play.do(...unregistering(SESSION))
    return play
  }

  test('a new one about its keep-alive is refused', () => {
    expect(gone(registered()).refused({ type: 'SetPeerIngressContext', keepAlive: true }).kind).toBe('guard-rejected')
  })
})
