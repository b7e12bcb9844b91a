/**
 * Three processes on one PostgreSQL, steady input, and what happens to processes: one is killed, one suspended for
 * longer than its lease and resumed, one cut off from the database. Afterwards everything is checked from outside.
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createRuntime, type Runtime } from '../../src/index.ts'
import type { EventView } from '../../src/session/api.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import { checkHistory, eventsOf, type Tally } from '../crash/check-history.ts'
import { randomFrom, type Task } from '../crash/plan.ts'
import type { TcpProxy } from '../support/tcp-proxy.ts'
import { Member } from './members.ts'

export interface FleetOptions {
  readonly url: string
  readonly schema: string
  /** One way to the database a member. */
  readonly proxies: readonly TcpProxy[]
  readonly dir: string
  readonly seed: number
  readonly sessions: number
  readonly seconds: number
  readonly leaseMs: number
  readonly inputsPerSecond: number
  readonly log?: (line: string) => void
}

export interface FleetReport extends Tally {
  readonly acknowledged: number
  /** Commits that the fence refused. */
  readonly fenced: number
  /** The longest that a session with unfinished work stood still after a blow, by blow. */
  readonly takeoverMs: Readonly<Record<string, number>>
  readonly faults: readonly string[]
}

interface Blow {
  readonly name: string
  readonly at: number
}

/** A member that does not answer within this many leases is asked no more. */
const LEASES_TO_WAIT = 4
/** How long everything may take to come to its end once it is calm. */
const CALM_MS = 60_000

export async function runFleet(options: FleetOptions): Promise<FleetReport> {
  const fleet = new Fleet(options)
  try {
    await fleet.start()
    const blows = fleet.blows()
    await fleet.feed()
    return await fleet.judge(await blows)
  } finally {
    await fleet.end()
  }
}

class Fleet {
  readonly #options: FleetOptions
  readonly #random: () => number
  readonly #effects: string
  readonly #members: readonly Member[]
  readonly #sessions: readonly string[]
  readonly #accepted = new Map<string, string>()
  readonly #faults: string[] = []
  readonly #log: (line: string) => void
  #fenced = 0

