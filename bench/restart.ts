/** A restart with 10,000 sessions that each owe an input: until the last one is answered; beside writing as many turns. */
import { join } from 'node:path'
import { echo } from '../src/executor/echo.ts'
import { createRuntime } from '../src/index.ts'
import { sqlite } from '../src/store/sqlite/index.ts'
import { type Figure, figure, spreadOf } from './figure.ts'
import { openAppendLog } from './parts/append-floor.ts'
import { inFolder } from './parts/folder.ts'

const SESSIONS = 10_000
const AT_ONCE = 200
const MESSAGE = 'Checkout has failed for three customers since noon; the database looks slow. '.repeat(4).slice(0, 250)

export async function restartBench(): Promise<Figure[]> {
  const floor = await inFolder(floorMs)
  const ours = await inFolder(restartMs)
  return [figure('restart.10000-sessions-owing', 'ms', spreadOf([ours]), { floor })]
}

/** Two log rows a session, as many at once as the runtime takes up. */
async function floorMs(folder: string): Promise<number> {
  const log = openAppendLog(folder)
  const since = performance.now()
  await inCrowds(async session => {
    await log.append(session, MESSAGE)
    await log.append(session, MESSAGE)
  })
  log.close()
  return performance.now() - since
}

async function restartMs(folder: string): Promise<number> {
  const path = join(folder, 'restart.db')
  await using front = await createRuntime({ store: sqlite(path) })
  await inCrowds(async session => {
    await front.open({ sessionId: `s${session}` })
    await front.send(`s${session}`, { content: MESSAGE })
  })
  await front.close()
  let answered = 0
  const all = Promise.withResolvers<void>()
  const since = performance.now()
  const observer = { runEnded: () => (++answered === SESSIONS ? all.resolve() : undefined) }
  await using runtime = await createRuntime({ store: sqlite(path), executor: echo(), observer })
  await all.promise
  const took = performance.now() - since
  await runtime.close()
  return took
}

async function inCrowds(act: (session: number) => Promise<void>): Promise<void> {
  let next = 0
  const one = async (): Promise<void> => {
    while (next < SESSIONS) await act(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
}
