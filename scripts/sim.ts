// Runs the simulator: many seeds, for some hours, or one seed again with its whole trace.
//   npm run sim -- --seeds 2000 [--from 1]
//   npm run sim -- --hours 2
//   npm run sim -- --seed 123 --replay
import { parseArgs } from 'node:util'
import { reportText, type SimulationOptions, type SimulationReport, simulate } from '../src/testing/index.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '500' },
    from: { type: 'string' },
    hours: { type: 'string' },
    seed: { type: 'string' },
    steps: { type: 'string' },
    owners: { type: 'string' },
    replay: { type: 'boolean', default: false },
  },
})

/** What was said on the command line; the same for every seed, and part of a replay. */
const shape: Omit<SimulationOptions, 'seed'> = {
  ...(values.steps !== undefined && { steps: Number(values.steps) }),
  ...(values.owners !== undefined && { owners: Number(values.owners) }),
}

async function replay(seed: number): Promise<boolean> {
  const report = await simulate({ ...shape, seed, wholeTrace: values.replay })
  console.log(report.ok ? [...report.trace, `seed ${seed} is fine, ${report.hash}`].join('\n') : reportText(report))
  return report.ok
}

async function campaign(): Promise<boolean> {
  const started = performance.now()
  const limitMs = values.hours === undefined ? Number.POSITIVE_INFINITY : Number(values.hours) * 3_600_000
  const count = values.hours === undefined ? Number(values.seeds) : Number.POSITIVE_INFINITY
  // A campaign of hours looks where none has looked before.
  const from =
    values.from === undefined ? (values.hours === undefined ? 1 : Date.now() % 1_000_000_000) : Number(values.from)
  const tally = new Map<string, number>()
  let failed = 0
  let done = 0
  for (; done < count && performance.now() - started < limitMs; done++) {
    const report = await simulate({ ...shape, seed: from + done })
    add(tally, report)
    if (!report.ok) {
      failed++
      console.log(reportText(report))
    }
    if ((done + 1) % 500 === 0) console.log(`${done + 1} seeds, ${failed} failed`)
  }
  const seconds = (performance.now() - started) / 1000
  console.log(
    [...tally]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, times]) => `  ${what}: ${times}`)
      .join('\n'),
  )
  console.log(`seeds ${from} to ${from + done - 1} in ${seconds.toFixed(0)} s: ${failed} failed`)
  return failed === 0
}

function add(tally: Map<string, number>, report: SimulationReport): void {
  for (const [what, times] of Object.entries(report.tally)) tally.set(what, (tally.get(what) ?? 0) + times)
}

const ok = values.seed === undefined ? await campaign() : await replay(Number(values.seed))
process.exitCode = ok ? 0 : 1
