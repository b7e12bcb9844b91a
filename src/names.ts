/**
 * What may be an id, a key or a name: one rule for every door and every store.
 *
 * Two different names must differ in every store and on every terminal. SQLite turns all halves of surrogate pairs into
 * one character, PostgreSQL refuses them and NUL, and a terminal obeys control characters.
 */
import { MeerkatError } from './errors.ts'

/** Text without control characters and halves of surrogate pairs. */
export const PRINTABLE: RegExp = /^[^\p{Cc}\p{Cs}]*$/u

/** The longest id that a door accepts. */
export const MAX_ID_CHARS = 200
/** The longest idempotency or supersession key that a door accepts, and the longest id or key that a store accepts. */
export const MAX_KEY_CHARS = 500

export const NOT_PRINTABLE = 'must hold no control characters'

/** Why the value is no name, as the end of a sentence; undefined: it is one. */
function nameProblem(value: unknown, maxChars: number = MAX_ID_CHARS): string | undefined {
  if (typeof value !== 'string') return 'must be text'
  if (value === '') return 'must not be empty'
  if (value.length > maxChars) return `must hold at most ${maxChars} characters`
  return PRINTABLE.test(value) ? undefined : NOT_PRINTABLE
}

/** Refuses a value that is no name. `what` says which name it would be, such as "the session id". */
export function demandName(value: unknown, what: string, maxChars: number = MAX_KEY_CHARS): void {
  const problem = nameProblem(value, maxChars)
  if (problem !== undefined) throw new MeerkatError('invalid-params', `${what} ${problem}`, { details: { what } })
}

/** Refuses an id or a key that no store can hold, so that a lookup can't find another one. */
export function demandStorable(text: string, what: string): string {
  if (text.isWellFormed() && !text.includes('\0')) return text
  throw new MeerkatError('invalid-params', `${what} holds a NUL or half a surrogate pair: leave such characters out`, {
    details: { what },
  })
}
