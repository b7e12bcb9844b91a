/** From process start to the first durable turn, beside a bare script that opens SQLite and writes twice. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { figure, spreadOf, type Figure } from './figure.ts'
import { inFolder } from './parts/folder.ts'

const RUNS = 9
const SCRIPTS = join(import.meta.dirname, 'parts')
const CLI = join(import.meta.dirname, '../dist/surfaces/cli/main.js')

export async function startBench(): Promise<Figure[]> {
  const bare: number[] = []
  const library: number[] = []
  const cli: number[] = []
  for (let run = 0; run < RUNS + 1; run++) {
    await inFolder(async (folder) => {
      const store = join(folder, 'start.db')
      const times = [
        time([join(SCRIPTS, 'start-bare.js'), store]),
        time([join(SCRIPTS, 'start-library.js'), `${store}.library`]),
        time([CLI, 'run', '--model', 'demo/agent', '--store', `sqlite:${store}.cli`, 'say hello']),
      ]
      if (run === 0) return
      bare.push(times[0] ?? 0)
      library.push(times[1] ?? 0)
      cli.push(times[2] ?? 0)
    })
  }
  const floor = spreadOf(bare).median
  return [
    withGoal(figure('start.library', 'ms', spreadOf(library), { floor })),
    withGoal(figure('start.cli', 'ms', spreadOf(cli), { floor })),
  ]
}

function withGoal(one: Figure): Figure {
  return { ...one, goal: '≤ 2 × floor', ok: (one.ratio ?? Infinity) <= 2 }
}

function time(args: readonly string[]): number {
  const from = performance.now()
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${args.join(' ')} exited with ${status}: ${stderr}`)
  return performance.now() - from
}
