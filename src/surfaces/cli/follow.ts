/**
 * Watches one input until it has ended.
 *
 * Events show what happens meanwhile, but the end is read from the input's status. So a lost event can delay the answer
 * by one wait, and can't lose it.
 */
import { defined } from '../../defined.ts'
import { FINAL_INPUT_EVENTS } from '../../input-events.ts'
import type { Ask } from './ask.ts'
import type { EventView, InputStatus, InputView } from './views.ts'

const WAIT_MS = 15_000
const PAGE = 500

export interface Watched {
  readonly sessionId: string
  readonly inputId: string
  /** Events behind this cursor are read. */
  readonly after: string | undefined
}

export type Followed =
  | { readonly type: 'ended'; readonly input: InputView }
  /** The work waits for a person; later events are behind `cursor`. */
  | { readonly type: 'parked'; readonly cursor: string }

/** Whether an input with this status has ended. */
function isEnded(status: InputStatus): boolean {
  return FINAL_INPUT_EVENTS.has(`input.${status}`)
}

/** Follows the input to its end, or until its work waits for a person. */
export async function follow(ask: Ask, watched: Watched, onEvent: (event: EventView) => void): Promise<Followed> {
  const { sessionId, inputId } = watched
  let after = watched.after
  // The first read does not wait, because the events may have happened before.
  let waitMs = 0
  for (;;) {
    const page = await ask('events/read', { sessionId, ...defined({ after }), limit: PAGE, waitMs })
    after = page.cursor
    waitMs = WAIT_MS
    for (const event of page.events) onEvent(event)
    if (page.events.length > 0 && !page.events.some(event => mayEnd(event, inputId))) continue
    const { input } = await ask('input/get', { sessionId, inputId })
    if (isEnded(input.status)) return { type: 'ended', input }
    if (input.status === 'queued' && (await isParked(ask, sessionId))) return { type: 'parked', cursor: page.cursor }
  }
}

/** Whether the status has to be read after this event. */
function mayEnd({ type, inputId }: EventView, wanted: string): boolean {
  if (type === 'run.parked' || type === 'tool.unknown') return true
  return inputId === wanted && FINAL_INPUT_EVENTS.has(type)
}

/** Whether a call of the session waits for a person. */
export async function isParked(ask: Ask, sessionId: string): Promise<boolean> {
  const { calls } = await ask('call/list', { sessionId })
  return calls.some(({ state }) => state === 'unknown' || state === 'awaitingApproval')
}

/** The end of a session's log: events behind it are new. */
export async function endOfLog(ask: Ask, sessionId: string): Promise<string | undefined> {
  let after: string | undefined
  for (;;) {
    const page = await ask('events/read', { sessionId, limit: 1000, ...defined({ after }) })
    if (page.events.length === 0) return after
    after = page.cursor
  }
}
