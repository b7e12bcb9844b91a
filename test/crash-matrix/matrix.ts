/** The cells of the matrix: every place at which a process can end, in every situation a session can be in. */
import type { FaultPoint } from '../../src/faults.ts'
import type { StoreSource } from '../../src/store/store.ts'
import type { Violation } from '../../src/testing/sim/history.ts'
import type { Clock } from '../../src/time.ts'
import { Stage } from './stage.ts'

/** All of them: a point that is added or dropped is an error here. */
const POINTS: Readonly<Record<FaultPoint, true>> = {
  'driver.staged': true,
  'driver.committed': true,
  'driver.published': true,
  'loop.dispatch': true,
  'loop.returned': true,
  'session.loaded': true,
  'session.acknowledge': true,
  'mail.answer': true,
}

const WRITES = ['create', 'claim', 'release', 'commit', 'amend', 'mail.post', 'mail.answer'] as const

export const CUTS: readonly string[] = [
  ...Object.keys(POINTS),
  ...WRITES.flatMap(write => [`before ${write}`, `after ${write}`]),
]

/** How a session comes into a situation, and what goes on from there; the cut is armed in between. */
interface Situation {
  readonly reach: (stage: Stage) => Promise<void>
  readonly goOn: (stage: Stage) => Promise<void>
}

/** A run that is in its first tool call. */
async function calling(stage: Stage, ...tools: readonly string[]): Promise<string> {
  await stage.open()
  const inputId = await stage.send(['work', ...tools].join(' '), {}, 'owner')
  await stage.happened('tool.started')
  return inputId
}

/** Everything ends; the owner goes and comes back, and is asked once more. */
async function endOfAll(stage: Stage): Promise<void> {
  for (const inputId of stage.sent) await stage.ended(inputId)
  await stage.recycleOwner()
  await stage.ended(await stage.send('once-more'))
}

export const SITUATIONS = {
  idle: {
    reach: async () => {},
    goOn: async stage => {
      await stage.open()
      await stage.send('hello')
      await endOfAll(stage)
    },
  },
  queued: {
    reach: async stage => {
      await calling(stage, 'retry')
      await stage.send('second')
      await stage.send('third')
    },
    goOn: async stage => {
      await stage.withdraw(stage.sent[1] ?? '')
      await stage.send('fourth')
      await endOfAll(stage)
    },
  },
  running: {
    reach: async stage => {
      await stage.open()
      await stage.send('answer-me', {}, 'owner')
      await stage.happened('turn.started')
    },
    goOn: async stage => {
      await stage.send('and-me')
      await endOfAll(stage)
    },
  },
  calling: {
    reach: async stage => {
      await calling(stage, 'retry', 'ask', 'fail')
    },
    goOn: async stage => {
      await stage.send('and-me')
      await endOfAll(stage)
    },
  },
  steering: {
    reach: async stage => {
      await calling(stage, 'ask', 'retry')
    },
    goOn: async stage => {
      await stage.send('by-the-way', { mode: 'steer' })
      await endOfAll(stage)
    },
  },
  pending: {
    reach: async stage => {
      await stage.open()
      await stage.send('work approved', {}, 'owner')
      await stage.happened('run.parked')
    },
    goOn: async stage => {
      await stage.send('by-the-way retry', { mode: 'steer' })
      await stage.happened('run.parked', 2)
      await endOfAll(stage)
    },
  },
  cancelling: {
    reach: async stage => {
      await calling(stage, 'retry', 'retry')
    },
    goOn: async stage => {
      await stage.cancel('now')
      await stage.send('again retry retry')
      await stage.happened('tool.started', 2)
      await stage.cancel('boundary')
      await endOfAll(stage)
    },
  },
  stopping: {
    reach: async stage => {
      await calling(stage, 'retry', 'ask')
      await stage.send('second')
    },
    goOn: async stage => {
      await stage.control('stop')
      await stage.control('resume')
      await stage.send('after-all', { resume: true })
      await endOfAll(stage)
    },
  },
  waiting: {
    reach: async stage => {
      await stage.open()
      await stage.ended(await stage.send('work later', {}, 'owner'))
    },
    goOn: async stage => {
      await stage.toldOfTheEnd()
      await endOfAll(stage)
    },
  },
  compacting: {
    reach: async stage => {
      await stage.open()
      for (const n of [1, 2, 3]) await stage.ended(await stage.send(`${n}-${'and-so-on-'.repeat(12)}`, {}, 'owner'))
    },
    goOn: async stage => {
      await stage.send(`4-${'and-so-on-'.repeat(12)}`, {}, 'owner')
      await stage.send('and-this')
      await endOfAll(stage)
    },
  },
} satisfies Readonly<Record<string, Situation>>

export type SituationName = keyof typeof SITUATIONS

export interface CellReport {
  /** How often a process ended at the cut: once in each play. */
  readonly crashes: number
  readonly violations: readonly (Violation & { readonly crossing: number })[]
}

/** Plays the situation once for every time that the cut is come to, and ends a process there; `most` ends at most. */
export async function playCell(
  store: (clock: Clock) => StoreSource,
  situation: SituationName,
  cut: string,
  most: number,
): Promise<CellReport> {
  const violations: (Violation & { readonly crossing: number })[] = []
  let crashes = 0
  for (let crossing = 1; crashes < most; crossing++) {
    const stage = new Stage(store, `${situation}-${cut.replace(' ', '-')}-${crossing}`)
    const { reach, goOn }: Situation = SITUATIONS[situation]
    await stage.until(reach(stage))
    const crossed = stage.arm(cut, crossing)
    await stage.until(goOn(stage))
    const found = await stage.judge()
    violations.push(...found.map(one => ({ ...one, crossing })))
    if (stage.crashed) crashes++
    if (crossed() < crossing) break
  }
  return { crashes, violations }
}
