// Has Spin walk the session machine's bounded worlds on its own, and compares what it finds with the explorer.
//   npm run spin                     all worlds but some large ones
//   npm run spin -- drain turn       these
//   npm run spin -- --all [--full]   all of them; as large as `meerkat verify --full` takes them
//   npm run spin -- --write models   the models as well, to look at or to give to other tools
// It needs `spin` (6.5) and a C compiler: `apt-get install spin gcc`.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import type { Configuration } from '../src/kernel/check/configuration.ts'
import { configurations } from '../src/kernel/check/configurations.ts'
import { type PromelaModel, promelaOf } from '../src/kernel/check/promela.ts'
import { meerkat } from '../src/kernel/machine.ts'

/** Worlds that only `--all` checks: large ones, of regions that occur in other worlds too. */
const leftOut: ReadonlySet<string> = new Set([
  'teardown',
  'binding',
  'admission',
  'lanes',
  'visible-sets',
  'merging',
  'calls-and-queue',
  'operations',
  'waits',
  'trust',
  'supervisor',
])

export interface SpinVerdict {
  /** How many states Spin stored, or -1 where it did not end. */
  readonly states: number
  /** What is wrong, with the path to it; empty: nothing. */
  readonly fault: string
}

const STUCK = 'nothing can happen here any more, or the explorer was never here'
const compiler: string = process.env['CC'] ?? 'cc'
const timeLimitMs = 300_000
const call = promisify(execFile)

/** What is missing to run Spin here; undefined: nothing. */
export async function whatIsMissing(): Promise<string | undefined> {
  for (const [program, version, name] of [
    ['spin', '-V', 'spin'],
    [compiler, '--version', 'gcc'],
  ] as const) {
    try {
      await call(program, [version])
    } catch {
      return `${program} can't be run here: install it, for instance with \`apt-get install ${name}\``
    }
  }
  return undefined
}

/** Lets Spin walk a model, exhaustively: every state in full, nothing reduced and nothing hashed away. */
export async function runSpin({ text, states }: PromelaModel): Promise<SpinVerdict> {
  const folder = mkdtempSync(join(tmpdir(), 'meerkat-spin-'))
  try {
    const at = { cwd: folder, timeout: timeLimitMs, maxBuffer: 64 * 1024 * 1024 }
    writeFileSync(join(folder, 'session.pml'), text)
    await call('spin', ['-a', 'session.pml'], at)
    // Not optimised, because compiling would take longer than checking. Breadth first, so that the path to an error is
    // a shortest one.
    const how = ['-O0', '-w', '-DBFS', '-DSAFETY', '-DNOREDUCE', '-DMEMLIM=1024', '-o', 'pan', 'pan.c']
    await call(compiler, how, at)
    const { stdout } = await call(join(folder, 'pan'), ['-w20'], at)
    const errors = numberIn(stdout, /errors: (\d+)/)
    const stored = numberIn(stdout, /(\d+) states, stored/)
    if (errors > 0) return { states: stored, fault: await wayToError(folder, text) }
    if (errors < 0 || stdout.includes('not completed')) return { states: -1, fault: `no end was reached:\n${stdout}` }
    const fault = stored === states ? '' : `Spin found ${stored} states and the explorer ${states}`
    return { states: stored, fault }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * The inputs on the path to an error, one a line, and the error: Spin names the lines of the model that it went
 * through.
 */
async function wayToError(folder: string, text: string): Promise<string> {
  const { stdout } = await call('spin', ['-t', '-p', 'session.pml'], { cwd: folder, timeout: timeLimitMs })
  const lines = text.split('\n')
  const steps = new Map([...stdout.matchAll(/^ *(\d+):.* session\.pml:(\d+) .*\[/gm)].map(([, at, line]) => [at, line]))
  const inputLines = [...steps.values()].map(line =>
    lines[Number(line) - 1]?.split('/*').at(-1)?.replace('*/', '').trim(),
  )
  const broken = /broken: .*/.exec(stdout)?.[0]
  return [...(broken === undefined ? inputLines : inputLines.slice(0, -1)), broken ?? STUCK].join('\n')
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? -1)
}

/** The worlds of these names; without names all, except those left out. */
function worldsOf(names: readonly string[], all: boolean, full: boolean): readonly Configuration[] {
  const worlds = configurations(!full)
  const unknown = names.find(name => !worlds.some(world => world.name === name))
  if (unknown !== undefined)
    throw new Error(`there is no world "${unknown}": ${worlds.map(one => one.name).join(', ')}`)
  return worlds.filter(({ name }) => (names.length > 0 ? names.includes(name) : all || !leftOut.has(name)))
}

/** Checks a world and prints its line. */
async function check(
  world: Configuration,
  folder: string | undefined,
): Promise<{ model: PromelaModel; fault: string }> {
  const startedAt = performance.now()
  const model = promelaOf(world)
  const exportedAt = performance.now()
  if (folder !== undefined) writeFileSync(join(folder, `${model.name}.pml`), model.text)
  const { states, fault } = await runSpin(model)
  const times = [exportedAt - startedAt, performance.now() - exportedAt].map(ms => (ms / 1000).toFixed(1))
  const verdict = fault === '' ? 'equal' : 'DIFFERENT'
  console.log(line(model.name, model.states, states, model.rules, model.invariants, ...times, verdict))
  if (fault !== '') console.log(fault)
  return { model, fault }
}

function line(name: string, ...columns: readonly (string | number)[]): string {
  return `${name.padEnd(20)}${columns.map(one => String(one).padStart(11)).join('')}`
}

/** Checks the worlds one after the other, and answers whether all passed. */
async function checkAll(worlds: readonly Configuration[], folder: string | undefined): Promise<boolean> {
  if (folder !== undefined) mkdirSync(folder, { recursive: true })
  const changing = new Set<string>()
  let faults = 0
  console.log(line('world', 'explorer', 'Spin', 'rules', 'invariants', 'export s', 'Spin s', ''))
  for (const world of worlds) {
    const { model, fault } = await check(world, folder)
    for (const region of model.regions) changing.add(region)
    if (fault !== '') faults++
  }
  const still = meerkat.regions.map(region => region.name).filter(name => !changing.has(name))
  if (still.length > 0) console.log(`none of these worlds changes: ${still.join(', ')}`)
  return faults === 0
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      write: { type: 'string' },
    },
  })
  const missing = await whatIsMissing()
  if (missing !== undefined) console.error(missing)
  const isSound =
    missing === undefined && (await checkAll(worldsOf(positionals, values.all, values.full), values.write))
  process.exitCode = isSound ? 0 : 1
}
