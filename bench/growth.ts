/** What a turn costs as its session grows: turn 10,000 against turn 10, in time and bytes; and bytes against raw text. */
import { join } from 'node:path'
import { echo } from '../src/executor/echo.ts'
import { createRuntime, type Runtime } from '../src/index.ts'
import { sqlite } from '../src/store/sqlite/index.ts'
import { type Figure, figure, spreadOf } from './figure.ts'
import { bytesOf, inFolder } from './parts/folder.ts'

const MESSAGE = 'Checkout has failed for three customers since noon; the database looks slow. '.repeat(7).slice(0, 500)
const TURNS = 10_000
/** Turns that one sample spans. */
const WINDOW = 500

export async function growthBench(): Promise<Figure[]> {
  return inFolder(async folder => {
    const path = join(folder, 'growth.db')
    await using runtime = await createRuntime({ store: sqlite(path), executor: echo() })
    await turns(runtime, (await runtime.open({})).id, 1_000)
    const { id } = await runtime.open({})
    const empty = bytesOf(path)
    await turns(runtime, id, 10)
    const early = await sample(runtime, id, path)
    await turns(runtime, id, TURNS - 10 - 2 * WINDOW)
    const late = await sample(runtime, id, path)
    const total = bytesOf(path) - empty
    const raw = (TURNS - WINDOW) * MESSAGE.length * 2
    return [
      ratio('growth.time', late.ms, early.ms, 1.1),
      ratio('growth.bytes', late.bytes, early.bytes, 1.1),
      { ...figure('growth.storage', '× raw text', spreadOf([total / raw]), { atMost: 3 }) },
    ]
  })
}

function ratio(name: string, late: number, early: number, most: number): Figure {
  const value = late / early
  return {
    bench: name,
    value,
    unit: 'turn 10,000 ÷ turn 10',
    floor: 1,
    ratio: value,
    goal: `≤ ${most}`,
    ok: value <= most,
  }
}

async function sample(
  runtime: Runtime,
  id: string,
  path: string,
): Promise<{ readonly ms: number; readonly bytes: number }> {
  const before = bytesOf(path)
  const times = await turns(runtime, id, WINDOW)
  return { ms: spreadOf(times).median, bytes: (bytesOf(path) - before) / WINDOW }
}

async function turns(runtime: Runtime, id: string, count: number): Promise<number[]> {
  const times: number[] = []
  for (let turn = 0; turn < count; turn++) {
    const from = performance.now()
    await runtime.send(id, { content: MESSAGE, waitMs: 60_000 })
    times.push(performance.now() - from)
  }
  return times
}
