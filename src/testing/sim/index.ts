/**
 * The simulator: a whole runtime, its clients and all that can go wrong, in one process under one seed.
 *
 * ```ts
 * import { simulateMany } from 'meerkat-ts/testing'
 *
 * await simulateMany({ seeds: 500, tools: ({ random }) => myTools(random) })
 * ```
 */
import { memory } from '../../store/memory.ts'
import type { SimulationOptions, SimulationReport } from './options.ts'
import { replayOf } from './replay.ts'
import { Simulation } from './simulation.ts'
import { World } from './world.ts'

/** Runs one simulation. It says what went wrong; it does not throw for it. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { seed } = options
  const world = new World(options)
  const { clock, trace, tally } = world
  const source = (await options.store?.(clock)) ?? memory({ clock })
  const violations = await new Simulation(options, world, source).run()
  return {
    seed,
    ok: violations.length === 0,
    violations,
    hash: trace.hash,
    trace: trace.lines,
    tally,
    replay: replayOf(options),
  }
}

/** Runs many seeds; throws at the first that goes wrong, with how to see it again. Answers the counts of all. */
export async function simulateMany(
  options: Omit<SimulationOptions, 'seed'> & {
    readonly seeds: number
    /** The first seed; 1 unless told. */
    readonly from?: number
    readonly onReport?: (report: SimulationReport) => void
  },
): Promise<Readonly<Record<string, number>>> {
  const { seeds, from = 1, onReport, ...rest } = options
  const tally: Record<string, number> = {}
  for (let seed = from; seed < from + seeds; seed++) {
    const report = await simulate({ ...rest, seed })
    onReport?.(report)
    if (!report.ok) throw new Error(reportText(report))
    for (const [what, count] of Object.entries(report.tally)) tally[what] = (tally[what] ?? 0) + count
  }
  return tally
}

/** A report of a simulation that went wrong, for people. */
export function reportText({ seed, hash, violations, trace, replay }: SimulationReport): string {
  return [
    `the simulation of seed ${seed} (${hash}) broke ${violations.length === 1 ? 'a rule' : `${violations.length} rules`}:`,
    ...violations.map(({ rule, text }) => `  ${rule}: ${text}`),
    'its last steps:',
    ...trace.map(line => `  ${line}`),
    `again: ${replay}`,
  ].join('\n')
}
