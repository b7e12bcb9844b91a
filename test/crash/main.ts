/** The kill -9 campaign from the command line: `node test/crash/main.ts --rounds 200 --seed 1`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCampaign } from './campaign.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    sessions: { type: 'string', default: '6' },
    /** The latest moment of a kill, in ms after the worker's start. */
    'window-ms': { type: 'string', default: '120' },
  },
})
const print = (line: string): void => void process.stdout.write(`${line}\n`)
const [rounds, seed, sessions] = [Number(values.rounds), Number(values.seed), Number(values.sessions)]
const windowMs = Number(values['window-ms'])
const dir = mkdtempSync(join(tmpdir(), 'meerkat-crash-'))
const started = performance.now()
const report = await runCampaign({ rounds, seed, sessions, dir, windowMs, log: print })
print(JSON.stringify({ ...report, seconds: Math.round((performance.now() - started) / 1_000) }, null, 2))
if (report.faults.length > 0) {
  const again = `--rounds ${rounds} --seed ${seed} --sessions ${sessions} --window-ms ${windowMs}`
  print(`the files are in ${dir}; again: node test/crash/main.ts ${again}`)
  process.exitCode = 1
} else rmSync(dir, { recursive: true })
