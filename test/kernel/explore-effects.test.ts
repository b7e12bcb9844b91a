import { describe, expect, test } from 'vitest'
import { configurations } from '../../src/kernel/check/configurations.ts'
import { emissionFault, emissions } from '../../src/kernel/check/emitted/index.ts'
import { explore } from '../../src/kernel/check/explore.ts'
import { sessionWalk } from '../../src/kernel/check/verify.ts'
import { meerkat } from '../../src/kernel/machine.ts'

const world = (name: string) => {
  const found = configurations(true).find(one => one.name === name)
  if (found === undefined) throw new Error(`there is no configuration ${name}`)
  return found
}

describe('every effect is demanded of the step that owes it', () => {
  // What each kind of configuration says; a step that says less, or says it twice, is at fault.
  test.each(['runs', 'turn', 'switches', 'tool-surfaces', 'interactions', 'live', 'product-turn'])('in %s', name => {
    const walk = sessionWalk(meerkat, world(name))
    const graph = explore(walk)
    const steps = graph.states.slice(0, 300).flatMap(state =>
      walk.inputs(state).flatMap(input => {
        const step = meerkat.step(state, input)
        return step.ok ? step.effects.map((effect, index) => ({ state, input, step, effect, index })) : []
      }),
    )
    const forgiven = steps.filter(({ state, input, step, effect, index }) => {
      const less = { ...step, effects: step.effects.toSpliced(index, 1) }
      const twice = { ...step, effects: [...step.effects, effect] }
      return [less, twice].some(tampered => emissionFault(state, input, tampered) === undefined)
    })
    expect(steps.length).toBeGreaterThan(0)
    expect(forgiven).toEqual([])
  })

  test('in words that complete a sentence', () => {
    for (const [type, { when }] of Object.entries(emissions)) {
      expect(`${type} is emitted ${when}`).toMatch(
        /^\w+ is emitted (exactly when|once for|for each|when|whenever|with|exactly once) /u,
      )
    }
  })
})
