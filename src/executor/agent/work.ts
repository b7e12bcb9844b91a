/**
 * The work of one `apply`: model call, tools, boundary, and again, until there is an answer or a reason to stop.
 *
 * It continues from the journal. What it remembers besides (turn numbers, usage, corrections) may be lost with the
 * process without harm to the result.
 */
import { MeerkatError } from '../../errors.ts'
import { whole } from '../../store/blobs.ts'
import type { ApplyOutput, ContextMessage, RunPort } from '../executor.ts'
import {
  budgetWarnings,
  type Exhausted,
  exhaustedBefore,
  exhaustedByCalls,
  exhaustedByTokens,
  type Spent,
  tighter,
} from './budget.ts'
import { Conversation } from './conversation.ts'
import { type Chosen, chooseModel } from './fallback.ts'
import { callsIn, endsInCalls, goesOn } from './journal.ts'
import type { CallOptions } from './model.ts'
import type { CallEnd } from './model-call.ts'
import { boundedCall, type ToolCallPart, textOf, withoutCalls } from './parts.ts'
import { buildPrompt } from './prompt.ts'
import { Requests } from './requests.ts'
import type { PersistentEnd } from './retry.ts'
import { runCalls } from './run-calls.ts'
import { intentOf, type PreparedCall, prepareCall, waitsForApproval } from './run-tool.ts'
import { type Settings, structuredFormat, toolOption } from './settings.ts'
import { type ShownTool, withUnseen } from './shown-tools.ts'
import { abortCause } from './stage.ts'
import { type Ending, stopped } from './stopped.ts'
import { AnswerForm, correction } from './structured.ts'
import { tokensOf } from './usage.ts'

/** Continues the work of a run from its journal. */
export async function carryOn(settings: Settings, port: RunPort): Promise<ApplyOutput> {
  if (port.signal.aborted) return stopped(port, {})
  const chosen = await chooseModel(settings, port, await port.model())
  if ('error' in chosen) return { type: 'failed', ...chosen }
  try {
    return await new Attempt(settings, port, chosen).run()
  } catch (error) {
    // An option that the program gave to the agent is wrong: another attempt would fail alike.
    if (!(error instanceof MeerkatError) || error.code !== 'invalid-params') throw error
    return { type: 'failed', source: 'internal', error: { code: error.code, message: error.message } }
  }
}

class Attempt {
  readonly #settings: Settings
  readonly #port: RunPort
  readonly #requests: Requests
  readonly #form: AnswerForm
  readonly #budget: ReturnType<typeof tighter>
  readonly #warn: (spent: Spent) => void
  readonly #conversation: Conversation
  /** The exchanges with the model about its answer's form, with the length of the journal before each. */
  #corrections: readonly { readonly at: number; readonly messages: readonly ContextMessage[] }[] = []

