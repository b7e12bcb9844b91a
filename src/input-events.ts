/**
 * Which of a session's events concern one input, from its acceptance to its end.
 *
 * 1. An input has exactly one final event. What its commit tells besides (how the run ended) belongs to it still.
 * 2. That an input ended is read from its status, too: its final event may have been pruned, and a reader that waited
 *    for it alone would wait for ever.
 */

import { isBehindRecord, recordOf } from './cursor.ts'

/** The one event with which an input ends is one of these. */
export const FINAL_INPUT_EVENTS: ReadonlySet<string> = new Set([
  'input.consumed',
  'input.superseded',
  'input.coalesced',
  'input.abandoned',
  'input.withdrawn',
])

interface Told {
  readonly cursor: string
  readonly type: string
  readonly runId?: string | undefined
  readonly inputId?: string | undefined
  readonly [field: string]: unknown
}

/** The runs that worked on an input, learned from the events in their order. */
export class RunsOf {
  readonly #inputId: string
  readonly #runs = new Set<string>()

  constructor(inputId: string) {
    this.#inputId = inputId
  }

  see({ type, runId, inputId, inputIds }: Told): void {
    if (runId === undefined) return
    const startedFor: readonly unknown[] = type === 'run.started' && Array.isArray(inputIds) ? inputIds : []
    const isOurs = inputId === this.#inputId || startedFor.includes(this.#inputId)
    if (isOurs) this.#runs.add(runId)
  }

  has({ runId }: Pick<Told, 'runId'>): boolean {
    return runId !== undefined && this.#runs.has(runId)
  }
}

/** Where the events come from: a runtime in this process, or a server. */
export interface InputEventsSource<Event extends Told> {
  readonly inputId: string
  /** Everything that concerns the input comes behind this cursor. */
  readonly after: string
  /** The session's next events behind a cursor; none when `waitMs` passed without any. */
  readonly read: (
    after: string,
    waitMs: number,
  ) => Promise<{ readonly events: readonly Event[]; readonly cursor: string }>
  /** Whether the input has not ended. */
  readonly isOpen: () => Promise<boolean>
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined
}

/** A reader looks at the input's status this often while no event comes. */
const WAIT_MS = 15_000

/** The events that concern an input, oldest first; ends with it, however it ends. */
export async function* eventsOfInput<Event extends Told>(
  source: InputEventsSource<Event>,
): AsyncGenerator<Event, void, undefined> {
  const { inputId, signal } = source
  const seen = new Seen(inputId)
  let { after } = source
  let waitMs = 0
  for (let ended = false; !isAborted(signal); ) {
    const page = await source.read(after, waitMs)
    after = page.cursor
    for (const event of page.events) {
      if (isAborted(signal)) return
      if (seen.concerns(event)) yield event
    }
    if (seen.over(after)) return
    // Asked before the read that found nothing: its final event came before that read, and was pruned.
    if (page.events.length === 0 && ended) return
    ended = seen.final || (page.events.length === 0 && !(await source.isOpen()))
    waitMs = ended || page.events.length > 0 ? 0 : WAIT_MS
  }
}

/** Asked afresh: the compiler remembers what held before a `yield`. */
const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true

/** What was seen of an input: its runs, and the record that it ended in. */
class Seen {
  readonly #inputId: string
  readonly #runs: RunsOf
  #endedIn: string | undefined
  #over = false

  constructor(inputId: string) {
    this.#inputId = inputId
    this.#runs = new RunsOf(inputId)
  }

  get final(): boolean {
    return this.#endedIn !== undefined
  }

  /** Whether everything up to this cursor includes all that concerns the input. */
  over(cursor: string): boolean {
    return this.#over || (this.final && isBehindRecord(cursor))
  }

  concerns(event: Told): boolean {
    const record = recordOf(event.cursor)
    this.#over ||= this.final && record !== this.#endedIn
    if (this.#over) return false
    this.#runs.see(event)
    const isOwn = event.inputId === this.#inputId
    if (isOwn && FINAL_INPUT_EVENTS.has(event.type)) this.#endedIn = record
    return isOwn || this.#runs.has(event)
  }
}
