/** Follows JSON text character by character, so that the end of a value is known without parsing again and again. */
export class Brackets {
  #depth = 0
  #inString = false
  #escaped = false
  /** Whether the text so far ends with a complete object or array. */
  isComplete: boolean = false

  /** Whether this character ends an outermost object or array. */
  closes(char: number): boolean {
    this.isComplete &&= SPACES.has(char)
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (char === BACKSLASH) this.#escaped = true
      else if (char === QUOTE) this.#inString = false
      return false
    }
    if (char === QUOTE) this.#inString = true
    else if (char === OPEN_BRACE || char === OPEN_BRACKET) this.#depth++
    else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) this.isComplete = --this.#depth === 0
    return this.isComplete && !SPACES.has(char)
  }

  follow(text: string): void {
    for (let at = 0; at < text.length; at++) this.closes(text.charCodeAt(at))
  }
}

const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]
const SPACES: ReadonlySet<number> = new Set([0x20, 0x0a, 0x0d, 0x09])
