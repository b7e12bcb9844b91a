/** Turns a second of one peer: `node speed.mjs PEER SESSIONS SECONDS CONTEXT`; prints one JSON line. */
import { ADAPTERS } from './adapters.mjs'

const [peer, sessions, seconds, context] = [
  process.argv[2],
  Number(process.argv[3]),
  Number(process.argv[4]),
  JSON.parse(process.argv[5]),
]
const MESSAGE = 'Checkout has failed for three customers since noon; the database looks slow. '.repeat(4).slice(0, 250)
const adapter = await ADAPTERS[peer](context)
const accepts = []
const turns = []
let count = 0

async function turn(session) {
  const id = `${session}-${process.pid}-${++count}`
  const from = performance.now()
  if (adapter.accept !== undefined) {
    await adapter.accept(session, id, MESSAGE)
    accepts.push(performance.now() - from)
  }
  await adapter.answer(session, id, MESSAGE)
  turns.push(performance.now() - from)
}

const names = Array.from({ length: sessions }, (_, index) => `s${index}-${process.pid}`)
await Promise.all(names.map(turn))
turns.length = accepts.length = 0
const start = performance.now()
await Promise.all(
  names.map(async name => {
    while (performance.now() - start < seconds * 1_000) await turn(name)
  }),
)
const elapsed = (performance.now() - start) / 1_000
const at = (values, share) => values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
const percentiles = values => ({ p50: at(values, 0.5), p99: at(values, 0.99) })
const figures = { perSecond: turns.length / elapsed, turn: percentiles(turns), accept: percentiles(accepts) }
process.stdout.write(`${JSON.stringify(figures)}\n`)
await Promise.race([adapter.stop(), new Promise(resolve => setTimeout(resolve, 2_000))])
process.exit(0)
