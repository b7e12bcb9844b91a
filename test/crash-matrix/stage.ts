/**
 * A stage for one cell of the matrix: a process that owns the session, another one that clients ask, and a cut that ends
 * whichever of them comes to it. Who died is started again at once; its claims last for its lease.
 */
import type { LanguageModelV4 } from '@ai-sdk/provider'
import { asMeerkatError } from '../../src/errors.ts'
import type { EventView } from '../../src/events.ts'
import { stillRunning } from '../../src/executor/agent/still-running.ts'
import type { AgentTool, ToolContext } from '../../src/executor/agent/tool.ts'
import type { CallPolicy } from '../../src/kernel/regions/calls/state.ts'
import type { ControlOperation, SendParams } from '../../src/session/api.ts'
import { loadSchemas } from '../../src/session/door.ts'
import type { Runtime } from '../../src/session/runtime.ts'
import type { StoreSource } from '../../src/store/store.ts'
import { checkHistory } from '../../src/testing/sim/check-history.ts'
import { collect } from '../../src/testing/sim/collect.ts'
import type { Told, Violation } from '../../src/testing/sim/history.ts'
import type { SimulatedProcess, SimulationOptions } from '../../src/testing/sim/options.ts'
import { ConnectionLost, SimulatedHost } from '../../src/testing/sim/process.ts'
import { scriptedModel } from '../../src/testing/sim/scripted-agent.ts'
import { World } from '../../src/testing/sim/world.ts'
import type { Clock } from '../../src/time.ts'

const QUIET = {
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

/** A cell that is not over after this long on its clock hangs. */
const PATIENCE_MS = 20 * 60_000
const POLICIES: readonly CallPolicy[] = ['retry', 'ask', 'fail']

/** Every model call and every tool takes a second, unless it is told to stop. */
const shape: Omit<SimulationOptions, 'seed'> = {
  model: ({ clock, random }): LanguageModelV4 => {
    const inner = scriptedModel(random, { faults: QUIET })
    return {
      ...inner,
      doStream: async options => {
        await aSecond(clock, options.abortSignal)
        return inner.doStream(options)
      },
    }
  },
  tools: ({ clock }: SimulatedProcess): readonly AgentTool[] => [
    ...POLICIES.map(policy => ({
      ...toolNamed(policy, policy),
      execute: async (_: unknown, { signal }: ToolContext) => {
        await aSecond(clock, signal)
        return 'done'
      },
    })),
    {
      ...toolNamed('approved', 'ask'),
      needsApproval: () => true,
      mayNeedApproval: true,
      execute: async (_, { signal }) => {
        await aSecond(clock, signal)
        return 'done'
      },
    },
    {
      ...toolNamed('later', 'retry'),
      execute: () => stillRunning({ title: 'later', handle: 1, finish: jobOn(clock) }),
      resume: () => jobOn(clock),
    },
  ],
}

function toolNamed(name: string, onLost: CallPolicy): Omit<AgentTool, 'execute'> {
  return {
    name,
    description: name,
    inputSchema: { type: 'object' },
    onLost,
    parse: async args => ({ ok: true, args }),
    needsApproval: () => false,
    mayNeedApproval: false,
  }
}

/** Work behind an answer: three seconds from when it is begun, or taken up again. */
function jobOn(clock: Clock): Promise<string> {
  return new Promise(resolve => {
    clock.after(3_000, () => resolve('done at last'))
  })
}

/** A second of the stage's clock, or less if it is told to stop. */
function aSecond(clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const off = clock.after(1_000, resolve)
    signal?.addEventListener('abort', () => {
      off()
      resolve()
    })
  })
}

export class Stage {
  readonly world: World
  readonly #source: StoreSource
  readonly #session: string
  #owner: SimulatedHost
  #front: SimulatedHost
  readonly #gone: SimulatedHost[] = []
  readonly #keyed: { readonly params: SendParams; readonly inputId: string }[] = []
  #keys = 0
  /** Whether the cut was come to and its process ended. */
  crashed = false

