/** A session as a library user holds it. */

import { defined } from '../defined.ts'
import type { EventView } from '../events.ts'
import { eventsOfInput } from '../input-events.ts'
import type { InputId, RunId, SessionId } from '../kernel/ids.ts'
import { aText, aWord, checkArgument, checkFields } from '../options.ts'
import type { Content } from '../store/records.ts'
import type { SendParams, SessionChanges } from './api.ts'
import type { Core } from './core.ts'
import { checkedSignal, fieldsOf, ofSession } from './door.ts'
import { isOpen } from './input-status.ts'
import { insideOf } from './inside.ts'
import { checkedOutput, isStandardSchema, type OutputOf, type StandardSchema } from './output-schema.ts'
import { asSent } from './sending.ts'
import type { AnswerOf, Calls } from './table/rows.ts'
import type { ToolFilterParams } from './tool-choice.ts'
import type {
  Explanation,
  HistoryMessage,
  InputStatus,
  ModelView,
  RunResult,
  SendAnswer,
  SessionView,
  ToolsView,
} from './views.ts'
import { endOf } from './waiting.ts'

/** How an input ended. `outcome`, `text` and so on are present where a run answered it. */
export interface SentResult<Output = unknown> extends Partial<Omit<RunResult, 'output'>> {
  readonly status: InputStatus
  /** The structured answer, typed by `outputSchema`. */
  readonly output?: Output
  /** Why it ended without an answer. */
  readonly reason?: string
}

/** How an input is sent. A Zod schema (or any other Standard Schema) as `outputSchema` types the answer's `output`. */
export interface SendOptions<Schema = unknown> extends Omit<SendParams, 'content' | 'waitMs' | 'outputSchema'> {
  readonly outputSchema?: Schema
}

/** How many events are read at once. */
const PAGE = 200

export class SessionHandle {
  readonly id: SessionId
  readonly #calls: Calls

  constructor(calls: Calls, id: SessionId) {
    this.#calls = calls
    this.id = id
  }

