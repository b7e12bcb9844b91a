/**
 * What a reader was told, so that it can be compared with what the log tells: facts by their cursors, and what a run
 * streamed as one text, for its pieces come as large as readers find them.
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