  constructor(store: (clock: Clock) => StoreSource, session = 's') {
    // Plays that share a store must not share ids.
    this.world = new World({
      seed: seedOf(session),
      faults: QUIET,
    })
    this.#session = session
    this.#source = store(this.world.clock)
    this.#owner = this.#start('owner')
    this.#front = this.#start('front')
  }

  /** From now on the process that comes to this place for the nth time ends there. Answers how often one came there. */
  arm(place: string, nth: number): () => number {
    let crossed = 0
    this.world.cut = here => here === place && ++crossed === nth
    return () => crossed
  }

  /** Inputs that were accepted, in that order. */
  get sent(): readonly string[] {
    return this.#keyed.map(({ inputId }) => inputId)
  }

  /** Lets time pass until the work is done. */
  async until<T>(work: Promise<T>): Promise<T> {
    const ended = { yet: false }
    const watched = work.finally(() => {
      ended.yet = true
    })
    // It is awaited below, after everything else had its turn.
    watched.catch(() => {})
    // The disk is no part of the play: where it is slow, minutes of the stage's clock would go by meanwhile.
    await loadSchemas()
    const { clock } = this.world
    const late = clock.now() + PATIENCE_MS
    for (;;) {
      await this.world.settle()
      this.#mend()
      if (ended.yet) return watched
      if (clock.now() > late) throw new Error(`it hangs:\n${this.world.trace.lines.join('\n')}`)
      clock.advance(clock.pending[0] ?? 100)
    }
  }

  async open(): Promise<void> {
    await this.#insist('owner', runtime => runtime.open({ sessionId: this.#session }))
  }

