/** Durable no-op turns: accept durably, run an echo turn, commit, resolve; beside a bare log that writes twice. */
import { join } from 'node:path'
import { echo } from '../src/executor/echo.ts'
import { createRuntime } from '../src/index.ts'
import { sqlite } from '../src/store/sqlite/index.ts'
import { type Figure, figure, spreadOf } from './figure.ts'
import { openAppendLog } from './parts/append-floor.ts'
import { inFolder } from './parts/folder.ts'
import { type Load, load } from './parts/load.ts'

const MESSAGE = 'Checkout has failed for three customers since noon; the database looks slow. '.repeat(4).slice(0, 250)
const WARM_SECONDS = 5
const SECONDS = 3
const RUNS = 5

/** Figures for one session and for 200. */
export async function turnsBench(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const sessions of [1, 200]) {
    const ours: Load[] = []
    const floors: Load[] = []
    // A server runs for long: what is measured is code that the engine has seen enough of.
    await inFolder(folder => runtimeLoad(folder, sessions, WARM_SECONDS))
    for (let run = 0; run < RUNS; run++) {
      floors.push(await inFolder(folder => floorLoad(folder, sessions)))
      ours.push(await inFolder(folder => runtimeLoad(folder, sessions)))
    }
    figures.push(...figuresOf(sessions, ours, floors))
  }
  return figures
}

function figuresOf(sessions: number, ours: readonly Load[], floors: readonly Load[]): readonly Figure[] {
  const floor = (pick: (load: Load) => number): number => spreadOf(floors.map(pick)).median
  const spread = (pick: (load: Load) => number) => spreadOf(ours.map(pick))
  const name = `turns.${sessions}-session${sessions === 1 ? '' : 's'}`
  const rate = figure(
    name,
    'turns/s',
    spread(load => load.perSecond),
    { floor: floor(load => load.perSecond) },
  )
  const p50 = figure(
    `${name}.p50`,
    'ms',
    spread(load => load.p50),
    { floor: floor(load => load.p50) },
  )
  const p99 = figure(
    `${name}.p99`,
    'ms',
    spread(load => load.p99),
    { floor: floor(load => load.p99) },
  )
  if (sessions === 1) return [rate, { ...p50, goal: '≤ 1.5 × floor', ok: (p50.ratio ?? 0) <= 1.5 }, p99]
  return [
    { ...rate, goal: '≥ 0.2 × floor', ok: (rate.ratio ?? 0) >= 0.2 },
    p50,
    { ...p99, goal: '≤ 40 ms', ok: p99.value <= 40 },
  ]
}

async function runtimeLoad(folder: string, sessions: number, seconds: number = SECONDS): Promise<Load> {
  await using runtime = await createRuntime({ store: sqlite(join(folder, 'bench.db')), executor: echo() })
  const opened = await Promise.all(Array.from({ length: sessions }, () => runtime.open({})))
  return await load(opened, seconds, async ({ id }) => {
    await runtime.send(id, { content: MESSAGE, waitMs: 60_000 })
  })
}

async function floorLoad(folder: string, sessions: number): Promise<Load> {
  const log = openAppendLog(folder)
  const body = JSON.stringify({ at: Date.now(), text: MESSAGE })
  const writers = Array.from({ length: sessions }, (_, index) => index)
  const measured = await load(writers, SECONDS, async session => {
    await log.append(session, body)
    await log.append(session, body)
  })
  log.close()
  return measured
}
