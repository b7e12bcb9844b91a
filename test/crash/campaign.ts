/** Rounds of: start a worker, kill it at a random moment, let the next one recover. Every few rounds all is checked. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { checkHistory, type Tally } from './check-history.ts'
import { type Line, randomFrom, type Sending, type WorkerPlan } from './plan.ts'

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url))
/** Kills of one database before everything is brought to its end and checked. */
const KILLS_A_CHECK = 10
/** A finishing round that takes longer hangs. */
const FINISH_MS = 60_000

export interface CampaignOptions {
  readonly rounds: number
  readonly seed: number
  readonly sessions?: number
  /** The latest moment of a kill, after the worker's start. Default 120. */
  readonly windowMs?: number
  /** A folder for its files. */
  readonly dir: string
  readonly log?: (line: string) => void
}

export interface CampaignReport extends Tally {
  readonly rounds: number
  readonly kills: number
  readonly resolved: number
  /** What was not as it has to be; empty when all is well. */
  readonly faults: readonly string[]
}

/** What the parent knows of one database. */
class Known {
  readonly sent = new Map<string, Sending>()
  readonly accepted = new Map<string, string>()
  readonly answered = new Map<string, string>()
  readonly faults: string[] = []
  resolved = 0

  hear(line: Line): void {
    switch (line.type) {
      case 'sending': {
        const { type: _, ...sending } = line
        this.sent.set(line.key, sending)
        break
      }
      case 'accepted': {
        const before = this.accepted.get(line.key)
        if (before !== undefined && before !== line.inputId)
          this.faults.push(`key ${line.key} was bound to ${before} and to ${line.inputId}`)
        this.accepted.set(line.key, line.inputId)
        break
      }
      case 'resolved':
        this.resolved++
        break
      case 'answered':
        this.answered.set(line.session, line.text)
        break
      case 'wrong':
        this.faults.push(line.what)
        break
      default:
    }
  }

  get unanswered(): readonly Sending[] {
    return [...this.sent.values()].filter(({ key }) => !this.accepted.has(key))
  }

  get known(): readonly (Sending & { readonly inputId: string })[] {
    return [...this.accepted].flatMap(([key, inputId]) => {
      const sending = this.sent.get(key)
      return sending === undefined ? [] : [{ ...sending, inputId }]
    })
  }
}

/** Runs a campaign. It tells what went wrong; it does not throw for it. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { rounds, seed, sessions = 6, windowMs = 120, dir, log = () => {} } = options
  const random = randomFrom(seed)
  const faults: string[] = []
  const tally = { inputs: 0, runs: 0, unknown: 0, effects: 0, repeated: 0, ended: {} as Record<string, number> }
  let [kills, resolved] = [0, 0]
  for (let done = 0; done < rounds; done += KILLS_A_CHECK) {
    const count = Math.min(KILLS_A_CHECK, rounds - done)
    const folder = join(dir, `rounds-${done + 1}-${done + count}`)
    mkdirSync(folder, { recursive: true })
    const epoch = new Epoch(folder, { seed, sessions, windowMs }, random)
    for (let round = 1; round <= count; round++) kills += await epoch.killed(done + round)
    await epoch.finished(done + count)
    const found = await epoch.check()
    resolved += epoch.known.resolved
    add(tally, found.tally)
    faults.push(...found.faults.map(fault => `${folder}: ${fault}`))
    log(`rounds ${done + 1}-${done + count}: ${found.tally.inputs} inputs, ${found.faults.length} faults`)
    if (faults.length > 0) break
  }
  return { rounds, kills, resolved, ...tally, faults }
}

function add(into: Tally & { ended: Record<string, number> }, more: Tally): void {
  for (const key of ['inputs', 'runs', 'unknown', 'effects', 'repeated'] as const) into[key] += more[key]
  for (const [status, count] of Object.entries(more.ended)) into.ended[status] = (into.ended[status] ?? 0) + count
}

/** The rounds on one database. */
class Epoch {
  readonly known = new Known()
  readonly #base: Pick<WorkerPlan, 'db' | 'effects' | 'sessions' | 'seed'>
  readonly #random: () => number
  readonly #windowMs: number

  constructor(
    folder: string,
    { seed, sessions, windowMs }: Required<Pick<CampaignOptions, 'seed' | 'sessions' | 'windowMs'>>,
    random: () => number,
  ) {
    const effects = join(folder, 'effects')
    appendFileSync(effects, '')
    const names = Array.from({ length: sessions }, (_, index) => `s${index + 1}`)
    this.#base = { db: join(folder, 'sessions.db'), effects, sessions: names, seed }
    this.#random = random
    this.#windowMs = windowMs
  }

  /** Starts a worker and kills it; answers 1 if it lived until then. */
  async killed(round: number): Promise<number> {
    const delayMs = 5 + this.#random() * (this.#windowMs - 5)
    const { signal, code, stderr } = await this.#work(round, { killAfterMs: delayMs })
    if (signal === 'SIGKILL') return 1
    this.known.faults.push(`the worker of round ${round} ended by itself (${code}): ${stderr}`)
    return 0
  }

  async finished(round: number): Promise<void> {
    const { code, signal, stderr } = await this.#work(round, { finish: true })
    if (code !== 0) this.known.faults.push(`the finishing round ended with ${code ?? signal}: ${stderr}`)
  }

  async check(): Promise<{ readonly tally: Tally; readonly faults: readonly string[] }> {
    const { db, effects, sessions } = this.#base
    const { accepted, answered } = this.known
    const found = await checkHistory({ store: sqlite(db), effects, sessions, accepted })
    const silent = sessions
      .filter(session => answered.get(session) !== `last-${session}`)
      .map(session => `session ${session} did not answer a new prompt (${answered.get(session)})`)
    return { tally: found.tally, faults: [...this.known.faults, ...found.faults, ...silent] }
  }

  async #work(round: number, how: { readonly killAfterMs?: number; readonly finish?: true }) {
    const { unanswered, known } = this.known
    const plan: WorkerPlan = { ...this.#base, round, unanswered, known, finish: how.finish === true }
    const child = spawn(process.execPath, [WORKER, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', chunk => {
      stderr += String(chunk)
    })
    const kill = (): void => void child.kill('SIGKILL')
    let timer = how.finish === true ? setTimeout(kill, FINISH_MS) : undefined
    createInterface({ input: child.stdout }).on('line', text => {
      const line = JSON.parse(text) as Line
      this.known.hear(line)
      if (line.type === 'ready' && how.killAfterMs !== undefined) timer = setTimeout(kill, how.killAfterMs)
    })
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    clearTimeout(timer)
    return { code, signal, stderr }
  }
}
