/**
 * Three processes on one PostgreSQL, steady input, and what happens to processes: one is killed, one suspended for
 * longer than its lease and resumed, one cut off from the database. Afterwards everything is checked from outside.
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { EventView } from '../../src/events.ts'
import { createRuntime, type Runtime } from '../../src/index.ts'
import { postgres } from '../../src/store/postgres/index.ts'
import { checkHistory, eventsOf, type Tally } from '../crash/check-history.ts'
import type { TcpProxy } from '../support/tcp-proxy.ts'
import { Feed } from './feed.ts'
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
  readonly #feed: Feed
  readonly #effects: string
  readonly #members: readonly Member[]
  readonly #sessions: readonly string[]
  readonly #faults: string[] = []
  readonly #log: (line: string) => void
  #fenced = 0

  constructor(options: FleetOptions) {
    const { dir, schema, leaseMs, proxies, sessions, seed, log = () => {} } = options
    this.#options = options
    this.#log = log
    this.#effects = join(dir, 'effects')
    appendFileSync(this.#effects, '')
    this.#members = proxies.map(({ url }) => new Member({ url, schema, leaseMs, effects: this.#effects }))
    this.#sessions = Array.from({ length: sessions }, (_, index) => `s${index + 1}`)
    this.#feed = new Feed({ members: this.#members, sessions: this.#sessions, seed, leaseMs })
  }

  async start(): Promise<void> {
    await Promise.all(this.#members.map(member => member.start()))
    await this.#feed.open()
  }

  async feed(): Promise<void> {
    const { seconds, inputsPerSecond } = this.#options
    await this.#feed.run(seconds, inputsPerSecond)
    this.#log(`${seconds * inputsPerSecond} inputs were acknowledged`)
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
    await this.#feed.calm(reader)
    for (const member of this.#members) this.#fenced += (await member.report()).fenced
    const found = await checkHistory({
      store: source,
      effects: this.#effects,
      sessions: this.#sessions,
      accepted: this.#feed.accepted,
    })
    const takeoverMs = await this.#takeovers(reader, blows)
    const faults = [...this.#feed.faults, ...this.#faults, ...found.faults]
    return { ...found.tally, acknowledged: this.#feed.accepted.size, fenced: this.#fenced, takeoverMs, faults }
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map(member => member.end()))
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
