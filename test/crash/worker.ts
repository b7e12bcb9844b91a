/**
 * A process that owns sessions, sends inputs to them and answers them, until it is killed. What it prints it prints
 * synchronously, so that the parent knows everything that was acknowledged.
 */
import { readFileSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { createRuntime, type Runtime } from '../../src/index.ts'
import { sqlite } from '../../src/store/sqlite/index.ts'
import { crashExecutor } from './executor.ts'
import { type Line, randomFrom, type Sending, type Task, type WorkerPlan } from './plan.ts'

const say = (line: Line): void => void writeSync(1, `${JSON.stringify(line)}\n`)

const POLICIES = ['retry', 'ask', 'fail'] as const

class Worker {
  readonly #plan: WorkerPlan
  readonly #runtime: Runtime
  readonly #random: () => number

  constructor(plan: WorkerPlan, runtime: Runtime) {
    this.#plan = plan
    this.#runtime = runtime
    this.#random = randomFrom(plan.seed * 1_000 + plan.round)
  }

  async run(): Promise<void> {
    const { sessions, finish } = this.#plan
    await Promise.all(sessions.map(sessionId => this.#runtime.open({ sessionId })))
    await Promise.all([this.#again(), this.#resolveAll()])
    if (finish) return this.#finish()
    await Promise.all(sessions.map(session => this.#talk(session)))
  }

  /** What was not answered is sent again, and some of what was. */
  async #again(): Promise<void> {
    const { known, unanswered } = this.#plan
    await Promise.all(unanswered.map(sending => this.#send(sending)))
    for (const { inputId, ...sending } of known.filter(() => this.#random() < 0.2)) {
      const answer = await this.#send(sending)
      if (answer === inputId) continue
      say({ type: 'wrong', what: `key ${sending.key} was answered with ${inputId}, then with ${answer}` })
    }
  }

  async #send({ session, key, content, mode }: Sending): Promise<string> {
    say({ type: 'sending', session, key, content, mode })
    const { inputId } = await this.#runtime.send(session, {
      content,
      mode,
      idempotencyKey: key,
      ...(mode === 'supersede' && { supersessionKey: 'latest' }),
    })
    say({ type: 'accepted', key, inputId })
    return inputId
  }

  async #talk(session: string): Promise<void> {
    for (let n = 0; ; n++) {
      const roll = this.#random()
      const mode = roll < 0.7 ? 'queue' : roll < 0.9 ? 'steer' : 'supersede'
      const name = `${session}-${this.#plan.round}-${n}`
      await this.#send({ session, key: name, content: JSON.stringify(this.#task(name)), mode })
      if (this.#random() < 0.05)
        await this.#runtime.cancel(session, { when: this.#random() < 0.5 ? 'now' : 'boundary' })
      if (this.#random() < 0.3) await this.#resolve(session, 0.6)
      // Not so fast that the backlog outgrows what the finishing round can work off.
      for (let wait = this.#random() * 40; wait > 0; wait--) await setImmediate()
      while ((await this.#runtime.get(session)).unfinished > 6) await this.#settled(session)
    }
  }

  #task(name: string): Task {
    const tools = Array.from({ length: Math.floor(this.#random() * 4) }, () => this.#policy())
    const roll = this.#random()
    return { name, tools, failures: roll < 0.85 ? 0 : roll < 0.95 ? 1 : 3 }
  }

  #policy(): Task['tools'][number] {
    return POLICIES[Math.floor(this.#random() * POLICIES.length)] ?? 'retry'
  }

  /** Waits until something of the session ended, or settles what it waits for. */
  async #settled(session: string): Promise<void> {
    await this.#resolve(session, 1)
    const { items } = await this.#runtime.inputs(session, { limit: 500 })
    const open = items.find(({ status }) => status === 'queued' || status === 'staged' || status === 'applied')
    if (open !== undefined) await this.#runtime.wait(session, open.id, 20)
  }

  async #resolveAll(): Promise<void> {
    for (const session of this.#plan.sessions) await this.#resolve(session, 0.6)
  }

  /** Settles lost calls as an operator would: by what the world shows of them. */
  async #resolve(session: string, share: number): Promise<void> {
    for (const call of await this.#runtime.calls(session, { state: 'unknown' })) {
      if (this.#random() > share) continue
      const resolution = effectsOf(this.#plan.effects).has(call.id) ? 'succeeded' : 'retry'
      try {
        await this.#runtime.resolveCall(session, call.id, { resolution })
        say({ type: 'resolved', callId: call.id, resolution })
      } catch (error) {
        // Another turn of this loop settled it, or its work was cancelled.
        if (!isOver(error)) throw error
      }
    }
  }

  async #finish(): Promise<void> {
    const { sessions } = this.#plan
    await Promise.all(
      sessions.map(async session => {
        while ((await this.#runtime.get(session)).unfinished > 0) await this.#settled(session)
        const content = JSON.stringify({ name: `last-${session}`, tools: ['retry'], failures: 0 } satisfies Task)
        const { inputId } = await this.#runtime.send(session, { content })
        const { result } = await this.#runtime.wait(session, inputId, 20_000)
        say({ type: 'answered', session, text: result?.text ?? '' })
      }),
    )
    say({ type: 'done' })
  }
}

function isOver(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'not-found' || code === 'rejected' || code === 'not-ready'
}

function effectsOf(path: string): ReadonlySet<string> {
  return new Set(
    readFileSync(path, 'utf8')
      .split('\n')
      .map(line => line.split(' ')[0] ?? ''),
  )
}

async function main(plan: WorkerPlan): Promise<void> {
  say({ type: 'ready' })
  const executor = crashExecutor(plan.effects, plan.round)
  const runtime = await createRuntime({ store: sqlite(plan.db), executor })
  await new Worker(plan, runtime).run()
  await runtime.close()
}

await main(JSON.parse(process.argv[2] ?? '') as WorkerPlan)
