// Runs the simulator: many seeds, for some hours, or one seed again with its whole trace.
//   npm run sim -- --seeds 2000 [--from 1]
//   npm run sim -- --hours 2
//   npm run sim -- --seed 123 --replay
// What shapes a simulation, and is part of every replay that is printed:
//   --steps N --owners N --sessions N --clients N --policies ask,retry --faults '{"kill":0.1}'
//   --torn-tails          writes share flushes, and a process that is killed leaves a beginning of them
//   --store sqlite        on a real file instead of in memory
//   --with FILE           a module whose export `options` gives functions: tools, model, executor, sabotage ...
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import {
  type FaultRates,
  onSqlite,
  reportText,
  type SimulationOptions,
  type SimulationReport,
  simulate,
} from '../src/testing/index.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '500' },
    from: { type: 'string' },
    hours: { type: 'string' },
    seed: { type: 'string' },
    replay: { type: 'boolean', default: false },
    steps: { type: 'string' },
    owners: { type: 'string' },
    sessions: { type: 'string' },
    clients: { type: 'string' },
    policies: { type: 'string' },
    faults: { type: 'string' },
    'torn-tails': { type: 'boolean', default: false },
    store: { type: 'string', default: 'memory' },
    with: { type: 'string' },
  },
})
const { store } = values
if (store !== 'memory' && store !== 'sqlite') throw new Error(`--store is memory or sqlite, not ${store}`)

type Shape = Omit<SimulationOptions, 'seed'>

/** The options of the command line: the same for every seed, and part of a replay. */
const shape: Shape = {
  ...(await functions()),
  ...numbers(),
  ...(values.policies !== undefined && { policies: values.policies.split(',') as NonNullable<Shape['policies']> }),
  ...(values.faults !== undefined && { faults: JSON.parse(values.faults) as Partial<FaultRates> }),
  ...(values['torn-tails'] && { tornTails: true }),
  again: [
    ...(store === 'memory' ? [] : ['--store', store]),
    ...(values.with === undefined ? [] : ['--with', values.with]),
  ],
}

async function functions(): Promise<Shape> {
  if (values.with === undefined) return {}
  const module = (await import(pathToFileURL(resolve(values.with)).href)) as { readonly options?: Shape }
  if (module.options === undefined) throw new Error(`${values.with} exports no \`options\``)
  return module.options
}

function numbers(): Shape {
  const { steps, owners, sessions, clients } = values
  const given = Object.entries({ steps, owners, sessions, clients }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, Number(value)]))
}

async function play(seed: number, wholeTrace = false): Promise<SimulationReport> {
  if (store === 'memory') return simulate({ ...shape, seed, wholeTrace })
  const folder = mkdtempSync(join(tmpdir(), 'meerkat-sim-'))
  try {
    return await simulate({ ...shape, seed, wholeTrace, ...onSqlite(join(folder, 'sim.db')) })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function replay(seed: number): Promise<boolean> {
  const report = await play(seed, values.replay)
  console.log(report.ok ? [...report.trace, `seed ${seed} is fine, ${report.hash}`].join('\n') : reportText(report))
  return report.ok
}

async function campaign(): Promise<boolean> {
  const started = performance.now()
  const limitMs = values.hours === undefined ? Number.POSITIVE_INFINITY : Number(values.hours) * 3_600_000
  const count = values.hours === undefined ? Number(values.seeds) : Number.POSITIVE_INFINITY
  // A campaign of hours begins with seeds that were not tried before.
  const from =
    values.from === undefined ? (values.hours === undefined ? 1 : Date.now() % 1_000_000_000) : Number(values.from)
  const tally = new Map<string, number>()
  let failed = 0
  let done = 0
  for (; done < count && performance.now() - started < limitMs; done++) {
    const report = await play(from + done)
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
