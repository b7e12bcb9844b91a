/**
 * One simulation: processes on one store, their clients, and faults, step by step as the seed decides; then a calm phase in
 * which all work has to end, and the check of the history.
 */
import type { Store, StoreSource } from '../../store/store.ts'
import { checkHistory } from './check-history.ts'
import { Client, Known } from './clients.ts'
import { collect } from './collect.ts'
import type { Violation } from './history.ts'
import type { SimulationOptions } from './options.ts'
import { LEASE_MS, SimulatedHost } from './process.ts'
import type { World } from './world.ts'

/** Without faults, a session that can run has to start within this time: a lease, a sweep, and a margin. */
const START_WITHIN_MS = 3 * LEASE_MS
/** All work has to end within this time without faults. */
const CALM_MS = 2 * 60 * 60_000
const SAMPLE_MS = 5_000
/** How often the calm phase asks for a tool that was not called. */
const MOST_ASKED = 3

export class Simulation {
  readonly world: World
  readonly #options: SimulationOptions
  readonly #known = new Known()
  readonly #source: StoreSource
  readonly #hosts: SimulatedHost[] = []
  readonly #clients: readonly Client[]
  readonly #sessions: readonly string[]
  /** How often the calm phase asked for each of the caller's tools. */
  readonly #asked = new Map<string, number>()
  /** The present process of each place, running or starting. */
  #current: SimulatedHost[] = []

  constructor(options: SimulationOptions, world: World, source: StoreSource) {
    const { owners = 2, sessions = 3, clients = 4 } = options
    this.world = world
    this.#options = options
    this.#source = source
    // The last session merges waiting prompts.
    this.#sessions = Array.from({ length: sessions }, (_, n) => (n > 0 && n === sessions - 1 ? `s${n}m` : `s${n}`))
    this.#clients = Array.from({ length: clients }, (_, n) => new Client(`c${n}`, this.world, this.#known, options))
    for (let place = 0; place < owners; place++) this.#start(place)
  }

  async run(): Promise<readonly Violation[]> {
    const { steps = 150 } = this.#options
    for (let step = 0; step < steps; step++) {
      this.#step()
      await this.world.settle()
    }
    await this.#calm()
    await this.#closeAll()
    return this.#judge()
  }

  #start(place: number): void {
    const host = new SimulatedHost(this.world, this.#source, `p${place}.${this.#hosts.length}`, this.#options)
    this.#hosts.push(host)
    this.#current[place] = host
  }

  #step(): void {
    const { random, faults } = this.world
    for (const [place, host] of this.#current.entries()) this.#strike(place, host)
    if (faults.power > 0 && random.chance(faults.power)) this.#powerOff()
    const held = this.#hosts.flatMap(host => host.held)
    const act = random.weighted({ client: 45, time: 30, release: held.length === 0 ? 0 : 15, leap: 2 })
    if (act === 'client') this.#ask()
    else if (act === 'time') this.#nextTimer()
    else if (act === 'leap') this.#pass(random.int(2 * LEASE_MS))
    else {
      const one = random.pick(held)
      if (one !== undefined) this.world.note(`${one.what} is released`)
      one?.release()
    }
    // Only the simulation moves the clock, so this step also happens with few faults and many clients.
    if (faults.slow > 0 && random.chance(0.02)) for (const { release } of held) release()
  }

