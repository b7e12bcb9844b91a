/** The fleet campaign from the command line: `node test/fleet/main.ts --sessions 500 --seconds 60`. */
import { parseArgs } from 'node:util'
import { fleetOnPostgres } from './fleet.ts'

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '60' },
    'lease-ms': { type: 'string', default: '3000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
  },
})
const [sessions, seconds, seed] = [Number(values.sessions), Number(values.seconds), Number(values.seed)]
const report = await fleetOnPostgres({
  sessions,
  seconds,
  seed,
  inputsPerSecond: Number(values.rate),
  leaseMs: Number(values['lease-ms']),
  log: line => process.stdout.write(`${line}\n`),
})
process.stdout.write(`${JSON.stringify({ seed, ...report, faults: report.faults.slice(0, 50) }, null, 2)}\n`)
process.exit(report.faults.length === 0 ? 0 : 1)