  constructor(options: FleetOptions) {
    const { dir, schema, leaseMs, proxies, sessions, seed, log = () => {} } = options
    this.#options = options
    this.#log = log
    this.#random = randomFrom(seed)
    this.#effects = join(dir, 'effects')
    appendFileSync(this.#effects, '')
    this.#members = proxies.map(({ url }) => new Member({ url, schema, leaseMs, effects: this.#effects }))
    this.#sessions = Array.from({ length: sessions }, (_, index) => `s${index + 1}`)
  }

  async start(): Promise<void> {
    await Promise.all(this.#members.map(member => member.start()))
    await Promise.all(this.#sessions.map(session => this.#member().ask({ type: 'open', session })))
  }

  /** A steady stream of inputs to any session through any member. Answers when each was acknowledged. */
  async feed(): Promise<void> {
    const { seconds, inputsPerSecond } = this.#options
    const pending: Promise<void>[] = []
    const count = seconds * inputsPerSecond
    const started = performance.now()
    for (let n = 0; n < count; n++) {
      const session = this.#sessions[Math.floor(this.#random() * this.#sessions.length)] ?? ''
      pending.push(this.#deliver(session, `${session}-${n}`))
      const due = started + ((n + 1) / count) * seconds * 1_000
      if (due > performance.now()) await pause(due - performance.now())
    }
    await Promise.all(pending)
    this.#log(`${count} inputs were acknowledged`)
  }

  /** Kills, suspends and cuts off, one member each, spread over the time. */
  async blows(): Promise<readonly Blow[]> {
    const { seconds, leaseMs, proxies } = this.#options
    const [killed, suspended, cutOff] = this.#members
    const blows: Blow[] = []
    const strike = (name: string): void => {
      this.#log(name)
      blows.push({ name, at: Date.now() })
    }
    await pause(seconds * 150)
    strike('killed')
    killed?.signal('SIGKILL')
    await pause(leaseMs * 2)
    await killed?.start()
    await pause(Math.max(0, seconds * 250 - leaseMs * 2))
    strike('suspended')
    suspended?.signal('SIGSTOP')
    await pause(leaseMs * 2.5)
    suspended?.signal('SIGCONT')
    await pause(Math.max(0, seconds * 250 - leaseMs * 2.5))
    strike('cut off')
    if (cutOff !== undefined) cutOff.reachable = false
    proxies[2]?.cut()
    await pause(leaseMs * 2.5)
    proxies[2]?.restore()
    if (cutOff !== undefined) cutOff.reachable = true
    return blows
  }

  async judge(blows: readonly Blow[]): Promise<FleetReport> {
    const { url, schema, leaseMs } = this.#options
    const source = postgres(url, { schema, leaseMs })
    await using reader = await createRuntime({ store: source })
    await this.#calm(reader)
    for (const member of this.#members) this.#fenced += (await member.report()).fenced
    const found = await checkHistory({
      store: source,
      effects: this.#effects,
      sessions: this.#sessions,
      accepted: this.#accepted,
    })
    const takeoverMs = await this.#takeovers(reader, blows)
    const faults = [...this.#faults, ...found.faults]
    return { ...found.tally, acknowledged: this.#accepted.size, fenced: this.#fenced, takeoverMs, faults }
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map(member => member.end()))
  }

  #member(): Member {
    const reachable = this.#members.filter(member => member.reachable)
    const member = reachable[Math.floor(this.#random() * reachable.length)]
    if (member === undefined) throw new Error('no member is reachable')
    return member
  }

  /** Sends until it is acknowledged: to another member, with the same key, when one does not answer. */
  async #deliver(session: string, key: string): Promise<void> {
    const { leaseMs } = this.#options
    const content = JSON.stringify(this.#task(key))
    const patience = LEASES_TO_WAIT * leaseMs
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
    this.#faults.push(`input ${key} was never acknowledged`)
  }

  #hear(key: string, inputId: string): void {
    const before = this.#accepted.get(key)
    if (before !== undefined && before !== inputId) this.#faults.push(`${key} is ${before} and ${inputId}`)
    this.#accepted.set(key, inputId)
  }

  #task(name: string): Task {
    const roll = this.#random()
    return { name, tools: roll < 0.5 ? [] : roll < 0.8 ? ['retry'] : ['fail'], failures: 0 }
  }

  /** Waits until nothing is owed. */
  async #calm(reader: Runtime): Promise<void> {
    const until = performance.now() + CALM_MS
    for (;;) {
      const owing: string[] = []
      for (const session of this.#sessions) if ((await reader.get(session)).unfinished > 0) owing.push(session)
      if (owing.length === 0) return
      if (performance.now() > until) {
        this.#faults.push(`${owing.length} sessions still owe work: ${owing.slice(0, 5).join(', ')}`)
        return
      }
      await pause(100)
    }
  }

  /** For each blow: of the sessions that owed work then, how long it took the last one to go on. */
  async #takeovers(reader: Runtime, blows: readonly Blow[]): Promise<Record<string, number>> {
    const longest: Record<string, number> = Object.fromEntries(blows.map(({ name }) => [name, 0]))
    for (const session of this.#sessions) {
      const events = await eventsOf(reader, session)
      for (const { name, at } of blows) {
        const ms = stoodStill(events, at)
        if (ms > 2 * this.#options.leaseMs)
          this.#faults.push(`after a member was ${name}, ${session} ${around(events, at)}`)
        longest[name] = Math.max(longest[name] ?? 0, ms)
      }
    }
    return longest
  }
}

const PROGRESS = /^(run|tool|input\.(consumed|abandoned|staged))/

/** What a session did before and after it stood still. */
function around(events: readonly EventView[], at: number): string {
  const index = events.findIndex(event => Date.parse(event.at) > at)
  const shown = events.slice(Math.max(0, index - 4), index + 6)
  const line = (event: EventView): string => `${event.type} ${Date.parse(event.at) - at} ms ${event.inputId ?? ''}`
  return `stood still: ${shown.map(line).join(', ')}`
}

/** How long after `at` the session went on; 0 if it owed nothing then. */
function stoodStill(events: readonly EventView[], at: number): number {
  const before = events.filter(event => Date.parse(event.at) <= at)
  const accepted = before.filter(({ type }) => type === 'input.accepted').length
  const ended = before.filter(({ type }) => /^input\.(consumed|abandoned|superseded|coalesced|withdrawn)$/.test(type))
  if (accepted <= ended.length) return 0
  const next = events.find(event => Date.parse(event.at) > at && PROGRESS.test(event.type))
  return next === undefined ? 0 : Date.parse(next.at) - at
}