  /** Lets faults of processes happen. */
  #strike(place: number, host: SimulatedHost): void {
    const { random, faults } = this.world
    if (host.phase === 'down') {
      if (random.chance(0.2)) this.#start(place)
      return
    }
    if (host.paused && random.chance(0.1)) host.goOn()
    if (host.phase !== 'up') return
    const roll = random.next()
    const { kill, pause, jump, close } = faults
    if (roll < kill) host.crash('kill')
    else if (roll < kill + pause) host.pause()
    else if (roll < kill + pause + jump) host.jump(random.pick([-3_600_000, -50, 50, 9_000, 3_600_000]) ?? 0)
    else if (roll < kill + pause + jump + close) host.close(random.chance(0.5) ? 'close' : 'drain')
  }

  /** Ends all processes at once, with their calls under way: one cut through the end of the log. */
  #powerOff(): void {
    const ending = this.#current.filter(({ phase }) => phase !== 'down')
    const names = ending.map(({ name }) => name)
    const { kept, lost } = this.world.tail.tear(names, this.world.random)
    this.world.note(`the power fails: ${names.join(' ')}`)
    if (kept + lost > 0) this.world.tore('the machine', kept, lost)
    for (const host of ending) host.crash('power', kept)
    for (const host of this.#hosts) host.loseHeld()
  }

  #ask(): void {
    const { random } = this.world
    const client = random.pick(this.#clients.filter(({ doing }) => doing === undefined))
    const host = random.pick(this.#up)
    if (client === undefined || host === undefined) return this.#nextTimer()
    const unopened = this.#sessions.find(id => !this.#known.sessions.has(id))
    if (unopened !== undefined && random.chance(0.7)) client.open(host, unopened)
    else client.act(host)
  }

  get #up(): readonly SimulatedHost[] {
    return this.#current.filter(({ phase }) => phase === 'up')
  }

  #nextTimer(): void {
    this.#pass(this.world.clock.pending[0] ?? 100)
  }

  #pass(ms: number): void {
    this.world.note(`${ms} ms pass`)
    this.world.clock.advance(ms)
  }

  /** The phase without faults, in which all unfinished work has to end. */
  async #calm(): Promise<void> {
    const { world } = this
    world.note('calm')
    world.calm()
    const operator = new Client('operator', world, this.#known, this.#options, this.#options.tools !== undefined)
    const until = world.clock.now() + CALM_MS
    const unprobed = [...this.#sessions]
    let sampleAt = 0
    for (let turn = 0; world.clock.now() < until; turn++) {
      this.#mend()
      const host = this.#up[turn % Math.max(1, this.#up.length)]
      if (operator.doing === undefined && host !== undefined && (await this.#tend(operator, host, unprobed, turn)))
        return
      await this.world.settle()
      if (world.clock.now() >= sampleAt) {
        sampleAt = world.clock.now() + SAMPLE_MS
        await this.#sample()
      }
      if (operator.doing === undefined || turn % 2 === 1)
        this.#pass(Math.min(SAMPLE_MS, world.clock.pending[0] ?? 1_000))
      await this.world.settle()
    }
    this.#tellHangs()
  }

  /**
   * One of the caller's tools that was not called yet. The default model can be asked to call it, several times in case the
   * run is cancelled or its session stopped; a model of the caller's can't.
   */
  #nextUncalled(): string | undefined {
    if (this.#options.model !== undefined) return undefined
    const { tools, called } = this.world
    const next = [...tools.keys()].find(name => !called.has(name) && (this.#asked.get(name) ?? 0) < MOST_ASKED)
    if (next !== undefined) this.#asked.set(next, (this.#asked.get(next) ?? 0) + 1)
    return next
  }

  #tellHangs(): void {
    const { world } = this
    for (const { doing } of this.#clients)
      if (doing !== undefined) world.tell({ type: 'fault', what: `a request hangs: ${doing}` })
    for (const { phase, name } of this.#current)
      if (phase !== 'up') world.tell({ type: 'fault', what: `${name} hangs ${phase}` })
  }

  /** Takes the next step towards the end of all work; answers whether nothing is left to do. */
  async #tend(operator: Client, host: SimulatedHost, unprobed: string[], turn: number): Promise<boolean> {
    const over = await this.#isOver()
    const next = over ? unprobed.shift() : undefined
    const tool = over && next === undefined ? this.#nextUncalled() : undefined
    if (over && next === undefined && tool === undefined) return true
    if (tool === undefined) this.#attend(operator, host, next, turn)
    else operator.call(host, this.#sessions[0] ?? '', tool)
    return false
  }

  #attend(operator: Client, host: SimulatedHost, probe: string | undefined, turn: number): void {
    const session = this.#sessions[turn % this.#sessions.length]
    const unopened = this.#sessions.find(id => !this.#known.sessions.has(id))
    if (unopened !== undefined) operator.open(host, unopened)
    else if (probe !== undefined) operator.probe(host, probe)
    else if (session !== undefined) operator.attend(host, session)
  }

  #mend(): void {
    for (const host of this.#hosts) {
      host.goOn()
      for (const { release } of host.held) release()
    }
    for (const [place, { phase }] of this.#current.entries()) if (phase === 'down') this.#start(place)
  }

  /** Whether no work is unfinished and no client waits. */
  async #isOver(): Promise<boolean> {
    if (this.#clients.some(({ doing }) => doing !== undefined)) return false
    if (this.#sessions.some(id => !this.#known.sessions.has(id))) return false
    return this.#reading(async store =>
      (await store.sessions({ limit: 100 })).every(({ unfinished }) => unfinished === 0),
    )
  }

  /** Records which sessions could start a run now, and how many runs they have started. */
  async #sample(): Promise<void> {
    const host = this.#up[0]
    if (host === undefined) return
    for (const session of this.#known.sessions) {
      const { runnable } = await host.ask(runtime => runtime.explain(session))
      const runs = this.world.runs.get(session) ?? 0
      if (runnable) this.world.tell({ type: 'runnable', session, at: this.world.clock.now(), runs })
    }
  }

  async #reading<T>(read: (store: Store) => Promise<T>): Promise<T> {
    const store = await this.#source.open()
    try {
      return await read(store)
    } finally {
      await store.close()
    }
  }

  async #judge(): Promise<readonly Violation[]> {
    const known = this.#sessions.filter(id => this.#known.sessions.has(id))
    const { sessions, faults } = await collect(this.#source, this.world.clock, known)
    for (const what of faults) this.world.tell({ type: 'fault', what })
    for (const reading of this.#clients.flatMap(client => client.readings())) this.world.tell(reading)
    const { told, effects } = this.world
    return checkHistory({ told, sessions, effects, settled: true, startWithinMs: START_WITHIN_MS })
  }

  async #closeAll(): Promise<void> {
    const { world } = this
    for (const host of this.#current) host.close('close')
    for (let turn = 0; turn < 1_000 && this.#current.some(({ phase }) => phase === 'closing'); turn++) {
      await this.world.settle()
      this.#pass(world.clock.pending[0] ?? 100)
    }
    for (const { phase, name } of this.#current)
      if (phase === 'closing') world.tell({ type: 'fault', what: `${name} does not close` })
    for (const host of this.#hosts) await host.dispose()
  }
}
