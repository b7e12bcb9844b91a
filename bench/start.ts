/** From process start to the first durable turn, beside a bare script that opens SQLite and writes twice. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type Figure, figure, spreadOf } from './figure.ts'
import { inFolder } from './parts/folder.ts'

const RUNS = 9
const DIST = join(import.meta.dirname, '../dist')

/** The floor: open SQLite durably, write an acceptance, write an answer. */
const BARE = `
import { DatabaseSync } from 'node:sqlite'
const db = new DatabaseSync(process.argv[1])
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE log (position INTEGER PRIMARY KEY, body TEXT)')
const insert = db.prepare('INSERT INTO log (body) VALUES (?)')
insert.run(JSON.stringify({ accepted: 'hello' }))
insert.run(JSON.stringify({ answer: 'hello' }))
db.close()`

const LIBRARY = `
import { createRuntime } from '${DIST}/index.js'
import { sqlite } from '${DIST}/store/sqlite/index.js'
const echo = {
  name: 'echo',
  apply: async ({ inputs: [{ content }] }) => ({ type: 'completed', message: { role: 'assistant', content } }),
}
const runtime = await createRuntime({ store: sqlite(process.argv[1]), executor: echo })
const { id } = await runtime.open({})
await runtime.send(id, { content: 'hello', waitMs: 10_000 })
await runtime.close()`

export async function startBench(): Promise<Figure[]> {
  const bare: number[] = []
  const library: number[] = []
  const cli: number[] = []
  for (let run = 0; run < RUNS + 1; run++) {
    await inFolder(async folder => {
      const store = join(folder, 'start.db')
      const times = [
        time(['--input-type=module', '-e', BARE, store]),
        time(['--input-type=module', '-e', LIBRARY, `${store}.library`]),
        time([
          join(DIST, 'surfaces/cli/main.js'),
          'run',
          '--model',
          'demo/agent',
          '--store',
          `sqlite:${store}.cli`,
          'say hello',
        ]),
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
