/** Prints the tour: short lines at a pace that can be read. */
import type { Output } from '../output.ts'

/** How long a line stands before the next one. */
const LINE_MS = 450
const CHARACTER_MS = 26

export class Stage {
  readonly #output: Output
  readonly #fast: boolean
  #atLineStart = true

  constructor(output: Output, options: { readonly fast: boolean }) {
    this.#output = output
    this.#fast = options.fast
  }

  /** A duration of the show: long enough to be seen, or as short as possible. */
  span(ms: number, fastMs: number): number {
    return this.#fast ? fastMs : ms
  }

  async chapter(title: string): Promise<void> {
    this.#line('')
    this.#line(this.#output.style('bold', title))
    await this.#rest(title)
  }

  /** An explanation. */
  async say(text: string): Promise<void> {
    this.#line(`  ${text}`)
    await this.#rest(text)
  }

  /** A command that the viewer could have typed. */
  async type(command: string): Promise<void> {
    this.#line(`  ${this.#output.style('cyan', `$ ${command}`)}`)
    await this.#rest(command)
  }

  /** A fact that was observed. */
  async fact(text: string, mark: 'plain' | 'good' | 'bad' = 'plain'): Promise<void> {
    this.#line(`    ${this.#output.style(STYLES[mark], text)}`)
    await this.#rest('')
  }

  /** Text of an answer, as it comes. */
  stream(text: string): void {
    if (this.#atLineStart) this.#output.text('    ')
    this.#output.text(text.replaceAll('\n', '\n    '))
    this.#atLineStart = false
  }

  /** Ends the line of an answer. */
  endLine(): void {
    if (!this.#atLineStart) this.#output.line()
    this.#atLineStart = true
  }

  #line(text: string): void {
    this.endLine()
    this.#output.line(text)
  }

  async #rest(text: string): Promise<void> {
    if (this.#fast) return
    const { promise, resolve } = Promise.withResolvers<void>()
    setTimeout(resolve, LINE_MS + text.length * CHARACTER_MS)
    await promise
  }
}

const STYLES = { plain: 'dim', good: 'green', bad: 'red' } as const
