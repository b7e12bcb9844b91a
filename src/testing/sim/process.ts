/**
 * A simulated process: one runtime, its store behind a gate, its clock, and the ways in which it ends.
 *
 * A crash cuts everything off at once. Its claims last until its lease has expired, as those of a real process would; a
 * pause has the same effect on a process that goes on afterwards.
 */
import { MeerkatError } from '../../errors.ts'
import type { CoreExecutor } from '../../executor/executor.ts'
import type { FaultPoint } from '../../faults.ts'
import { type Ids, uuidIds } from '../../ids.ts'
import { createRuntime } from '../../session/create-runtime.ts'
import type { Runtime } from '../../session/runtime.ts'
import type { Commit, Store, StoreSource } from '../../store/store.ts'
import { type Gate, GatedStore, type Verdict } from './gated-store.ts'
import { Life, never, ProcessClock } from './life.ts'
import type { SimulationOptions } from './options.ts'
import { simulatedAgent } from './scripted-agent.ts'
import type { World } from './world.ts'

/** How long an owner that falls silent keeps its sessions. */
export const LEASE_MS = 12_000
const WRITES = /^(?:create|claim|release|commit|keepStreamed|amend|remove|mail\.(?:post|answer|take|recall))$/

/** Thrown at clients whose process ended before it answered. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

interface Held {
  readonly what: string
  readonly release: () => void
}

export class SimulatedHost {
  readonly name: string
  readonly life = new Life()
  readonly clock: ProcessClock
  readonly #world: World
  readonly #source: StoreSource
  readonly #options: SimulationOptions
  #phase: 'starting' | 'up' | 'closing' | 'down' = 'starting'
  #store: GatedStore | undefined
  #runtime: Runtime | undefined
  /** The store as it was opened, for `kill`. */
  #opened: Store | undefined
  #killing: Promise<void> | undefined
  #killed = false
  #held: readonly Held[] = []
  /** The held entry on which the writes of a shared flush wait. */
  #flush: Held | undefined
  /** Calls that the store is working on. */
  #underWay = 0
  #paused = false
  #lapsed = false
  #crashed = false

  constructor(world: World, source: StoreSource, name: string, options: SimulationOptions) {
    this.#world = world
    this.#source = source
    this.#options = options
    this.name = name
    this.clock = new ProcessClock(world.clock, this.life)
    world.note(`${name} starts`)
    world.count('start')
    const random = world.random.fork()
    const process = { name, clock: this.clock, random, ids: uuidIds(this.clock, random.bytes) }
    // The caller's functions: an exception of theirs has to reach the caller, not count as a process that can't start.
    const executor = options.executor?.(process) ?? simulatedAgent(world, this.life, process, options)
    void this.#start(executor, process.ids)
  }

  get phase(): 'starting' | 'up' | 'closing' | 'down' {
    return this.#phase
  }

  /** Whether it ended by a crash. */
  get crashed(): boolean {
    return this.#crashed
  }

  get paused(): boolean {
    return this.#paused
  }

  /** The held calls, also of an ended process, because its last writes may still arrive. */
  get held(): readonly Held[] {
    return this.#paused ? [] : this.#held
  }

  /** Sends a request to its runtime; throws `ConnectionLost` if the process ends first. */
  async ask<T>(act: (runtime: Runtime) => Promise<T>): Promise<T> {
    const runtime = this.#runtime
    if (runtime === undefined || this.life.over) throw new ConnectionLost(`${this.name} is down`)
    const lost = Promise.withResolvers<never>()
    const off = this.life.onEnd(() => lost.reject(new ConnectionLost(`${this.name} ended`)))
    try {
      return await Promise.race([this.life.hears(act(runtime)), lost.promise])
    } finally {
      off()
    }
  }

  /** Ends the process at once. `kept`: how many of the writes that waited for a flush are carried out. */
  crash(why: string, kept?: number): void {
    if (this.life.over) return
    this.#world.note(`${this.name} crashes (${why})`)
    this.#world.count(`crash at ${why}`)
    this.#crashed = true
    this.#end()
    this.#killing = this.#world.busy(this.#kill(kept ?? this.#tear()))
    // Of the calls under way some arrive later, some never.
    this.#held = this.#held.filter(() => this.#world.random.chance(0.5))
    this.#world.clock.after(LEASE_MS, () => {
      this.#held = []
      this.#world.note(`the lease of ${this.name} passes`)
      void this.#world.busy(this.#leave())
    })
  }

  /** Its machine lost power: calls under way never arrive. */
  loseHeld(): void {
    this.#held = []
  }

  /** Closes in good order. */
  close(how: 'close' | 'drain'): void {
    const runtime = this.#runtime
    if (this.#phase !== 'up' || runtime === undefined) return
    this.#phase = 'closing'
    this.#world.note(`${this.name} ${how}s`)
    this.#world.count(how)
    const closing = how === 'close' ? runtime.close() : runtime.drain(3_000)
    void this.life.hears(
      closing.then(
        () => this.#closed('closed'),
        (error: unknown) => this.#closed(`closed with ${String(error)}`),
      ),
    )
  }

  /** Holds all its calls to the store until it goes on. */
  pause(): void {
    if (this.#phase !== 'up' || this.#paused) return
    this.#paused = true
    this.#world.note(`${this.name} is cut off from its store`)
    this.#world.count('pause')
    this.#world.clock.after(LEASE_MS, () => {
      if (!this.#paused || this.life.over) return
      this.#lapsed = true
      this.#world.note(`${this.name} was silent for its lease`)
      void this.#world.busy(this.#renew())
    })
  }

  goOn(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#world.note(`${this.name} goes on`)
    const lapsed = this.#lapsed
    this.#lapsed = false
    for (const { release } of this.#held) release()
    if (lapsed) this.#store?.lapse()
  }

  jump(ms: number): void {
    this.clock.skewMs += ms
    this.#world.note(`${this.name}'s clock jumps by ${ms} ms`)
    this.#world.count('jump')
  }

  /** Closes its store at the end of the simulation. */
  async dispose(): Promise<void> {
    this.life.end()
    await this.#leave()
  }

  async #start(executor: CoreExecutor, ids: Ids): Promise<void> {
    const { clock, name } = this
    try {
      const inner = await this.#world.busy(this.#source.open())
      this.#opened = inner
      this.#store = new GatedStore(this.#options.sabotage?.(inner) ?? inner, this.#gate())
      const { store } = this.#store
      const source: StoreSource = { name: store.name, open: () => Promise.resolve(store) }
      const runtime = await this.life.hears(
        createRuntime({
          store: source,
          executor,
          clock,
          ids,
          faults: point => this.#reach(point),
          maxRunMs: 300_000,
          keepIdle: 1,
          idleMs: 5_000,
        }),
      )
      // It may have ended at the moment when it became ready.
      if (this.life.over) return
      this.#runtime = runtime
      this.#phase = 'up'
      this.#world.note(`${name} is up`)
    } catch (error) {
      // A process that can't start exits, and is started again.
      this.#world.note(`${name} can't start: ${String(error)}`)
      this.#end()
      await this.#store?.close()
    }
  }

  #end(): void {
    this.#phase = 'down'
    this.#runtime = undefined
    this.#paused = false
    this.life.end()
  }

  #closed(how: string): void {
    this.#world.note(`${this.name} ${how}`)
    this.#end()
  }

  /** Goes on with a new handle, which has no claims. */
  async #renew(): Promise<void> {
    const next = await this.#source.open()
    this.#opened = next
    await this.#store?.exchange(next)
  }

  #gate(): Gate {
    return {
      life: this.life,
      leaseMs: LEASE_MS,
      judge: (operation, args) => this.#judge(operation, subjectOf(args[0])),
      hold: what => this.#hold(what),
      turn: operation => this.#turn(operation),
      crash: () => this.crash('write'),
      hears: () => !this.#paused && !this.#world.random.chance(this.#world.faults.deaf),
      begun: () => {
        this.#world.inFlight++
        this.#underWay++
      },
      passed: (operation, args, outcome) => this.#passed(operation, args, outcome),
    }
  }

  #judge(operation: string, subject: string): Verdict {
    const verdict = this.#paused ? 'hold' : this.#fate(operation)
    this.#world.note(`${this.name} ${operation}${subject}${verdict === 'pass' ? '' : `: ${verdict}`}`)
    if (verdict !== 'pass') this.#world.count(verdict)
    return verdict
  }

  #fate(operation: string): Verdict {
    if (operation === 'close') return 'pass'
    if (this.#world.cut(`before ${operation}`)) return 'crash-before'
    const { crash, failBefore, failAfter, slow, failRead } = this.#world.faults
    const roll = this.#world.random.next()
    if (!WRITES.test(operation)) return roll < failRead ? 'fail-before' : roll < failRead + slow / 4 ? 'hold' : 'pass'
    const fates: readonly (readonly [Verdict, number])[] = [
      ['crash-before', crash / 2],
      ['crash-after', crash / 2],
      ['fail-before', failBefore],
      ['fail-after', failAfter],
      ['hold', slow],
    ]
    let below = 0
    for (const [fate, share] of fates) {
      below += share
      if (roll < below) return fate
    }
    return 'pass'
  }

  #reach(point: FaultPoint): void | Promise<void> {
    if (this.life.over) return never()
    const { crash, slow } = this.#world.faults
    const roll = this.#world.random.next()
    if (roll < crash || this.#world.cut(point)) {
      this.crash(point)
      return never()
    }
    if (roll < crash + slow / 4) return this.life.hears(this.#hold(point))
    return undefined
  }

  /** A write waits too if an earlier write waits for the flush, so that it can't overtake it. */
  #turn(operation: string): Promise<void> | undefined {
    const { name } = this
    const { tail, random, faults } = this.#world
    if (this.life.over || !WRITES.test(operation)) return undefined
    if (this.#flush === undefined) {
      if (faults.group === 0 || !random.chance(faults.group)) return undefined
      const flush: Held = { what: `the flush of ${name}`, release: () => this.#flushed(flush) }
      this.#flush = flush
      this.#held = [...this.#held, flush]
    }
    this.#world.note(`${name} ${operation} waits for the flush`)
    return tail.join(name)
  }

  #flushed(flush: Held): void {
    this.#held = this.#held.filter(one => one !== flush)
    this.#flush = undefined
    this.#world.tail.flush(this.name)
  }

  /** Keeps the first of the writes that wait for a flush; answers how many. */
  #tear(): number {
    this.#held = this.#held.filter(one => one !== this.#flush)
    this.#flush = undefined
    const { kept, lost } = this.#world.tail.tear([this.name], this.#world.random)
    if (kept + lost > 0) this.#world.tore(this.name, kept, lost)
    return kept
  }

  /** Cuts the store off, once it has written the `kept` writes. */
  async #kill(kept: number): Promise<void> {
    const { kill } = this.#options
    if (kill === undefined || this.#opened === undefined) return
    if (kept > 0)
      do await this.#world.clock.idle(1)
      while (this.#underWay > 0)
    this.#killed = true
    kill(this.#opened)
  }

  async #leave(): Promise<void> {
    await this.#killing
    if (this.#killed) this.#store?.detach()
    else await this.#store?.close()
  }

  #hold(what: string): Promise<void> {
    return new Promise(resolve => {
      const held: Held = {
        what,
        release: () => {
          this.#held = this.#held.filter(one => one !== held)
          resolve()
        },
      }
      this.#held = [...this.#held, held]
    })
  }

  #passed(
    operation: string,
    args: readonly unknown[],
    outcome: { readonly value: unknown } | { readonly error: unknown },
  ): void {
    this.#world.inFlight--
    this.#underWay--
    if ('error' in outcome) {
      this.#world.note(`${this.name} ${operation} is refused: ${said(outcome.error)}`)
      return
    }
    if (operation === 'commit') this.#committed(args[0] as Commit, outcome.value as number)
    if (!this.life.over && this.#world.cut(`after ${operation}`)) this.crash('write')
  }

  #committed({ claim, record }: Commit, position: number): void {
    const { runs } = this.#world
    this.#world.position = Math.max(this.#world.position, position)
    const started = (record.events ?? []).filter(({ type }) => type === 'run.started').length
    if (started > 0) runs.set(claim.sessionId, (runs.get(claim.sessionId) ?? 0) + started)
    const events = (record.events ?? []).map(({ type }) => type).join(' ')
    this.#world.note(`  = ${position} ${claim.sessionId}: ${events}`)
  }
}

/** Without the paths and process numbers of messages, which differ from one replay to the next. */
function said(error: unknown): string {
  return error instanceof MeerkatError ? error.code : String(error).slice(0, 100)
}

/** The session that an operation is about, where its first argument says so. */
function subjectOf(argument: unknown): string {
  if (typeof argument === 'string') return ` ${argument.slice(-12)}`
  if (typeof argument !== 'object' || argument === null) return ''
  const { sessionId, claim } = argument as {
    readonly sessionId?: unknown
    readonly claim?: { readonly sessionId: unknown }
  }
  const id = sessionId ?? claim?.sessionId
  return typeof id === 'string' ? ` ${id}` : ''
}
