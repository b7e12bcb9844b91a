/** What survives every crash: the clients' memory, the calls of tools, the trace and the counts. */
import type { AgentTool } from '../../executor/agent/tool.ts'
import type { CallPolicy } from '../../kernel/regions/calls/state.ts'
import { ManualClock } from '../manual-clock.ts'
import type { Effect, Told } from './history.ts'
import { LogTail } from './log-tail.ts'
import type { FaultRates } from './options.ts'
import { Random } from './random.ts'
import { Trace } from './trace.ts'

const DEFAULTS: FaultRates = {
  crash: 0.004,
  kill: 0.02,
  failBefore: 0.03,
  failAfter: 0.03,
  slow: 0.06,
  failRead: 0.01,
  deaf: 0.1,
  pause: 0.01,
  jump: 0.01,
  close: 0.01,
  badWork: 0.05,
  group: 0,
  power: 0,
}

const TORN: Pick<FaultRates, 'group' | 'power'> = { group: 0.4, power: 0.004 }

const NONE: FaultRates = {
  crash: 0,
  kill: 0,
  failBefore: 0,
  failAfter: 0,
  slow: 0,
  failRead: 0,
  deaf: 0,
  pause: 0,
  jump: 0,
  close: 0,
  badWork: 0,
  group: 0,
  power: 0,
}

export class World {
  readonly clock = new ManualClock()
  readonly random: Random
  readonly trace: Trace
  readonly told: Told[] = []
  readonly effects: Effect[] = []
  readonly tally: Record<string, number> = {}
  readonly tail = new LogTail()
  /** The caller's own tools, as made for the process that started last: those that a model may be asked to call. */
  tools: ReadonlyMap<string, AgentTool> = new Map()
  /** Which of them were called, and why calls of others were refused. */
  readonly called = new Set<string>()
  readonly refusals = new Map<string, string>()
  /** The newest position that any process wrote. */
  position = 0
  /** Calls that the store is working on. */
  inFlight = 0
  /** Runs that were started, by session. */
  readonly runs = new Map<string, number>()
  /** Whether a process ends at this place: a crash point, `before` an operation of the store, or `after` it succeeded. */
  cut: (place: string) => boolean = () => false
  #faults: FaultRates

  constructor(options: {
    readonly seed: number
    readonly faults?: Partial<FaultRates>
    readonly tornTails?: boolean
    readonly wholeTrace?: boolean
  }) {
    this.random = new Random(options.seed)
    this.trace = new Trace(options.wholeTrace === true)
    this.#faults = { ...DEFAULTS, ...(options.tornTails === true && TORN), ...options.faults }
  }

  get faults(): FaultRates {
    return this.#faults
  }

  /** Lets all work go on that waits only for the processor and the store. */
  async settle(): Promise<void> {
    do await this.clock.idle(2)
    while (this.inFlight > 0)
  }

  /** Registers work that has to end before the next step of the simulation. */
  async busy<T>(work: Promise<T>): Promise<T> {
    this.inFlight++
    return work.finally(() => {
      this.inFlight--
    })
  }

  /** No faults from now on. */
  calm(): void {
    this.#faults = NONE
  }

  note(line: string): void {
    this.trace.add(line)
  }

  count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1
  }

  /** Records a torn tail of the log. */
  tore(whose: string, kept: number, lost: number): void {
    this.note(`the log of ${whose} is torn: of ${kept + lost} waiting writes it has ${kept}`)
    if (lost > 0) this.count('torn tail')
  }

  tell(told: Told): void {
    this.told.push(told)
  }

  /** Records an actual call of a tool. */
  effect(
    call: { readonly sessionId: string; readonly runId: string; readonly callId: string },
    tool: string,
    policy: CallPolicy,
  ): void {
    const { sessionId: session, runId, callId } = call
    this.effects.push({ session, runId, callId, tool, policy, position: this.position })
    this.called.add(tool)
    this.count(`effect ${policy}`)
    if (this.tools.has(tool)) this.count(`call of ${tool}`)
    this.note(`effect ${callId.slice(-8)} ${tool}`)
  }
}