  /** Sends an input; resolves when it is durably accepted. */
  async send<Schema = unknown>(
    content: Content,
    options: SendOptions<Schema> = {},
  ): Promise<SentInput<OutputOf<Schema>>> {
    const given = fieldsOf(options, 'options') as typeof options
    const { outputSchema } = given
    const answer = await this.#calls.call('input/send', asSent(ofSession(this.id, { ...given, content })))
    // The caller's schema gives the type of the answer.
    const schema = isStandardSchema(outputSchema) ? (outputSchema as StandardSchema<OutputOf<Schema>>) : undefined
    return new SentInput<OutputOf<Schema>>(this.#calls, this.id, answer, schema)
  }

  /**
   * Sends a steer: it joins the running turn at its next boundary, or becomes the next turn's input. Work that waits
   * for an approval takes it in at once where the executor hears steers meanwhile, as the shipped agent does, else
   * once the approval is decided.
   */
  async steer<Schema = unknown>(
    content: Content,
    options: Omit<SendOptions<Schema>, 'mode'> = {},
  ): Promise<SentInput<OutputOf<Schema>>> {
    return this.send(content, { ...fieldsOf(options, 'options'), mode: 'steer' })
  }

  /** Cancels the named run, or the current one; while a call waits for a person, the work that waits for it. */
  async cancel(
    options: { readonly runId?: string; readonly when?: 'now' | 'boundary'; readonly queue?: 'keep' | 'drop' } = {},
  ): Promise<AnswerOf<'run/cancel'>> {
    return this.#calls.call('run/cancel', { when: 'now', ...ofSession(this.id, options) })
  }

  /** Events after the cursor, without end, until the signal aborts. */
  async *events(
    options: { readonly after?: string; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<EventView, void> {
    const given = fieldsOf(options, 'options') as typeof options
    const signal = checkedSignal(given.signal)
    const place = { sessionId: this.id, after: given.after ?? '0', limit: PAGE }
    const feed = await this.#calls.follow(place, defined({ signal }))
    try {
      for (let page = await feed.next(); page !== undefined; page = await feed.next()) yield* until(signal, page.events)
    } finally {
      feed.close()
    }
  }

  /** The committed messages, oldest first. */
  async history(): Promise<readonly HistoryMessage[]> {
    const messages: HistoryMessage[] = []
    for (let after: number | undefined; ; ) {
      const page = await this.#calls.call('session/history', { sessionId: this.id, limit: 500, ...defined({ after }) })
      messages.push(...page.messages)
      if (page.next === undefined) return messages
      after = page.next
    }
  }

  /**
   * Changes how the session is served from its next turn on. `conflict` where `revision` is given and not the current
   * one.
   */
  async update(changes: SessionChanges & { readonly revision?: number }): Promise<SessionView> {
    return (await this.#calls.call('session/update', ofSession(this.id, changes))).session
  }

  /** Which model answers next, and what is known of that model. */
  model(): Promise<ModelView> {
    return this.#calls.call('model/get', { sessionId: this.id })
  }

  /** Changes the session's model from the next model call on, also within a run. */
  setModel(model: string): Promise<ModelView> {
    return this.#calls.call('model/set', { sessionId: this.id, model })
  }

  /**
   * Lets another model answer for this many assistant turns, beginning with the next. `rejected` says why it may not.
   */
  async switchModel(model: string, options: { readonly turns: number }): Promise<ModelView> {
    return this.#calls.call('model/switch', { ...ofSession(this.id, options), model })
  }

  /** The tools of the next turn, with the state of each. */
  tools(): Promise<ToolsView> {
    return this.#calls.call('tool/list', { sessionId: this.id })
  }

  /**
   * Limits the model to the tools in `allow`, without those in `deny`; without either, lifts the filter. In force
   * from the next boundary or turn on.
   */
  async filterTools(filter: ToolFilterParams = {}): Promise<{ readonly revision: number }> {
    return this.#calls.call('tool/filter', ofSession(this.id, filter))
  }

  /** Shows deferred tools to the model, from the next boundary or turn on. */
  async requestTools(names: readonly string[]): Promise<{ readonly revision: number }> {
    return this.#calls.call('tool/request', ofSession(this.id, { names }))
  }

  explain(): Promise<Explanation> {
    return this.#calls.call('session/explain', { sessionId: this.id })
  }
}

function* until<T>(signal: AbortSignal | undefined, items: readonly T[]): Generator<T, void> {
  for (const item of items) {
    if (signal?.aborted === true) return
    yield item
  }
}

/** An accepted input and its answer to come. */
export class SentInput<Output = unknown> {
  readonly outcome: SendAnswer['outcome']
  readonly inputId: InputId
  /** Every event about this input stands behind this cursor. */
  readonly cursor: string
  readonly #calls: Calls
  readonly #core: Core
  readonly #sessionId: SessionId
  readonly #schema: StandardSchema<Output> | undefined
  #result: Promise<SentResult<Output>> | undefined

  constructor(calls: Calls, sessionId: SessionId, answer: SendAnswer, schema?: StandardSchema<Output>) {
    checkFields('new SentInput', answer, { inputId: aWord, outcome: aText, cursor: aText })
    checkArgument('new SentInput', 'sessionId', sessionId, aWord)
    this.#core = insideOf(calls).core
    this.#calls = calls
    this.#sessionId = sessionId
    this.#schema = schema
    this.outcome = answer.outcome
    this.inputId = answer.inputId
    this.cursor = answer.cursor
  }

  /** Resolves when the input ended, however it ended: a failed run is an outcome here, not a rejection. */
  get result(): Promise<SentResult<Output>> {
    this.#result ??= this.#ended()
    return this.#result
  }

  /**
   * The events about this input, from its acceptance on, also where that was long ago; the iteration ends when the
   * input ends, in whatever way. Fails with `session-not-found` if the session is removed meanwhile.
   *
   * @param options.signal Ends the iteration early.
   */
  async *events(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<EventView, void> {
    const sessionId = this.#sessionId
    const signal = checkedSignal((fieldsOf(options, 'options') as typeof options).signal)
    yield* eventsOfInput<EventView>({
      inputId: this.inputId,
      after: this.cursor,
      read: (after, waitMs) =>
        this.#calls.call('events/read', { sessionId, after, limit: PAGE, waitMs }, defined({ signal })),
      isOpen: async () => isOpen((await endOf(this.#core, sessionId, this.inputId, 0)).status),
      signal,
    })
  }

  async #ended(): Promise<SentResult<Output>> {
    const ended = await endOf(this.#core, this.#sessionId, this.inputId, Number.POSITIVE_INFINITY)
    const { status, reason, result } = ended
    const { output, ...rest } = result ?? {}
    const shown = { status, ...(reason && { reason }), ...rest }
    return output === undefined ? shown : { ...shown, ...(await this.#outputOf(output, shown.runId)) }
  }

  /**
   * The answer as the caller's schema makes it. A schema may demand more than its JSON form can say; an answer that
   * fails it is a failure for this caller alone, and the answer's text is kept.
   */
  async #outputOf(output: unknown, runId: RunId | undefined): Promise<Partial<SentResult<Output>>> {
    // Without a schema nothing is known of the answer's type.
    if (this.#schema === undefined) return { output: output as Output }
    const checked = await checkedOutput(this.#schema, output)
    if ('value' in checked) return { output: checked.value }
    const message = `the answer of run ${runId ?? ''} does not fit outputSchema: ${checked.problem}`
    const code = 'structured-output-invalid'
    return { outcome: 'failed', error: { code, message, cause: code } }
  }
}
