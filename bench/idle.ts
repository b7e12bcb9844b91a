/** What 10,000 idle sessions cost that had one turn each and were let go: heap and disk, beside a bare table. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type Figure, figure, spreadOf } from './figure.ts'
import { inFolder } from './parts/folder.ts'

const SCRIPT = join(import.meta.dirname, 'parts/idle-sessions.ts')

interface Cost {
  readonly heap: number
  readonly disk: number
}

export async function idleBench(): Promise<Figure[]> {
  const ours = await cost('runtime')
  const floor = await cost('floor')
  return [
    figure('idle.heap', 'bytes/session', spreadOf([ours.heap]), { floor: floor.heap, atMost: 1024 }),
    figure('idle.disk', 'bytes/session beyond content', spreadOf([ours.disk]), { floor: floor.disk, atMost: 2048 }),
  ]
}

async function cost(kind: 'runtime' | 'floor'): Promise<Cost> {
  return inFolder(async folder => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', SCRIPT, kind, folder], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`the ${kind} of the idle benchmark exited with ${status}: ${stderr}`)
    return JSON.parse(stdout) as Cost
  })
}
