/**
 * A conversation with one session: the inputs that were sent and have not ended, and the events about them.
 *
 * One loop reads the log by cursor. When a server turns out to own the session, sending and reading continue through
 * the server: cursors belong to the store, so no event is missed or shown twice.
 */

import { defined } from '../../../defined.ts'
import { asMeerkatError, type MeerkatError } from '../../../errors.ts'
import { FINAL_INPUT_EVENTS } from '../../../input-events.ts'
import { isOpen } from '../../../session/input-status.ts'
import type { Connection } from '../ask.ts'
import { withOwner } from '../connection.ts'
import { endOfLog } from '../follow.ts'
import type { Cancelled } from '../interrupts.ts'
import type { Shell } from '../shell.ts'
import type { Target } from '../target-session.ts'
import type { EventView, InputView } from '../views.ts'

const WAIT_MS = 20_000
const PAGE = 500

export interface ConversationEvents {
  onEvent(event: EventView): void
  /** Called when an input of this conversation ended. */
  onEnded(input: InputView): void
  /** Called when the log can't be read any more. */
  onLost(error: MeerkatError): void
}

export class Conversation {
  readonly #shell: Shell
  readonly #target: Target
  readonly #events: ConversationEvents
  readonly #pending = new Set<string>()
  readonly #stop = new AbortController()
  #connection: Connection
  #after: string | undefined
  #reading: Promise<void> | undefined
  #idle: PromiseWithResolvers<void> | undefined

  constructor(shell: Shell, connection: Connection, target: Target, events: ConversationEvents) {
    this.#shell = shell
    this.#connection = connection
    this.#target = target
    this.#events = events
  }

  get sessionId(): string {
    return this.#target.session.id
  }

  get connection(): Connection {
    return this.#connection
  }

  /** Whether an input that was sent has not ended. */
  get busy(): boolean {
    return this.#pending.size > 0
  }

  /** Takes up the session's unfinished work, and reads events from now on. */
  async begin(): Promise<void> {
    if (this.#target.session.unfinished > 0) {
      const { inputs } = await this.#connection.ask('input/list', { sessionId: this.sessionId, limit: 1000 })
      for (const { id, status } of inputs) if (isOpen(status)) this.#pending.add(id)
    }
    if (this.#target.session.messages > 0 || this.busy)
      this.#after = await endOfLog(this.#connection.ask, this.sessionId)
    if (!this.busy) return
    // Takes the session up, so that the work it owes goes on in this process or on the server.
    await this.#connection.ask('session/resume', { sessionId: this.sessionId })
    this.#read()
  }

  /** Sends a line; answers what was accepted. */
  async send(content: string, mode: 'queue' | 'steer'): Promise<InputView> {
    const { model } = this.#target
    const { maxRunMs } = await this.#shell.settings()
    const params = {
      sessionId: this.sessionId,
      content,
      mode,
      resume: true,
      ...defined({ model, maxRunMs }),
    }
    const { value: sent, connection } = await withOwner(this.#shell, this.#connection, ({ ask }) =>
      ask('input/send', params),
    )
    this.#connection = connection
    this.#pending.add(sent.inputId)
    this.#after ??= sent.cursor
    this.#read()
    // The end of the input may have been read before the answer to the sending.
    return this.#check(sent.inputId)
  }

  async cancel(when: 'boundary' | 'now'): Promise<Cancelled> {
    return this.#connection.ask('run/cancel', { sessionId: this.sessionId, when })
  }

  /** Resolves when every input that was sent has ended. */
  async idle(): Promise<void> {
    if (!this.busy) return
    this.#idle ??= Promise.withResolvers<void>()
    await this.#idle.promise
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#reading
  }

  #read(): void {
    this.#reading ??= this.#readAll().catch((error: unknown) => this.#events.onLost(asMeerkatError(error)))
  }

  async #readAll(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const page = await this.#nextPage(signal)
      if (page === undefined) return
      this.#after = page.cursor
      for (const event of page.events) await this.#take(event)
      if (page.events.length === 0) await this.#checkPending()
    }
  }

  async #nextPage(
    signal: AbortSignal,
  ): Promise<{ readonly events: readonly EventView[]; readonly cursor: string } | undefined> {
    try {
      const position = {
        sessionId: this.sessionId,
        limit: PAGE,
        waitMs: WAIT_MS,
        ...defined({ after: this.#after }),
      }
      const page = await this.#connection.ask('events/read', position, { signal })
      return signal.aborted ? undefined : page
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    }
  }

  async #take(event: EventView): Promise<void> {
    this.#events.onEvent(event)
    const { type, inputId } = event
    if (inputId !== undefined && this.#pending.has(inputId) && FINAL_INPUT_EVENTS.has(type)) await this.#check(inputId)
  }

  /** Reads the status of open inputs, because a lost event must not leave the conversation waiting. */
  async #checkPending(): Promise<void> {
    for (const inputId of this.#pending) await this.#check(inputId)
  }

  /** Reads the input, and finishes with it where it has ended. */
  async #check(inputId: string): Promise<InputView> {
    const { input } = await this.#connection.ask('input/get', { sessionId: this.sessionId, inputId })
    if (!FINAL_INPUT_EVENTS.has(`input.${input.status}`) || !this.#pending.delete(inputId)) return input
    this.#events.onEnded(input)
    if (this.busy) return input
    this.#idle?.resolve()
    this.#idle = undefined
    return input
  }
}
