/** Checks the options of a simulation: known names, right types, and none without effect. */
import {
  aBoolean,
  aCount,
  aFunction,
  anObject,
  checkOptions,
  type Field,
  type Fields,
  invalidOption,
  optional,
} from '../../options.ts'
import type { FaultRates, SimulationOptions } from './options.ts'

const aRate: Field = {
  wanted: 'a number from 0 to 1',
  fits: value => typeof value === 'number' && value >= 0 && value <= 1,
}
export const aNumber: Field = {
  wanted: 'a whole number above 0',
  fits: value => Number.isSafeInteger(value) && Number(value) > 0,
}
export const anySeed: Field = { wanted: 'a whole number', fits: value => Number.isSafeInteger(value) }
const somePolicies: Field = {
  wanted: 'a list of retry, ask and fail',
  fits: value =>
    Array.isArray(value) && value.length > 0 && value.every(one => one === 'retry' || one === 'ask' || one === 'fail'),
}
const someWords: Field = {
  wanted: 'a list of texts',
  fits: value => Array.isArray(value) && value.every(one => typeof one === 'string'),
}

const OPTIONS: Fields<SimulationOptions> = {
  seed: anySeed,
  steps: optional(aCount),
  owners: optional(aNumber),
  sessions: optional(aNumber),
  clients: optional(aNumber),
  tornTails: optional(aBoolean),
  faults: optional(anObject),
  policies: optional(somePolicies),
  executor: optional(aFunction),
  tools: optional(aFunction),
  model: optional(aFunction),
  prompt: optional(aFunction),
  store: optional(aFunction),
  kill: optional(aFunction),
  sabotage: optional(aFunction),
  wholeTrace: optional(aBoolean),
  again: optional(someWords),
}

const RATES: Fields<FaultRates> = {
  crash: optional(aRate),
  kill: optional(aRate),
  failBefore: optional(aRate),
  failAfter: optional(aRate),
  slow: optional(aRate),
  failRead: optional(aRate),
  deaf: optional(aRate),
  pause: optional(aRate),
  jump: optional(aRate),
  close: optional(aRate),
  badWork: optional(aRate),
  group: optional(aRate),
  power: optional(aRate),
}

/** Which options leave another one without effect, and why. */
const MUTE: readonly (readonly [given: keyof SimulationOptions, mute: keyof SimulationOptions, why: string])[] = [
  ['executor', 'tools', 'an executor brings tools of its own'],
  ['executor', 'model', 'an executor brings a model of its own'],
  ['executor', 'policies', 'they are those of tools that an executor of your own does not have'],
  ['tools', 'policies', 'they are those of the tools that come with the simulator'],
]

/** Throws `invalid-params` for wrong options, and for options without effect. */
export function checkSimulation(options: SimulationOptions): void {
  checkOptions('simulate', options, OPTIONS)
  if (options.faults !== undefined) checkOptions('simulate: faults', options.faults, RATES)
  for (const [given, mute, why] of MUTE) {
    if (options[given] !== undefined && options[mute] !== undefined)
      throw invalidOption('simulate', mute, `acts on nothing beside ${given}: ${why}`)
  }
  if (options.model !== undefined && options.prompt === undefined)
    throw invalidOption('simulate', 'prompt', 'is needed with a model of your own: what clients say to it')
  const { group = 0, power = 0 } = options.faults ?? {}
  if (options.tornTails !== true && group === 0 && power > 0)
    throw invalidOption('simulate', 'faults', 'power acts on what waits for a flush: set tornTails, or group')
}
