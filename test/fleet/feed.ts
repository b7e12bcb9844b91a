/** A steady stream of inputs to the sessions of a fleet, through any member, and what was acknowledged. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Runtime } from '../../src/index.ts'
import { randomFrom, type Task } from '../crash/plan.ts'
import type { Member } from './members.ts'

export interface FeedOptions {
  readonly members: readonly Member[]
  readonly sessions: readonly string[]
  readonly seed: number
  readonly leaseMs: number
}

/** A member that does not answer within this many leases is asked no more. */
const LEASES_TO_WAIT = 4
/** How long everything may take to come to its end once it is calm. */
const CALM_MS = 60_000

export class Feed {
  /** Inputs by key, as they were acknowledged. */
  readonly accepted = new Map<string, string>()
  readonly faults: string[] = []
  readonly #options: FeedOptions
  readonly #random: () => number
  #sent = 0

  constructor(options: FeedOptions) {
    this.#options = options
    this.#random = randomFrom(options.seed)
  }

  async open(): Promise<void> {
    await Promise.all(this.#options.sessions.map(session => this.#member().ask({ type: 'open', session })))
  }

  /** Inputs to any session through any member. Answers when each was acknowledged. */
  async run(seconds: number, inputsPerSecond: number): Promise<void> {
    const { sessions } = this.#options
    const pending: Promise<void>[] = []
    const count = seconds * inputsPerSecond
    const started = performance.now()
    for (let n = 0; n < count; n++) {
      const session = sessions[Math.floor(this.#random() * sessions.length)] ?? ''
      pending.push(this.#deliver(session, `${session}-${this.#sent++}`))
      const due = started + ((n + 1) / count) * seconds * 1_000
      if (due > performance.now()) await pause(due - performance.now())
    }
    await Promise.all(pending)
  }

  /** Waits until nothing is owed. */
  async calm(reader: Runtime): Promise<void> {
    const until = performance.now() + CALM_MS
    for (;;) {
      const owing: string[] = []
      for (const session of this.#options.sessions) if ((await reader.get(session)).unfinished > 0) owing.push(session)
      if (owing.length === 0) return
      if (performance.now() > until) {
        this.faults.push(`${owing.length} sessions still owe work: ${owing.slice(0, 5).join(', ')}`)
        return
      }
      await pause(100)
    }
  }

  #member(): Member {
    const reachable = this.#options.members.filter(member => member.reachable)
    const member = reachable[Math.floor(this.#random() * reachable.length)]
    if (member === undefined) throw new Error('no member is reachable')
    return member
  }

  /** Sends until it is acknowledged: to another member, with the same key, when one does not answer. */
  async #deliver(session: string, key: string): Promise<void> {
    const content = JSON.stringify(this.#task(key))
    const patience = LEASES_TO_WAIT * this.#options.leaseMs
    for (let tries = 1; tries <= 20; tries++) {
      try {
        const answer = this.#member().ask({ type: 'send', session, key, content })
        // An answer that comes later all the same must be the same one.
        answer.then(inputId => this.#hear(key, String(inputId))).catch(() => {})
        const inputId = await Promise.race([answer, pause(patience)])
        if (typeof inputId === 'string') return
      } catch {
        // Dead, cut off, or it refused: another one is asked.
        await pause(50)
      }
    }
    this.faults.push(`input ${key} was never acknowledged`)
  }

  #hear(key: string, inputId: string): void {
    const before = this.accepted.get(key)
    if (before !== undefined && before !== inputId) this.faults.push(`${key} is ${before} and ${inputId}`)
    this.accepted.set(key, inputId)
  }

  #task(name: string): Task {
    const roll = this.#random()
    return { name, tools: roll < 0.5 ? [] : roll < 0.8 ? ['retry'] : ['fail'], failures: 0 }
  }
}
