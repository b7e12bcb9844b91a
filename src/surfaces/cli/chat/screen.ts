/**
 * The screen of a chat: the answer streams above, the line being typed stands below, and neither disturbs the other.
 *
 * While nothing is typed, the answer streams as it comes. The first key holds the answer back and gives the line a
 * place of its own; when the line ends or is emptied, the answer goes on where it was.
 */
import { createInterface, type Interface } from 'node:readline'
import type { Output } from '../output.ts'

/** Asks the terminal to mark pasted text, and to stop marking it. */
const PASTE_MARKED = '\u001b[?2004h'
const PASTE_UNMARKED = '\u001b[?2004l'

export interface ScreenEvents {
  onLine(line: string): void
  onInterrupt(): void
  /** Called when no more lines will come. */
  onEnd(): void
}

interface Key {
  readonly name?: string
  readonly sequence?: string
  readonly ctrl?: boolean
  readonly meta?: boolean
}

export class Screen {
  readonly #output: Output
  readonly #interactive: boolean
  readonly #lines: Interface
  /** What came while a line is being typed, to be shown after it. */
  #held: (() => void)[] | undefined
  /** The lines of the input being typed or pasted, apart from the last. */
  readonly #typed: string[] = []
  #pasting = false
  #flushing = false
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
    this.#lines.on('line', line => this.#onTyped(line, events))
    this.#lines.on('SIGINT', () => events.onInterrupt())
    this.#lines.on('close', () => events.onEnd())
    // Before readline gets the key, so that its echo finds the line prepared.
    if (!this.#interactive) return
    process.stdin.prependListener('keypress', (_: unknown, key: Key) => this.#onKey(key))
    process.stdout.write(PASTE_MARKED)
  }

  get interactive(): boolean {
    return this.#interactive
  }

  /** Shows the prompt. */
  ask(prompt: string): void {
    this.#prompt = prompt
    if (!this.#interactive || this.#held !== undefined) return
    this.#fresh()
    this.#lines.setPrompt(this.#output.style('cyan', prompt))
    this.#lines.prompt()
    // What is written next begins below the prompt's line.
    this.#atLineStart = false
  }

  /** Removes the prompt while a run goes on. */
  quiet(prompt: string): void {
    this.#prompt = prompt
    this.#lines.setPrompt('')
  }

  /** Shows text of the answer as it comes. */
  text(text: string): void {
    if (text === '') return
    if (this.#held !== undefined) {
      this.#held.push(() => this.text(text))
      return
    }
    this.#output.text(text)
    this.#atLineStart = text.endsWith('\n')
  }

  /** Shows a line of its own. */
  line(text: string): void {
    if (this.#held !== undefined) {
      this.#held.push(() => this.line(text))
      return
    }
    this.#fresh()
    this.#output.line(text)
    this.#atLineStart = true
  }

  /** Shows a line about progress, to people only. */
  note(text: string): void {
    if (this.#interactive) this.line(this.#output.style('dim', text))
    else this.#output.hint(text)
  }

  /** Drops the line being typed. Answers whether there was one. */
  clearLine(): boolean {
    const isTyped = this.#lines.line !== '' || this.#typed.length > 0
    this.#typed.length = 0
    if (!isTyped) return false
    this.#lines.write(null, { ctrl: true, name: 'e' })
    this.#lines.write(null, { ctrl: true, name: 'u' })
    this.#release(false)
    return true
  }

  close(): void {
    this.#fresh()
    if (this.#interactive) process.stdout.write(PASTE_UNMARKED)
    this.#lines.close()
  }

  /**
   * A line was ended, by a key or by pasted text. Lines that come in one piece were pasted, even where the terminal
   * does not mark that, and are one input. Commands stay lines of their own.
   */
  #onTyped(line: string, events: ScreenEvents): void {
    if (!this.#interactive) return events.onLine(line)
    this.#typed.push(line)
    if (this.#pasting || this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      if (this.#pasting) return
      this.#release(true)
      const typed = this.#typed.splice(0)
      if (typed.some(one => one.startsWith('/'))) for (const one of typed) events.onLine(one)
      else events.onLine(typed.join('\n'))
    })
  }

  #onKey({ name, sequence = '', ctrl, meta }: Key): void {
    if (name === 'paste-start') this.#pasting = true
    if (name === 'paste-end') this.#pasting = false
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
    for (const show of held) show()
  }

  #fresh(): void {
    if (this.#atLineStart) return
    this.#output.line()
    this.#atLineStart = true
  }
}
