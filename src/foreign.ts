/**
 * Reads values from code outside the runtime: a tool's answer, an executor's report, a thrown value.
 *
 * Nothing here throws, whatever the value does: getters that throw, objects without a prototype, cycles, BigInts. The
 * result is bounded, well-formed Unicode and plain JSON, so that every store, provider and terminal can take it.
 */

/** A longer message of a thrown value is cut. */
const MAX_MESSAGE_CHARS = 4096

/** Half a surrogate pair, which strict providers and PostgreSQL refuse. */
const ESCAPED_SURROGATE: RegExp = /\\ud[89a-f]/i

/**
 * A thrown value in words: its message, or whatever says most. Never a stack, and never longer than 4,096 characters.
 */
export function messageOf(thrown: unknown): string {
  try {
    return cutText(wellFormed(textOf(thrown)), MAX_MESSAGE_CHARS)
  } catch {
    return 'something that can not be read was thrown'
  }
}

/** A thrown value as an Error that can be read safely: even asking for its class may throw. */
export function errorOf(thrown: unknown): Error {
  try {
    if (thrown instanceof Error) return thrown
  } catch {
    // A value that throws even then is described by its message alone.
  }
  return new Error(messageOf(thrown))
}

function textOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  if (typeof thrown !== 'object' || thrown === null) return String(thrown)
  const { message, name } = thrown as { readonly message?: unknown; readonly name?: unknown }
  if (typeof message === 'string' && message !== '') return message
  if (thrown instanceof Error) return typeof name === 'string' ? name : 'Error'
  const json = jsonOf(thrown, MAX_MESSAGE_CHARS)
  return 'problem' in json ? Object.prototype.toString.call(thrown) : json.text
}

/** Ignores an answer: if it is a promise, its rejection must not end the process. */
export function unheard(answer: unknown): void {
  try {
    if (answer instanceof Promise) answer.catch(() => {})
  } catch {
    // A value that throws when it is read is no promise.
  }
}

/** A value as JSON gives it back, and its text. */
export interface Json {
  readonly text: string
  readonly value: unknown
}

/** Why a value has no JSON, as the end of a sentence: "it is a function". */
export interface NoJson {
  readonly problem: string
  /** The value has JSON, but longer than the limit. */
  readonly tooLong?: true
}

/**
 * The value as a copy that JSON can hold, with well-formed strings. `undefined` becomes `null`.
 *
 * @param maxChars The longest text; a longer one is a problem, found before the whole text is built where possible.
 */
export function jsonOf(value: unknown, maxChars: number = Number.POSITIVE_INFINITY): Json | NoJson {
  if (value === undefined) return { text: 'null', value: null }
  try {
    let budget = maxChars
    // The declared type hides that functions and symbols have no JSON.
    const text: unknown = JSON.stringify(value, (key, inner: unknown) => {
      budget -= key.length + (typeof inner === 'string' ? inner.length : 1)
      if (budget < 0) throw new TooLong()
      return inner
    })
    if (typeof text !== 'string') return { problem: `it is a ${typeof value}` }
    if (text.length > maxChars) return tooLong(maxChars)
    if (!ESCAPED_SURROGATE.test(text)) return { text, value: JSON.parse(text) as unknown }
    const mended: unknown = withWellFormedStrings(JSON.parse(text))
    return { text: JSON.stringify(mended), value: mended }
  } catch (error) {
    return error instanceof TooLong ? tooLong(maxChars) : { problem: messageOf(error) }
  }
}

class TooLong extends Error {}

const tooLong = (maxChars: number): NoJson => ({ problem: `it is longer than ${maxChars} characters`, tooLong: true })

/** Plain JSON in which every string and key is well-formed. */
export function withWellFormedStrings(value: unknown): unknown {
  if (typeof value === 'string') return wellFormed(value)
  if (Array.isArray(value)) return value.map(withWellFormedStrings)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [wellFormed(key), withWellFormedStrings(inner)]),
  )
}

/** The text, with each half of a surrogate pair replaced by U+FFFD. */
export function wellFormed(text: string): string {
  return text.toWellFormed()
}

/** The first `maxChars` UTF-16 units of a text, or one less where that would split a surrogate pair. */
export function cutText(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  const last = text.charCodeAt(maxChars - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? maxChars - 1 : maxChars)
}

/**
 * What observers are shown of a value: a long text is cut, and a value that can't be shown is replaced by a mark with
 * the reason.
 */
export function shownOf(value: unknown, maxChars: number): unknown {
  if (typeof value === 'string' && value.length > maxChars) {
    return `${wellFormed(cutText(value, maxChars))}\n[truncated: ${maxChars} of ${value.length} characters]`
  }
  const json = jsonOf(value, maxChars)
  return 'problem' in json ? { truncated: true, problem: json.problem } : json.value
}
