/**
 * Which of a session's events are about one input, from its acceptance to its end.
 *
 * 1. An input has exactly one final event. Other events of the same commit (how the run ended) are still about it.
 * 2. The end of an input is read from its status too: its final event may have been pruned, and a reader that waited
 *    only for that event would wait for ever.
 */

import { isBehindRecord, recordOf } from './cursor.ts'

/** An input ends with exactly one event of these types. */
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

/** Finds the runs that worked on an input, from the events in order. */
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

/** The source of the events: a runtime in this process, or a server. */
export interface InputEventsSource<Event extends Told> {
  readonly inputId: string
  /** Every event about the input stands behind this cursor. */
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

/** While no event comes, a reader reads the input's status this often. */
const WAIT_MS = 15_000

/** The events about an input, oldest first; the iteration ends with the input, in whatever way that ends. */
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
    // The status was read before the events: the final event came before, and was pruned.
    if (page.events.length === 0 && ended) return
    ended = seen.final || (page.events.length === 0 && !(await source.isOpen()))
    waitMs = ended || page.events.length > 0 ? 0 : WAIT_MS
  }
}

/** A function, because the compiler assumes that a property stays the same across a `yield`. */
const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true

/** What a reader knows of an input: its runs, and the record that it ended in. */
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

  /** Whether everything about the input stands at or before this cursor. */
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
