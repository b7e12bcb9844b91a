/**
 * Shows the work on an input as it happens: the model's text on stdout, everything else as hints.
 *
 * The text of `text.completed` is complete; deltas only show it earlier. Text that was missing in the deltas is printed
 * when the text is complete, so nothing is missing even if deltas are lost.
 */
import { RunsOf } from '../../input-events.ts'
import { brief, type Output } from './output.ts'
import type { EventView } from './views.ts'

export class AnswerPrinter {
  readonly #output: Output
  readonly #runs: RunsOf
  /** What was printed of the current text. */
  #printed = ''
  #key = ''
  #atLineStart = true
  /** Whether anything was printed. */
  #wrote = false

  constructor(output: Output, inputId: string) {
    this.#output = output
    this.#runs = new RunsOf(inputId)
  }

  /** Whether any text was shown. */
  get wrote(): boolean {
    return this.#wrote
  }

  see(event: EventView): void {
    this.#runs.see(event)
    if (!this.#runs.has(event)) return
    const { type, text } = event
    if (type === 'text.delta' && typeof text === 'string') this.#delta(event, text)
    else if (type === 'text.completed' && typeof text === 'string') this.#completed(event, text)
    else this.#other(event)
  }

  /** Ends the current line. */
  finish(): void {
    if (this.#atLineStart) return
    this.#output.line()
    this.#atLineStart = true
  }

  /** A hint below the text that was printed so far. */
  hint(text: string): void {
    // On a terminal the hint would otherwise stand in the middle of a line of the answer.
    if (this.#output.terminal) this.finish()
    this.#output.hint(text)
  }

  #delta(event: EventView, text: string): void {
    this.#begin(event)
    this.#write(text)
    this.#printed += text
  }

  #completed(event: EventView, text: string): void {
    this.#begin(event)
    if (text.startsWith(this.#printed)) this.#write(text.slice(this.#printed.length))
    this.#printed = ''
    this.#key = ''
    this.finish()
  }

  /** Texts of different model calls begin on new lines. */
  #begin({ runId, turn }: EventView): void {
    const key = `${runId}:${turn}`
    if (key === this.#key) return
    this.finish()
    this.#key = key
    this.#printed = ''
  }

  #write(text: string): void {
    if (text === '') return
    this.#output.text(text)
    this.#wrote = true
    this.#atLineStart = text.endsWith('\n')
  }

  #other(event: EventView): void {
    const hint = hintOf(event)
    if (hint !== undefined) this.hint(hint)
  }
}

/** What a person may want to know about an event that is no text. */
export function hintOf(event: EventView): string | undefined {
  const { type } = event
  const tool = textOf(event, 'name') || 'a tool'
  switch (type) {
    case 'tool.requested':
      return `· ${tool} ${textOf(event, 'args')}`.trimEnd()
    case 'tool.failed':
      return `· ${tool} failed ${textOf(event, 'code')}`.trimEnd()
    case 'tool.unknown':
      return `· what became of ${tool} is not known (call ${textOf(event, 'callId')})`
    case 'input.steered':
      return `· steered at boundary ${textOf(event, 'boundary')}`
    case 'run.interrupted':
      return `· the attempt ended (${textOf(event, 'cause')}); another one follows`
    case 'notice':
      return `· ${textOf(event, 'message')}`
    default:
      return undefined
  }
}

/** A field of an event on one line; empty where the event has no such field. */
export function textOf(event: EventView, field: string): string {
  return brief(event[field], 200)
}
