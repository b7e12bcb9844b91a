import { expect, test } from 'vitest'
import { peerAnswers } from '../../src/kernel/check/answered/peers.ts'
import { sessionAnswers } from '../../src/kernel/check/answered/session.ts'
import { toolAnswers } from '../../src/kernel/check/answered/tools.ts'
import { voiceAnswers } from '../../src/kernel/check/answered/voice.ts'
import type { Configuration } from '../../src/kernel/check/configuration.ts'
import { configurations } from '../../src/kernel/check/configurations.ts'
import { explore } from '../../src/kernel/check/explore.ts'
import { sessionWalk } from '../../src/kernel/check/verify.ts'
import { meerkat } from '../../src/kernel/machine.ts'

const neverRefused = Object.keys({ ...sessionAnswers, ...toolAnswers, ...peerAnswers, ...voiceAnswers })
const worlds = configurations(true)
const startOf = ({ prefix }: Configuration) =>
  prefix.reduce((state, input) => {
    const result = meerkat.step(state, input)
    return result.ok ? result.state : state
  }, meerkat.initial)
const offers = (world: Configuration): readonly string[] => [
  ...new Set(world.inputs(startOf(world)).map(({ type }) => type)),
]
const bySize = worlds
  .map(world => ({ world, types: offers(world) }))
  .toSorted((a, b) => a.types.length - b.types.length)

/** The session machine without any row for an input. */
function deafTo(type: string): typeof meerkat {
  return {
    ...meerkat,
    step: (state, input) =>
      input.type === type
        ? { ok: false, kind: 'no-matching-transition', reason: 'it is deaf to that', input: type, phase: '' }
        : meerkat.step(state, input),
  } as typeof meerkat
}

test.each(neverRefused)('the explorer notices a machine that is deaf to %s', type => {
  // Which inputs a world offers depends on its state: those that offer it at once come first, then its region's own.
  const region = meerkat.edges.find(({ input }) => input === type)?.region ?? ''
  const own = region.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  const likely = bySize.filter(({ types, world: { name } }) => types.some(one => one === type) || name === own)
  const noticed = likely.some(({ world }) => {
    const walk = sessionWalk(deafTo(type), { ...world, prefix: [] })
    const { violations } = explore({ ...walk, start: startOf(world), maxViolations: 5 })
    return violations.some(({ invariant }) => invariant === `takes-${type}`)
  })
  expect(noticed).toBe(true)
})
