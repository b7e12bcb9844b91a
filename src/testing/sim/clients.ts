/**
 * Clients of a simulation: they send requests, remember all answers, and repeat a request whose answer was lost. Each does
 * one thing at a time.
 */
import { defined } from '../../defined.ts'
import { asMeerkatError, type ErrorCode } from '../../errors.ts'
import type { SendParams } from '../../session/api.ts'
import type { Runtime } from '../../session/runtime.ts'
import type { Told } from './history.ts'
import type { SimulationOptions } from './options.ts'
import { ConnectionLost, type SimulatedHost } from './process.ts'
import { Heard } from './said.ts'
import { scriptedPrompt } from './scripted-agent.ts'
import type { World } from './world.ts'

/** Errors that a request may get while faults happen. Any other error is a fault of the runtime. */
const EXPECTED: ReadonlySet<ErrorCode> = new Set([
  'store-unavailable',
  'not-owner',
  'not-ready',
  'rejected',
  'not-found',
])
/** Errors that prove that nothing was done. */
const CERTAIN: ReadonlySet<ErrorCode> = new Set(['not-ready', 'rejected', 'not-found'])

interface Sending {
  readonly session: string
  readonly params: SendParams & { readonly content: string }
}

/** Facts that all clients share. */
export class Known {
  /** Sessions that were opened. */
  readonly sessions = new Set<string>()
  readonly inputs: { readonly session: string; readonly inputId: string }[] = []
  /** Sends with a key whose answer was lost. */
  unanswered: readonly Sending[] = []
  readonly answered: Sending[] = []
  readonly runs = new Map<string, string>()
}

const ACTS = {
  send: 40,
  sendAgain: 10,
  wait: 14,
  look: 5,
  cancel: 10,
  withdraw: 4,
  control: 5,
  settle: 10,
  read: 8,
  runs: 6,
} as const

type Act = keyof typeof ACTS

export class Client {
  readonly name: string
  readonly #world: World
  readonly #known: Known
  readonly #options: SimulationOptions
  readonly #allows: boolean
  readonly #reads = new Map<string, { cursor: string; readonly heard: Heard }>()
  #doing: string | undefined

  /** `allows`: it approves every call that waits for approval, instead of deciding at random. */
  constructor(name: string, world: World, known: Known, options: SimulationOptions, allows = false) {
    this.#allows = allows
    this.name = name
    this.#world = world
    this.#known = known
    this.#options = options
  }

  /** The request that it waits for. */
  get doing(): string | undefined {
    return this.#doing
  }

