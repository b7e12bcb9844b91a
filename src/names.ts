/**
 * What may be an id, a key or a name: the one rule, which every door and every store asks.
 *
 * Two names that differ must differ in every store and on every terminal. SQLite makes one character of all halves of
 * surrogate pairs, PostgreSQL takes neither those nor NUL, and a terminal obeys control characters.
 */
import { MeerkatError } from './errors.ts'

/** No control characters, no half surrogate pairs. */
export const PRINTABLE: RegExp = /^[^\p{Cc}\p{Cs}]*$/u

/** Longest id that a door takes. */
export const MAX_ID_CHARS = 200
/** Longest idempotency or supersession key that a door takes, and longest id or key that a store takes. */
export const MAX_KEY_CHARS = 500

export const NOT_PRINTABLE = 'must hold no control characters'

/** Why the value is no name, as the end of a sentence; undefined for one that is. */
function nameProblem(value: unknown, maxChars: number = MAX_ID_CHARS): string | undefined {
  if (typeof value !== 'string') return 'must be text'
  if (value === '') return 'must not be empty'
  if (value.length > maxChars) return `must hold at most ${maxChars} characters`
  return PRINTABLE.test(value) ? undefined : NOT_PRINTABLE
}

/** Refuses what is no name. `what` says what it would be the name of: "the session id". */
export function demandName(value: unknown, what: string, maxChars: number = MAX_KEY_CHARS): void {
  const problem = nameProblem(value, maxChars)
  if (problem !== undefined) throw new MeerkatError('invalid-params', `${what} ${problem}`, { details: { what } })
}

/** Refuses an id or a key that no store can hold, so that asking for it finds nobody else's. */
export function demandStorable(text: string, what: string): string {
  if (text.isWellFormed() && !text.includes('\0')) return text
  throw new MeerkatError('invalid-params', `${what} holds a NUL or half a surrogate pair: leave such characters out`, {
    details: { what },
  })
}
