// A process of its own, so that its heap is its own: prints what 10,000 idle sessions cost in heap and disk.
import { join } from 'node:path'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime } from '../../src/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { openAppendLog } from './append-floor.ts'
import { bytesOf } from './folder.ts'

const SESSIONS = 10_000
const CONTENT = 'hello'
const [kind, folder = '.'] = process.argv.slice(2)

const heap = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

async function runtimeCost(): Promise<void> {
  const path = join(folder, 'idle.db')
  const runtime = await createRuntime({ store: sqlite(path), executor: echo(), keepIdle: 200, idleMs: 0 })
  const batch = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left -= 200) {
      const opened = await Promise.all(Array.from({ length: Math.min(200, left) }, () => runtime.open({})))
      await Promise.all(opened.map(({ id }) => runtime.send(id, { content: CONTENT, waitMs: 60_000 })))
      await runtime.evict()
    }
  }
  await batch(1_000)
  const [heapBefore, diskBefore] = [heap(), bytesOf(path)]
  await batch(SESSIONS)
  report(heap() - heapBefore, bytesOf(path) - diskBefore)
  await runtime.close()
}

async function floorCost(): Promise<void> {
  const log = openAppendLog(folder)
  const path = join(folder, 'floor.db')
  await log.append(0, CONTENT)
  const [heapBefore, diskBefore] = [heap(), bytesOf(path)]
  for (let session = 0; session < SESSIONS; session++) {
    const writing = [
      log.append(session, JSON.stringify({ in: CONTENT })),
      log.append(session, JSON.stringify({ out: CONTENT })),
    ]
    if (session % 200 === 0) await Promise.all(writing)
  }
  await log.append(0, CONTENT)
  report(heap() - heapBefore, bytesOf(path) - diskBefore)
  log.close()
}

function report(heapBytes: number, diskBytes: number): void {
  const content = SESSIONS * CONTENT.length * 2
  console.log(JSON.stringify({ heap: Math.max(0, heapBytes / SESSIONS), disk: (diskBytes - content) / SESSIONS }))
}

await (kind === 'floor' ? floorCost() : runtimeCost())
