/**
 * Peers beside us, each on its own fresh server or file, one JSON line a figure.
 *
 * `node bench/peers/run.mjs [--only bullmq,dbos] [--seconds 3] [--runs 3]` measures turns;
 * `node bench/peers/run.mjs --crash [--rounds 20]` kills a process in mid-run again and again and counts what was lost
 * and what was done twice.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ADAPTERS } from './adapters.mjs'
import { postgresServer, redisServer } from './servers.mjs'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(ADAPTERS).join(',') },
    seconds: { type: 'string', default: '3' },
    runs: { type: 'string', default: '3' },
    crash: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
  },
})
const here = name => fileURLToPath(new URL(name, import.meta.url))
const print = figure => process.stdout.write(`${JSON.stringify(figure)}\n`)
const round = value => Math.round(value * 100) / 100
const median = numbers => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

/** What a peer needs, and the way to end it. */
async function contextOf(peer) {
  const dir = mkdtempSync(join(tmpdir(), 'meerkat-peer-'))
  const redis = peer === 'bullmq' ? await redisServer() : undefined
  const postgres = peer === 'dbos' || peer === 'meerkat-postgres' ? await postgresServer() : undefined
  const context = { dir, redis: redis?.port, postgres: postgres?.url('postgres') }
  return {
    context,
    async stop() {
      await redis?.stop()
      await postgres?.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function speedOf(peer, sessions, context) {
  const args = [here('./speed.mjs'), peer, String(sessions), values.seconds, JSON.stringify(context)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', chunk => (text += chunk))
  await once(child, 'close')
  const line = text
    .trim()
    .split('\n')
    .findLast(one => one.startsWith('{'))
  if (line === undefined) throw new Error(`${peer} gave no figure`)
  return JSON.parse(line)
}

async function measure(peer) {
  for (const sessions of [1, 200]) {
    const all = []
    for (let run = 0; run < Number(values.runs); run++) {
      const { context, stop } = await contextOf(peer)
      all.push(await speedOf(peer, sessions, context).finally(stop))
    }
    const figure = (name, unit, pick) => {
      const numbers = all.map(pick)
      print({
        bench: `peers.${peer}.${sessions}.${name}`,
        value: round(median(numbers)),
        unit,
        spread: numbers.map(round),
      })
    }
    figure('turns', 'turns/s', one => one.perSecond)
    figure('turn.p50', 'ms', one => one.turn.p50)
    figure('turn.p99', 'ms', one => one.turn.p99)
    figure('accept.p50', 'ms', one => one.accept.p50)
    figure('accept.p99', 'ms', one => one.accept.p99)
  }
}

const SESSIONS = 8
const TURNS_A_ROUND = 40

/** Numbers from a seed, the same ones every time. */
function randomFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

async function crash(peer) {
  const { context, stop } = await contextOf(peer)
  const effects = join(context.dir, 'effects')
  const random = randomFrom(Number(values.seed))
  const state = { asked: new Set(), accepted: new Set(), answered: new Map(), failed: new Set() }
  let next = 0
  const rounds = Number(values.rounds)
  for (let n = 1; n <= rounds + 1; n++) {
    const open = [...state.asked].filter(id => !state.answered.has(id) && !state.failed.has(id))
    const fresh = {}
    for (let s = 0; s < SESSIONS; s++) {
      const count = n > rounds ? 0 : TURNS_A_ROUND
      fresh[`s${s}`] = Array.from({ length: count }, () => `s${s}/${next++}`)
    }
    const plan = {
      peer,
      context,
      effects,
      accepted: open.filter(id => state.accepted.has(id)),
      unknown: open.filter(id => !state.accepted.has(id)),
      fresh,
    }
    await work(plan, n > rounds ? 120_000 : 30 + random() * 400, state)
  }
  const counts = new Map()
  if (existsSync(effects)) {
    for (const id of readFileSync(effects, 'utf8').split('\n').filter(Boolean))
      counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  await stop()
  const told = [...state.accepted]
  const acknowledged = told.length > 0 ? told : [...state.answered.keys()]
  print({
    bench: `peers.${peer}.crash`,
    kills: rounds,
    asked: state.asked.size,
    acknowledged: acknowledged.length,
    lost: acknowledged.filter(id => !state.answered.has(id)).length,
    answeredTwice: [...state.answered.values()].filter(times => times > 1).length,
    effectsDoubled: [...counts.values()].filter(times => times > 1).length,
  })
}

async function work(plan, killAfterMs, state) {
  const child = spawn(process.execPath, [here('./crash-worker.mjs'), JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let timer
  createInterface({ input: child.stdout }).on('line', line => {
    const [what, id] = line.split(' ')
    if (what === 'ready') timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    else if (what === 'answered') state.answered.set(id, (state.answered.get(id) ?? 0) + 1)
    else if (id !== undefined && state[what] instanceof Set) state[what].add(id)
  })
  await once(child, 'close')
  clearTimeout(timer)
}

for (const peer of values.only.split(',')) await (values.crash ? crash(peer) : measure(peer))
process.exit(0)
