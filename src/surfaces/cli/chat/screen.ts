/**
 * The screen of a chat: the answer streams above, the line being typed stands below, and neither writes into the other.
 *
 * While nothing is typed the answer streams as it comes. The first key holds it back, gives the line a place of its own,
 * and with the end of the line (or when it is emptied) the answer goes on where it was.
 */
import { createInterface, type Interface } from 'node:readline'
import type { Output } from '../output.ts'

export interface ScreenEvents {
  onLine(line: string): void
  onInterrupt(): void
  /** No more lines will come. */
  onEnd(): void
}

interface Key {
  readonly sequence?: string
  readonly ctrl?: boolean
  readonly meta?: boolean
}

export class Screen {
  readonly #output: Output
  readonly #interactive: boolean
  readonly #lines: Interface
  #held: string[] | undefined
  #atLineStart = true
  #prompt = ''

  constructor(output: Output, events: ScreenEvents) {
    this.#output = output
    this.#interactive = output.terminal && process.stdin.isTTY
    this.#lines = createInterface({
      input: process.stdin,
      ...(this.#interactive && { output: process.stdout }),
      terminal: this.#interactive,
      historySize: 200,
    })
    this.#lines.setPrompt('')
    this.#lines.on('line', line => {
      this.#release(true)
      events.onLine(line)
    })
    this.#lines.on('SIGINT', () => events.onInterrupt())
    this.#lines.on('close', () => events.onEnd())
    // Before readline hears of the key, so that its echo finds the line prepared.
    if (this.#interactive) process.stdin.prependListener('keypress', (_: unknown, key: Key) => this.#onKey(key))
  }

  get interactive(): boolean {
    return this.#interactive
  }

  /** Shows that a line is wanted. */
  ask(prompt: string): void {
    this.#prompt = prompt
    if (!this.#interactive || this.#held !== undefined) return
    this.#fresh()
    this.#lines.setPrompt(this.#output.style('cyan', prompt))
    this.#lines.prompt()
    // What is written next begins below the line that is asked for.
    this.#atLineStart = false
  }

  /** While a run goes on no prompt stands on the screen. */
  quiet(prompt: string): void {
    this.#prompt = prompt
    this.#lines.setPrompt('')
  }

  /** Text of the answer, as it comes. */
  text(text: string): void {
    if (text === '') return
    if (this.#held !== undefined) {
      this.#held.push(text)
      return
    }
    this.#output.text(text)
    this.#atLineStart = text.endsWith('\n')
  }

  /** A line of its own. */
  line(text: string): void {
    if (this.#held !== undefined) {
      this.#held.push(`\n${text}\n`)
      return
    }
    this.#fresh()
    this.#output.line(text)
    this.#atLineStart = true
  }

  /** A line about what goes on, told to people only. */
  note(text: string): void {
    if (this.#interactive) this.line(this.#output.style('dim', text))
    else this.#output.hint(text)
  }

  /** The line being typed is given up. Answers whether there was one. */
  clearLine(): boolean {
    if (this.#lines.line === '') return false
    this.#lines.write(null, { ctrl: true, name: 'e' })
    this.#lines.write(null, { ctrl: true, name: 'u' })
    this.#release(false)
    return true
  }

  close(): void {
    this.#fresh()
    this.#lines.close()
  }

  #onKey({ sequence = '', ctrl, meta }: Key): void {
    const isText = ctrl !== true && meta !== true && sequence.length > 0 && sequence >= ' ' && sequence !== '\u007f'
    if (this.#held !== undefined || !isText || this.#lines.line !== '') return
    this.#held = []
    // At the prompt the line has its place already.
    if (this.#lines.getPrompt() !== '') return
    this.#fresh()
    this.#lines.setPrompt(this.#output.style('yellow', this.#prompt))
    this.#lines.prompt()
  }

  /** Shows what was held back. */
  #release(isNewLine: boolean): void {
    if (isNewLine) this.#atLineStart = true
    const held = this.#held
    this.#held = undefined
    if (held === undefined) return
    this.#lines.setPrompt('')
    if (!isNewLine) this.#fresh()
    for (const text of held) this.text(text)
  }

  #fresh(): void {
    if (this.#atLineStart) return
    this.#output.line()
    this.#atLineStart = true
  }
}
