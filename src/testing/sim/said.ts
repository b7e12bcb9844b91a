/**
 * What a reader got, in a form that can be compared with the log: recorded events by their cursors, and a run's streamed
 * text as a whole, because the size of its pieces depends on the reader.
 */
import type { EventView } from '../../events.ts'

const STREAMED: ReadonlySet<string> = new Set([
  'turn.started',
  'turn.ended',
  'text.delta',
  'reasoning.delta',
  'reasoning.completed',
  'tool.progress',
  'budget.warning',
  'notice',
])

export class Heard {
  readonly cursors: string[] = []
  /** By run. */
  readonly said = new Map<string, string>()
  readonly #last = new Map<string, string>()

  add(event: EventView): void {
    const { type, cursor, runId = '' } = event
    if (!STREAMED.has(type)) {
      this.cursors.push(cursor.replace(/~.*/, ''))
      return
    }
    const { cursor: _, at: __, sessionId: ___, text, ...rest } = event
    const what = JSON.stringify(rest)
    const isMore = type.endsWith('.delta') && this.#last.get(runId) === what
    this.#last.set(runId, what)
    this.said.set(
      runId,
      `${this.said.get(runId) ?? ''}${isMore ? '' : `\n${what} `}${typeof text === 'string' ? text : ''}`,
    )
  }
}