  /** Sends with a key, again and again until it is answered. */
  async send(
    content: string,
    more: Pick<SendParams, 'mode' | 'resume'> = {},
    via: 'owner' | 'front' = 'front',
  ): Promise<string> {
    const params = { content, idempotencyKey: `k${++this.#keys}`, ...more }
    const { inputId, outcome } = await this.#insist(via, runtime => runtime.send(this.#session, params))
    this.#keyed.push({ params, inputId })
    this.world.tell({ type: 'accepted', session: this.#session, outcome, inputId, content, key: params.idempotencyKey })
    return inputId
  }

  /** Waits for the terminal outcome, and settles what waits for a person meanwhile. */
  async ended(inputId: string): Promise<void> {
    for (;;) {
      const { status, result } = await this.#insist('front', runtime => runtime.wait(this.#session, inputId, 5_000))
      this.world.tell({ type: 'status', session: this.#session, inputId, status, ...(result && { result }) })
      if (!['queued', 'staged', 'applied'].includes(status)) return
      await this.#attend()
    }
  }

  async cancel(when: 'now' | 'boundary'): Promise<void> {
    const [run] = await this.#insist('front', async runtime => (await runtime.runs(this.#session, {})).items.slice(-1))
    if (run === undefined) throw new Error('there is no run to cancel')
    await this.#insist('front', runtime => runtime.cancel(this.#session, { runId: run.id, when }))
    this.world.tell({ type: 'cancel', session: this.#session, named: run.id })
  }

  async withdraw(inputId: string): Promise<void> {
    const { withdrawn } = await this.#insist('front', runtime => runtime.withdraw(this.#session, inputId))
    this.world.tell({ type: 'withdrawn', session: this.#session, inputId, withdrawn })
  }

  async control(operation: ControlOperation): Promise<void> {
    this.world.tell({ type: 'control', session: this.#session, operation })
    await this.#insist('front', runtime => runtime.control(this.#session, operation))
  }

  /** Waits for the nth event of a type; of notices, with a code. */
  async happened(type: string, nth = 1, code?: string): Promise<void> {
    const wanted = (event: EventView): boolean => event.type === type && (code === undefined || event['code'] === code)
    for (;;) {
      const { events } = await this.#insist('front', runtime =>
        runtime.events({ sessionId: this.#session, limit: 1_000 }),
      )
      if (events.filter(wanted).length >= nth) return
      await this.#while(50)
    }
  }

  /** Waits until the session was told, once, what its background work came to. */
  async toldOfTheEnd(): Promise<void> {
    for (;;) {
      const { items } = await this.#insist('front', runtime => runtime.inputs(this.#session, { limit: 100 }))
      const told = items.filter(({ kind }) => kind === 'continuation')
      if (told.length > 1) this.world.tell({ type: 'fault', what: `${told.length} inputs tell of one end` })
      if (told.some(({ status }) => status === 'consumed')) return
      await this.#while(200)
    }
  }

  /** Closes the owner in good order, and starts it again. */
  async recycleOwner(): Promise<void> {
    this.#owner.close('close')
    while (this.#owner.phase === 'closing') await this.#while(50)
  }

  /** Allows what waits for a decision. */
  async #allow(): Promise<void> {
    for (const { id } of await this.#insist('front', runtime => runtime.approvals(this.#session))) {
      await this.#insist('front', runtime => runtime.decide(this.#session, id, { decision: 'allow' }), [
        'not-found',
        'rejected',
      ])
    }
  }

  /** Repeats every send, asks something new, closes everything, and judges what was seen. */
  async judge(): Promise<readonly Violation[]> {
    this.world.cut = () => false
    await this.until(this.#finish())
    for (const host of [this.#owner, this.#front]) host.close('close')
    while (this.#owner.phase === 'closing' || this.#front.phase === 'closing') {
      await this.world.settle()
      this.world.clock.advance(50)
    }
    for (const host of [...this.#gone, this.#owner, this.#front]) await host.dispose()
    const { sessions, faults } = await collect(this.#source, this.world.clock, [this.#session])
    for (const what of faults) this.world.tell({ type: 'fault', what })
    const { told, effects } = this.world
    return checkHistory({ told, sessions, effects, settled: true, startWithinMs: 60_000 })
  }

  async #finish(): Promise<void> {
    if ((await this.#insist('front', runtime => runtime.get(this.#session))).phase === 'stopped')
      await this.control('resume')
    for (const { params, inputId } of this.#keyed) {
      const again = await this.#insist('front', runtime => runtime.send(this.#session, params))
      this.world.tell({
        type: 'accepted',
        session: this.#session,
        ...again,
        content: params.content as string,
        ...key(params),
      })
      if (again.outcome !== 'deduplicated')
        this.world.tell({ type: 'fault', what: `${params.idempotencyKey} was accepted again` })
      await this.ended(inputId)
    }
    await this.ended(await this.send('probe'))
  }

  async #attend(): Promise<void> {
    await this.#allow()
    for (const { id } of await this.#insist('front', runtime => runtime.calls(this.#session, { state: 'unknown' }))) {
      const told: Told = { type: 'resolve', session: this.#session, callId: id, resolution: 'retry' }
      this.world.tell(told)
      await this.#insist('front', runtime => runtime.resolveCall(this.#session, id, { resolution: 'retry' }), [
        'not-found',
        'rejected',
      ])
    }
  }

  /** Asks until there is an answer. These codes are one as well. */
  async #insist<T>(
    via: 'owner' | 'front',
    act: (runtime: Runtime) => Promise<T>,
    answers: readonly string[] = [],
  ): Promise<T> {
    for (;;) {
      try {
        return await (via === 'owner' ? this.#owner : this.#front).ask(act)
      } catch (error) {
        const { code, retryable } = asMeerkatError(error)
        if (answers.includes(code)) return undefined as T
        if (!(error instanceof ConnectionLost) && !retryable) throw error
        await this.#while(200)
      }
    }
  }

  #while(ms: number): Promise<void> {
    return new Promise(resolve => {
      this.world.clock.after(ms, resolve)
    })
  }

  #start(name: string): SimulatedHost {
    return new SimulatedHost(this.world, this.#source, name, { ...shape, seed: 1 })
  }

  #mend(): void {
    for (const host of [this.#owner, this.#front]) {
      if (host.phase !== 'down') continue
      this.crashed ||= host.crashed
      this.#gone.push(host)
      if (host === this.#owner) this.#owner = this.#start('owner')
      else this.#front = this.#start('front')
    }
  }
}

function key({ idempotencyKey }: SendParams): { readonly key?: string } {
  return idempotencyKey === undefined ? {} : { key: idempotencyKey }
}

function seedOf(name: string): number {
  let seed = 7
  for (let index = 0; index < name.length; index++) seed = Math.imul(seed, 31) + name.charCodeAt(index)
  return seed
}
