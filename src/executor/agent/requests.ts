/**
 * The requests of one `apply`: which model each goes to, which tools it shows, what is tried again, and what they cost.
 *
 * Enforces: a request shows the tools that its own model can use, also where another model stands in for the one that was
 * asked; a call that comes with the answer is for the tools of that request.
 */
import { defined } from '../../defined.ts'
import { addUsage } from '../../usage.ts'
import type { ApplyOutput, RunPort } from '../executor.ts'
import { Abilities } from './abilities.ts'
import type { Exhausted } from './budget.ts'
import { type Chosen, chooseModel, fallBack } from './fallback.ts'
import type { CallOptions, StreamingModel } from './model.ts'
import { type CallEnd, callModel, costOf } from './model-call.ts'
import { callWithRetries, type PersistentEnd } from './retry.ts'
import type { Settings } from './settings.ts'
import { type ShownTool, type ShownTools, shownTools } from './shown-tools.ts'

type Usage = Extract<ApplyOutput, { type: 'completed' }>['usage']

/** Makes a request that shows these tools. `plain`: it says nothing of the answer's format. */
export type Compose = (tools: readonly ShownTool[], plain: boolean) => CallOptions

export interface Answered {
  readonly end: PersistentEnd
  /** The tools of the request that it is an answer to. */
  readonly tools: ShownTools
}

export class Requests {
  readonly #settings: Settings
  readonly #port: RunPort
  readonly #compose: Compose
  readonly #isStructured: () => boolean
  readonly #abilities: Abilities
  readonly #turnsBefore: number
  /** Of the turn in hand. */
  #chosen: Chosen
  /** The endpoint does not accept a response format, so only the prompt has the schema. */
  #plain = false
  #calls = 0
  #retries = 0
  #usage: Usage
  /** The part of the usage that no report has contained yet. */
  #unrecorded: Usage

  /** `isStructured`: the answer has a format, of which requests may say something. */
  constructor(
    settings: Settings,
    port: RunPort,
    chosen: Chosen,
    { isStructured, compose }: { readonly isStructured: () => boolean; readonly compose: Compose },
  ) {
    this.#settings = settings
    this.#port = port
    this.#chosen = chosen
    this.#isStructured = isStructured
    this.#compose = compose
    this.#turnsBefore = port.turnsSoFar
    this.#abilities = new Abilities(settings, port)
  }

  /** The model that is asked next. */
  get model(): StreamingModel {
    return this.#chosen.model
  }
  /** The number of the newest model call: those of earlier attempts count. */
  get turn(): number {
    return this.#turnsBefore + this.#calls
  }
  /** How many turns that makes: a call that was repeated is none. */
  get turns(): number {
    return this.turn - this.#retries
  }
  get usage(): Usage {
    return this.#usage
  }
  /** Whether requests say nothing of the answer's format. */
  get isPlain(): boolean {
    return this.#plain
  }

  /** What was spent since this was asked last: a report is about to say it. */
  takeUnrecorded(): Usage {
    const usage = this.#unrecorded
    this.#unrecorded = undefined
    return usage
  }

  /** The newest call was for nothing: the next one is it again. */
  repeat(): void {
    this.#retries++
  }

  /** The endpoint takes no response format: it is asked without. */
  askPlainly(): void {
    this.#plain = true
  }

  /** The model of this turn: it may be another one than the last turn's. */
  async choose(): Promise<Exhausted | undefined> {
    const asked = await this.#port.model()
    if (asked.id === this.#chosen.named) return undefined
    const chosen = await chooseModel(this.#settings, this.#port, asked)
    if ('error' in chosen) return chosen
    this.#take(chosen)
    return undefined
  }

  /** What of the tools the model that is asked next may see now. */
  shown(): Promise<ShownTools> {
    return this.#shownTo(this.#chosen)
  }

  /** Asks for one message, with retries, and others where the model fails for good. */
  async ask(): Promise<Answered> {
    const tools = await this.shown()
    const firstCall = this.#calls + 1
    const first = await callWithRetries(this.#port, this.#settings.retries, () => this.#call(tools, this.#chosen.model))
    const answered =
      first.type === 'failed' ? await this.#fallBack(first, this.#calls - firstCall, tools) : { end: first, tools }
    this.#retries += this.#calls - firstCall
    return answered
  }

  #take(chosen: Chosen): void {
    this.#chosen = chosen
    // Another endpoint may accept a response format.
    this.#plain = false
  }

  async #shownTo({ id }: Chosen): Promise<ShownTools> {
    const [tools, capabilities] = [await this.#settings.toolsOf(this.#port), await this.#abilities.of(id)]
    const called = { ...defined({ id }), ...(capabilities && { capabilities }) }
    return await shownTools(this.#port, tools, called)
  }

  async #call({ visible }: ShownTools, model: StreamingModel): Promise<CallEnd> {
    const { limits, ids } = this.#settings
    this.#calls++
    const once = await callModel(this.#port, {
      model,
      // Made for each attempt, because a notice may not hold any more at the next request.
      options: this.#compose(visible, this.#plain),
      turn: this.turn,
      limits,
      newCallId: () => ids.call(),
    })
    this.#usage = addUsage(this.#usage, costOf(once))
    this.#unrecorded = addUsage(this.#unrecorded, costOf(once))
    return once
  }

  async #fallBack(
    failed: Extract<PersistentEnd, { type: 'failed' }>,
    tries: number,
    tools: ShownTools,
  ): Promise<Answered> {
    const run = { port: this.#port, asked: this.#chosen, abilities: this.#abilities, tries }
    let newest = { chosen: this.#chosen, tools }
    const end = await fallBack(this.#settings, run, failed, async chosen => {
      newest = { chosen, tools: await this.#shownTo(chosen) }
      return await this.#askOther(newest.tools, chosen.model)
    })
    if (end.type === 'failed') return { end, tools }
    if (newest.chosen !== this.#chosen) this.#take(newest.chosen)
    return { end, tools: newest.tools }
  }

  /** Repeats a request without a response format where the endpoint does not accept one. */
  async #askOther(tools: ShownTools, model: StreamingModel): Promise<CallEnd> {
    const wasPlain = this.#plain
    const once = await this.#call(tools, model)
    if (once.type !== 'failed' || once.failure.code !== 'bad-request' || !this.#isStructured() || wasPlain) return once
    this.#plain = true
    const again = await this.#call(tools, model)
    this.#plain = wasPlain
    return again
  }
}