  /** Opens a session; repeats that until it is answered. */
  open(host: SimulatedHost, session: string): void {
    this.#begin(host, `open ${session}`, async runtime => {
      await runtime.open({ sessionId: session, ...(session.endsWith('m') && { merge: true }) })
      this.#known.sessions.add(session)
    })
  }

  /** Does something at random. */
  act(host: SimulatedHost): void {
    const session = this.#world.random.pick([...this.#known.sessions])
    if (session === undefined) return
    const act = this.#world.random.weighted(ACTS)
    this.#begin(host, `${act} ${session}`, runtime => this.#acts[act](runtime, session))
  }

  /** Does what only people can do for a session: resumes it, decides on lost calls and approvals. */
  attend(host: SimulatedHost, session: string): void {
    this.#begin(host, `attend ${session}`, async runtime => {
      const { phase } = await runtime.get(session)
      if (phase === 'stopped') await this.#control(runtime, session, 'resume')
      await this.#settle(runtime, session)
    })
  }

  /** Sends a prompt that makes the model call a certain tool. */
  call(host: SimulatedHost, session: string, tool: string): void {
    this.#begin(host, `call ${session}`, async runtime => {
      const { phase } = await runtime.get(session)
      if (phase === 'retired') await this.#control(runtime, session, 'reset')
      await this.#send(runtime, { session, params: { content: `call-${tool} ${tool}` } })
    })
  }

  /** Sends a simple prompt, which has to be answered. */
  probe(host: SimulatedHost, session: string): void {
    this.#begin(host, `probe ${session}`, async runtime => {
      const { phase } = await runtime.get(session)
      if (phase === 'retired') await this.#control(runtime, session, 'reset')
      await this.#send(runtime, { session, params: { content: `probe-${session}` } })
    })
  }

  /** All that the readers have read, for the history. */
  readings(): readonly Told[] {
    return [...this.#reads].map(
      ([
        session,
        {
          heard: { cursors, said },
        },
      ]) => ({
        type: 'read',
        session,
        reader: this.name,
        cursors,
        said,
      }),
    )
  }

  #begin(host: SimulatedHost, what: string, act: (runtime: Runtime) => Promise<unknown>): void {
    this.#doing = `${what} at ${host.name}`
    this.#world.note(`${this.name} ${this.#doing}`)
    this.#world.count(what.split(' ')[0] ?? what)
    void this.#carryOut(host, act)
  }

  async #carryOut(host: SimulatedHost, act: (runtime: Runtime) => Promise<unknown>): Promise<void> {
    try {
      await host.ask(act)
      this.#world.note(`${this.name} is done`)
    } catch (error) {
      this.#failed(error)
    }
    this.#doing = undefined
  }

  #failed(error: unknown): void {
    if (error instanceof ConnectionLost) {
      this.#world.note(`${this.name} lost its connection`)
      return
    }
    const { code, message } = asMeerkatError(error)
    this.#world.note(`${this.name} fails: ${code} ${message.slice(0, 100)}`)
    if (!EXPECTED.has(code)) this.#world.tell({ type: 'fault', what: `${this.#doing} failed with ${code}: ${message}` })
  }

  readonly #acts: Readonly<Record<Act, (runtime: Runtime, session: string) => Promise<unknown>>> = {
    send: (runtime, session) => this.#send(runtime, this.#newSending(session)),
    sendAgain: runtime => this.#sendAgain(runtime),
    wait: runtime => this.#wait(runtime),
    look: runtime => this.#look(runtime),
    cancel: (runtime, session) => this.#cancel(runtime, session),
    withdraw: runtime => this.#withdraw(runtime),
    control: (runtime, session) =>
      this.#control(
        runtime,
        session,
        this.#world.random.weighted({ stop: 4, resume: 4, retire: 1, reset: 2, recycle: 1 }),
      ),
    settle: (runtime, session) => this.#settle(runtime, session),
    read: (runtime, session) => this.#read(runtime, session),
    runs: async (runtime, session) => {
      const run = (await runtime.runs(session, {})).items.at(-1)
      if (run !== undefined) this.#known.runs.set(session, run.id)
    },
  }

  #newSending(session: string): Sending {
    const { random } = this.#world
    const content =
      this.#options.prompt?.(random) ?? scriptedPrompt(random, this.#options, [...this.#world.tools.keys()])
    const mode = random.weighted({ queue: 6, steer: 3, supersede: 1 })
    const params = {
      content,
      mode,
      ...(random.chance(0.6) && { idempotencyKey: `k${random.int(1_000_000)}` }),
      ...(mode === 'supersede' && { supersessionKey: `s${random.int(2)}` }),
      ...(random.chance(0.2) && { resume: true }),
    }
    return { session, params }
  }

  async #send(runtime: Runtime, sending: Sending): Promise<void> {
    const { session, params } = sending
    const { idempotencyKey: key, content } = params
    const others = this.#known.unanswered.filter(one => one !== sending)
    if (key !== undefined) this.#known.unanswered = [...others, sending]
    const { outcome, inputId, status, result } = await runtime.send(session, params)
    this.#known.unanswered = this.#known.unanswered.filter(one => one !== sending)
    if (key !== undefined) this.#known.answered.push(sending)
    this.#known.inputs.push({ session, inputId })
    this.#world.count(outcome)
    this.#world.tell({ type: 'accepted', session, outcome, inputId, content, ...defined({ key }) })
    this.#world.tell({ type: 'status', session, inputId, status, ...(result && { result }) })
  }

  async #sendAgain(runtime: Runtime): Promise<void> {
    const { random } = this.#world
    const sending = random.pick(this.#known.unanswered) ?? random.pick(this.#known.answered)
    if (sending !== undefined) await this.#send(runtime, sending)
  }

  async #wait(runtime: Runtime): Promise<void> {
    const input = this.#world.random.pick(this.#known.inputs.slice(-8))
    if (input === undefined) return
    const { session, inputId } = input
    const waitMs = this.#world.random.pick([0, 1_000, 20_000, 120_000]) ?? 0
    const { status, result } = await runtime.wait(session, inputId, waitMs)
    this.#world.tell({ type: 'status', session, inputId, status, ...(result && { result }) })
  }

  async #look(runtime: Runtime): Promise<void> {
    const input = this.#world.random.pick(this.#known.inputs)
    if (input === undefined) return
    const { session, inputId } = input
    const { status, result } = await runtime.input(session, { inputId })
    this.#world.tell({ type: 'status', session, inputId, status, ...(result && { result }) })
  }

  async #cancel(runtime: Runtime, session: string): Promise<void> {
    const { random } = this.#world
    const named = random.chance(0.4) ? this.#known.runs.get(session) : undefined
    const told: { -readonly [K in keyof Extract<Told, { type: 'cancel' }>]: Extract<Told, { type: 'cancel' }>[K] } = {
      type: 'cancel',
      session,
      ...defined({ named }),
    }
    this.#world.tell(told)
    try {
      told.answer = await runtime.cancel(session, {
        when: random.chance(0.5) ? 'now' : 'boundary',
        ...defined({ runId: named }),
        ...(random.chance(0.1) && { queue: 'drop' }),
      })
    } catch (error) {
      const { code } = asMeerkatError(error)
      if (CERTAIN.has(code)) told.refused = code
      throw error
    }
  }

  async #withdraw(runtime: Runtime): Promise<void> {
    const input = this.#world.random.pick(this.#known.inputs.slice(-5))
    if (input === undefined) return
    const { session, inputId } = input
    const { withdrawn } = await runtime.withdraw(session, inputId)
    this.#world.tell({ type: 'withdrawn', session, inputId, withdrawn })
  }

  async #control(
    runtime: Runtime,
    session: string,
    operation: 'stop' | 'resume' | 'retire' | 'reset' | 'recycle',
  ): Promise<void> {
    this.#world.tell({ type: 'control', session, operation })
    await runtime.control(session, operation)
  }

  /** Decides on lost calls and approvals. */
  async #settle(runtime: Runtime, session: string): Promise<void> {
    const { random } = this.#world
    for (const { id } of await runtime.calls(session, { state: 'unknown' })) {
      const resolution = random.weighted({ retry: 1, succeeded: 1, failed: 1 })
      this.#world.tell({ type: 'resolve', session, callId: id, resolution })
      await runtime.resolveCall(session, id, { resolution })
    }
    for (const { id } of await runtime.approvals(session)) {
      await runtime.decide(session, id, { decision: random.chance(0.7) || this.#allows ? 'allow' : 'deny' })
    }
  }

  async #read(runtime: Runtime, session: string): Promise<void> {
    const place = this.#reads.get(session) ?? { cursor: '0', heard: new Heard() }
    this.#reads.set(session, place)
    const { events, cursor } = await runtime.events({
      sessionId: session,
      after: place.cursor,
      limit: 1 + this.#world.random.int(20),
    })
    for (const event of events) place.heard.add(event)
    place.cursor = cursor
  }
}