  constructor(settings: Settings, port: RunPort, chosen: Chosen) {
    this.#settings = settings
    this.#port = port
    this.#form = new AnswerForm(port)
    this.#requests = new Requests(settings, port, chosen, {
      isStructured: () => this.#form.schema !== undefined,
      compose: (tools, plain) => this.#request(tools, plain),
    })
    this.#conversation = new Conversation(settings, port, () => this.#requests.model)
    this.#budget = tighter(settings.budget, port.session.budget ?? {})
    this.#warn = budgetWarnings(port, this.#budget)
  }

  async run(): Promise<ApplyOutput> {
    const unusable = await this.#form.read()
    if (unusable !== undefined) return { type: 'failed', ...unusable }
    const settled = await this.#settleCalls()
    if (settled.output !== undefined) return settled.output
    await this.#conversation.load()
    if (!settled.reported) await this.#conversation.compactIfLong()
    for (;;) {
      const output = await this.#turn()
      if (output !== undefined) return output
    }
  }

  get #spent(): Spent {
    return {
      tokens: tokensOf(this.#port.usageSoFar) + tokensOf(this.#requests.usage),
      toolCalls: this.#port.calls().length,
      turns: this.#requests.turns,
    }
  }

  /** Makes the calls that an earlier attempt left, and commits the boundary that it did not reach. */
  async #settleCalls(): Promise<{ readonly output?: ApplyOutput; readonly reported: boolean }> {
    const calls = this.#port.calls()
    const lost = calls.find(({ state }) => state === 'dispatched')
    if (lost !== undefined) throw new Error(`call ${lost.id} is in flight, but not from here`)
    const owed = calls.filter(({ state }) => state === 'owed').map(({ id }) => id)
    if (owed.length > 0) {
      const parts = callsIn(this.#port.journal()).filter(part => owed.some(id => id === part.callId))
      const { all } = await this.#requests.shown()
      const prepared = await this.#prepare(parts, all)
      await this.#port.dispatch(owed)
      await this.#runCalls(prepared)
      if (this.#port.signal.aborted) return { output: this.#stopped(), reported: true }
    }
    const journal = this.#port.journal()
    if (this.#hasPending && !goesOn(journal, this.#pending)) return { output: { type: 'parked' }, reported: true }
    if (!endsInCalls(journal)) return { reported: false }
    const output = await this.#boundary()
    return { reported: true, ...(output === undefined ? {} : { output }) }
  }

  /** Calls that wait for a person, or were decided just now: an answer of the model is not final yet. */
  get #pending(): ReadonlySet<string> {
    const ended = (state: string): boolean => state === 'succeeded' || state === 'failed'
    return new Set(this.#port.calls().flatMap(({ id, state }) => (ended(state) ? [] : id)))
  }

  get #hasPending(): boolean {
    return this.#pending.size > 0
  }

  async #boundary(): Promise<ApplyOutput | undefined> {
    const answer = await this.#port.boundary({ turn: this.#requests.turn })
    if (this.#port.signal.aborted) return this.#stopped()
    if (answer.next === 'cancelled') return { type: 'cancelled', ...this.#ending() }
    const unusable = answer.steered > 0 ? await this.#form.read() : undefined
    return unusable && { type: 'failed', ...unusable, ...this.#ending() }
  }

  /** One turn; undefined: another one has to follow. */
  async #turn(): Promise<ApplyOutput | undefined> {
    const exhausted = exhaustedBefore(this.#budget, this.#spent)
    if (exhausted !== undefined) return this.#exhausted(exhausted)
    const unresolved = await this.#requests.choose()
    if (unresolved !== undefined) return { type: 'failed', ...unresolved, ...this.#ending() }
    const { end, tools } = await this.#requests.ask()
    if (end.type === 'reply') this.#conversation.measure(end)
    this.#warn(this.#spent)
    switch (end.type) {
      case 'stopped':
        return this.#stopped(end)
      case 'failed':
        return await this.#failed(end)
      case 'reply': {
        const { maxArgumentChars } = this.#settings.limits
        const parts = end.parts.map(part => withUnseen(boundedCall(part, maxArgumentChars), tools))
        const reply = { ...end, parts }
        const calls = reply.parts.filter(part => part.type === 'tool-call')
        return calls.length > 0 ? await this.#useTools(reply, calls, tools.visible) : await this.#answer(end)
      }
    }
  }

  #request(tools: readonly ShownTool[], plain: boolean): CallOptions {
    const { call } = this.#settings
    const schema = this.#hasPending ? undefined : this.#form.schema
    const system = [this.#settings.systemOf(this.#port.session), schema?.instruction].filter(
      text => text !== undefined && text !== '',
    )
    return {
      ...call,
      prompt: buildPrompt({ system: system.join('\n\n'), messages: this.#messages(), calls: this.#port.calls() }),
      ...(tools.length === 0 ? {} : { tools: tools.map(toolOption), toolChoice: { type: 'auto' } as const }),
      ...(schema === undefined || plain ? {} : structuredFormat(schema, call)),
    }
  }

  #messages(): readonly ContextMessage[] {
    const journal = [...this.#port.journal()]
    for (const { at, messages } of this.#corrections.toReversed()) journal.splice(at, 0, ...messages)
    return [...this.#conversation.messages(journal), ...this.#port.notices()]
  }

  async #failed(end: Extract<PersistentEnd, { type: 'failed' }>): Promise<ApplyOutput | undefined> {
    const { failure, exhausted = false } = end
    if (failure.once === true) {
      if (this.#hasPending) return this.#parked(end)
      this.#notice('empty-answer', failure.message)
      return await this.#answer({ ...end, type: 'reply', finish: 'stop' })
    }
    if (failure.code === 'bad-request' && this.#form.schema !== undefined && !this.#requests.isPlain) {
      this.#requests.askPlainly()
      this.#notice('response-format-refused', `${failure.message}. Asking again without a response format.`)
      return undefined
    }
    if (failure.code === 'context-too-long' && (await this.#conversation.shorten())) {
      this.#requests.repeat()
      this.#notice('context-too-long', `${failure.message}. Asking again with a shorter conversation.`)
      return this.#port.signal.aborted ? this.#stopped(end) : undefined
    }
    const { code, message } = failure
    if (this.#hasPending) {
      // A steer that can't be answered now must not end work that waits for approval: the model gets it with the
      // decision.
      this.#notice('steer-unanswered', message)
      return this.#parked(end)
    }
    return {
      type: 'failed',
      source: exhausted ? 'llm-retry-exhausted' : 'llm',
      error: { code, message },
      ...this.#ending(end),
    }
  }

  async #answer(end: Extract<CallEnd, { type: 'reply' }>): Promise<ApplyOutput | undefined> {
    if (end.finish === 'length') this.#notice('output-limit', 'the answer was cut off at the output limit of the model')
    if (this.#hasPending) return this.#parked(end)
    if (this.#form.schema === undefined) return { type: 'completed', ...this.#ending(end) }
    const text = textOf(end.parts)
    const checked = this.#form.schema.check(text)
    if (checked.ok) return { type: 'completed', ...this.#ending(end), output: checked.value }
    const next = await this.#port.invalidAnswer({ turn: end.turn, error: checked.problem })
    if (this.#port.signal.aborted) return this.#stopped(end)
    if (next === 'exhausted') {
      const message = `the answer does not fit outputSchema: ${checked.problem}`
      const source = 'structured-output-validation-failed'
      return { type: 'failed', source, error: { code: source, message }, ...this.#ending(end) }
    }
    const said: readonly ContextMessage[] = text === '' ? [] : [{ role: 'assistant', content: whole(end.parts) }]
    const messages: readonly ContextMessage[] = [...said, { role: 'user', content: correction(checked.problem) }]
    this.#corrections = [...this.#corrections, { at: this.#port.journal().length, messages }]
    return undefined
  }

  async #useTools(
    end: Extract<CallEnd, { type: 'reply' }>,
    calls: readonly ToolCallPart[],
    tools: readonly ShownTool[],
  ): Promise<ApplyOutput | undefined> {
    const spent = this.#spent
    const overrun = exhaustedByCalls(this.#budget, spent, calls.length) ?? exhaustedByTokens(this.#budget, spent)
    if (overrun !== undefined) return { type: 'failed', ...overrun, ...this.#ending(end) }
    const prepared = await this.#prepare(calls, tools)
    const held = await this.#held(prepared)
    if (abortCause(this.#port.signal) !== undefined) return this.#stopped(end)
    const usage = this.#requests.takeUnrecorded()
    await this.#port.intend({
      turn: end.turn,
      message: { role: 'assistant', content: end.parts },
      calls: prepared.map(call => intentOf(call, held.has(call))),
      ...(usage === undefined ? {} : { usage }),
    })
    this.#warn(this.#spent)
    await this.#runCalls(prepared.filter(call => !held.has(call)))
    if (this.#port.signal.aborted) return this.#stopped()
    return held.size > 0 ? { type: 'parked' } : await this.#boundary()
  }

  async #prepare(calls: readonly ToolCallPart[], tools: readonly ShownTool[]): Promise<readonly PreparedCall[]> {
    return await Promise.all(calls.map(part => prepareCall(part, tools, this.#port, this.#settings.toolLimits)))
  }

  /** The calls that wait for a decision. */
  async #held(calls: readonly PreparedCall[]): Promise<ReadonlySet<PreparedCall>> {
    const { toolLimits } = this.#settings
    const waiting = await Promise.all(calls.map(call => waitsForApproval(call, this.#port, toolLimits)))
    return new Set(calls.filter((_, index) => waiting[index]))
  }

  async #runCalls(calls: readonly PreparedCall[]): Promise<void> {
    const { toolLimits: limits, begun, ids } = this.#settings
    await runCalls(calls, {
      port: this.#port,
      turn: this.#requests.turn,
      limits,
      begin: left => begun.begin(ids.operation(), left),
    })
  }

  #parked(end: CallEnd): ApplyOutput {
    return { type: 'parked', ...this.#ending(end) }
  }

  #exhausted(exhausted: Exhausted): ApplyOutput {
    const turns =
      exhausted.source === 'max-turns-reached'
        ? { turns: { made: this.#spent.turns, allowed: this.#budget.maxTurns } }
        : {}
    return { type: 'failed', ...exhausted, ...turns, ...this.#ending() }
  }

  #stopped(end?: CallEnd): ApplyOutput {
    return stopped(this.#port, this.#ending(end))
  }

  /** The fields of every output: the text so far, the cost, and the turn. */
  #ending(end?: CallEnd): Ending {
    const message = end === undefined ? undefined : withoutCalls(end.parts)
    const { turn: newest, usage } = this.#requests
    const turn = end?.turn ?? newest
    return {
      ...(message === undefined ? {} : { message }),
      ...(usage === undefined ? {} : { usage }),
      ...(turn === 0 ? {} : { turn }),
    }
  }

  #notice(code: string, message: string): void {
    this.#port.stream({ type: 'notice', code, message })
  }
}
