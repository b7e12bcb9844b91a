/** Shows the events of a session on the screen of a chat. */
import { hintOf, textOf } from '../answer.ts'
import { oneLine } from '../failure.ts'
import { untilText } from '../until.ts'
import type { EventView, InputView } from '../views.ts'
import type { Screen } from './screen.ts'

export class Show {
  readonly #screen: Screen
  /** What was shown of the current text, and the text's run. */
  #shown = ''
  #key = ''

  constructor(screen: Screen) {
    this.#screen = screen
  }

  see(event: EventView): void {
    const { type, text } = event
    if (type === 'text.delta' && typeof text === 'string') this.#text(event, text)
    else if (type === 'text.completed' && typeof text === 'string') this.#complete(event, text)
    else if (type === 'tool.approval-needed') this.#approval(event)
    else if (type === 'tool.unknown')
      this.#screen.line(
        `what became of ${textOf(event, 'name')} is not known: /resolve ${textOf(event, 'callId')} retry|succeeded|failed`,
      )
    else {
      const hint = hintOf(event)
      if (hint !== undefined) this.#screen.note(hint)
    }
  }

  /** Shows how an input ended. */
  ended({ status, reason, result }: InputView): void {
    if (result?.outcome === 'completed') return
    if (result?.error !== undefined) this.#screen.line(`the run failed: ${oneLine(result.error.message)}`)
    else if (result?.outcome === 'cancelled') this.#screen.line('cancelled')
    else if (status !== 'consumed')
      this.#screen.line(`the input ended ${status}${reason === undefined ? '' : `: ${reason}`}`)
  }

  #text({ runId, turn }: EventView, text: string): void {
    const key = `${runId}:${turn}`
    if (key !== this.#key) this.#shown = ''
    this.#key = key
    this.#shown += text
    this.#screen.text(text)
  }

  /** Shows the part of the text that was missing in the deltas. */
  #complete(event: EventView, text: string): void {
    if (`${event.runId}:${event.turn}` !== this.#key) this.#shown = ''
    if (text.startsWith(this.#shown)) this.#screen.text(text.slice(this.#shown.length))
    if (!text.endsWith('\n')) this.#screen.text('\n')
    this.#key = ''
    this.#shown = ''
  }

  #approval(event: EventView): void {
    const [tool, args, callId] = ['name', 'args', 'callId'].map(field => textOf(event, field))
    const { expiresAt, onExpiry } = event
    const isSet = typeof expiresAt === 'string' && (onExpiry === 'allow' || onExpiry === 'deny')
    const until = isSet ? untilText({ expiresAt, onExpiry }) : ''
    const what = [tool, args].join(' ').trimEnd()
    this.#screen.line(`${what} waits for your decision${until}: /allow or /deny (call ${callId})`)
  }
}
