/**
 * The simulator: a whole runtime, its clients and all that can go wrong, in one process under one seed.
 *
 * ```ts
 * import { simulateMany } from 'meerkat-ts/testing'
 *
 * await simulateMany({ seeds: 500, tools: ({ random }) => myTools(random) })
 * ```
 */

import { aFunction, aListOf, anObject, aText, checkFields, optional } from '../../options.ts'
import { loadSchemas } from '../../session/door.ts'
import { memory } from '../../store/memory.ts'
import { aNumber, anySeed, checkSimulation } from './check-options.ts'
import type { SimulationOptions, SimulationReport, SimulationViolation } from './options.ts'
import { replayOf } from './replay.ts'
import { Simulation } from './simulation.ts'
import { World } from './world.ts'

/** Runs one simulation. Reports what went wrong instead of throwing. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  checkSimulation(options)
  const { report, uncalled } = await play(options)
  return withUncalled(report, uncalled)
}

interface Played {
  readonly report: SimulationReport
  /** The caller's tools that were never called, each with the reason as far as it is known. */
  readonly uncalled: ReadonlyMap<string, string>
}

async function play(options: SimulationOptions): Promise<Played> {
  const { seed } = options
  await loadSchemas()
  const world = new World(options)
  const { clock, trace, tally } = world
  const source = (await options.store?.(clock)) ?? memory({ clock })
  const violations = await new Simulation(options, world, source).run()
  const names = [...world.tools.keys()].filter(name => !world.called.has(name))
  const uncalled = new Map(names.map(name => [name, whyUncalled(world.refusals.get(name))]))
  const ok = violations.length === 0
  const replay = replayOf(options)
  return { report: { seed, ok, violations, hash: trace.hash, trace: trace.lines, tally, replay }, uncalled }
}

function whyUncalled(refusal: string | undefined): string {
  if (refusal === undefined) return ''
  return `: it refused the arguments that its schema led to (give the schema examples that fit)\n${refusal}`
}

/** Adds a violation for each of the caller's tools that was never called, because the simulation proves nothing about it. */
function withUncalled(report: SimulationReport, uncalled: ReadonlyMap<string, string>): SimulationReport {
  const more = [...uncalled].map(
    ([name, why]): SimulationViolation => ({ rule: 'tool-never-called', text: `${name} was never called${why}` }),
  )
  return more.length === 0 ? report : { ...report, ok: false, violations: [...report.violations, ...more] }
}

export interface SimulationsOptions extends Omit<SimulationOptions, 'seed'> {
  readonly seeds: number
  /** The first seed; 1 unless told. */
  readonly from?: number
  readonly onReport?: (report: SimulationReport) => void
}

/** Runs many seeds. Throws at the first one that goes wrong, with the command that repeats it. Answers the summed counts. */
export async function simulateMany(options: SimulationsOptions): Promise<Readonly<Record<string, number>>> {
  checkFields('simulateMany', options, MANY)
  const { seeds, from = 1, onReport, ...rest } = options
  checkSimulation({ ...rest, seed: from })
  const tally: Record<string, number> = {}
  let never: ReadonlyMap<string, string> | undefined
  for (let seed = from; seed < from + seeds; seed++) {
    const { report: played, uncalled } = await play({ ...rest, seed })
    // The caller's own model need not call every tool in each simulation, only in all of them together.
    const report = rest.model === undefined ? withUncalled(played, uncalled) : played
    never = new Map([...uncalled].filter(([name]) => never?.has(name) ?? true))
    onReport?.(report)
    if (!report.ok) throw new Error(reportText(report))
    for (const [what, count] of Object.entries(report.tally)) tally[what] = (tally[what] ?? 0) + count
  }
  const lines = [...(never ?? [])].map(([name, why]) => `${name} was never called in ${seeds} simulations${why}`)
  if (lines.length > 0) throw new Error(lines.join('\n'))
  return tally
}

const MANY = { seeds: aNumber, from: optional(anySeed), onReport: optional(aFunction) }

const REPORT = {
  seed: aNumber,
  hash: aText,
  violations: aListOf('violations', anObject.fits),
  trace: aListOf('texts', aText.fits),
  replay: aText,
}

/** A report of a simulation that went wrong, for people. */
export function reportText(report: SimulationReport): string {
  checkFields('reportText', report, REPORT)
  const { seed, hash, violations, trace, replay } = report
  return [
    `the simulation of seed ${seed} (${hash}) broke ${violations.length === 1 ? 'a rule' : `${violations.length} rules`}:`,
    ...violations.map(({ rule, text }) => `  ${rule}: ${text}`),
    'its last steps:',
    ...trace.map(line => `  ${line}`),
    `again: ${replay}`,
  ].join('\n')
}
