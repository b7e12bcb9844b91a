/**
 * The text of a record on disk: `@RUN@INPUT@{"v":2,"at":1,"steps":[{"type":"Prepare","runId":"@r"}]}`.
 *
 * A record names its session, its run and its input a dozen times. The run and the input are written once, before the
 * JSON, and are left out of it as fields of the record itself; inside, each of the three stands as a short token. The
 * session is the row's, so it is not written at all. A record that holds a token as a string of its own, or an id that
 * the header can't hold, is left as it is; one form starts with `@`, the other with `{`.
 *
 * Version 1 had the two ids at full length, no token for the session, and the record's fields in place.
 */
import type { RunId, SessionId } from '../kernel/ids.ts'
import { idOf, shortId } from './id-key.ts'

const RUN = '"@r"'
const INPUT = '"@i"'
const SESSION = '"@s"'
const FIRST_VERSION = '{"v":1,'

/** Whose record it is, and what it speaks of. */
export interface RecordIds {
  readonly sessionId: SessionId
  readonly runId: RunId | undefined
  readonly inputId: string | undefined
}

/** The text with its ids written once, or as it was. */
export function shorten(json: string, { sessionId, runId, inputId }: RecordIds): string {
  // Looked for without its first quote: a text search goes by the first character, and JSON is full of quotes.
  if (json.includes('@r"') || json.includes('@i"') || json.includes('@s"')) return json
  const run = headed(runId)
  const input = headed(inputId)
  const from = fieldsAt(json)
  const fields = fieldsOf(runId, inputId)
  if (run === undefined || input === undefined || from === 0 || !json.startsWith(fields, from)) return json
  let short = exchanged(json.slice(from + fields.length), JSON.stringify(sessionId), SESSION)
  if (runId !== undefined) short = exchanged(short, JSON.stringify(runId), RUN)
  if (inputId !== undefined) short = exchanged(short, JSON.stringify(inputId), INPUT)
  return `@${run}@${input}@${json.slice(0, from)}${short}`
}

/** The text as it was. */
export function lengthen(text: string, sessionId: string): string {
  if (!text.startsWith('@')) return text
  const second = text.indexOf('@', 1)
  const third = text.indexOf('@', second + 1)
  const [run, input, short] = [text.slice(1, second), text.slice(second + 1, third), text.slice(third + 1)]
  if (short.startsWith(FIRST_VERSION)) return named(short, run, input)
  const [runId, inputId] = [idOf(run), idOf(input)]
  const from = fieldsAt(short)
  const fields = fieldsOf(runId === '' ? undefined : runId, inputId === '' ? undefined : inputId)
  const rest = exchanged(short.slice(from), SESSION, JSON.stringify(sessionId))
  return short.slice(0, from) + fields + named(rest, runId, inputId)
}

const named = (short: string, runId: string, inputId: string): string =>
  exchanged(exchanged(short, RUN, JSON.stringify(runId)), INPUT, JSON.stringify(inputId))

/** An id as the header holds it; undefined if it can't. */
function headed(id: string | undefined): string | undefined {
  if (id === undefined) return ''
  const short = shortId(id)
  return short === '' || short?.includes('@') === true ? undefined : short
}

/** Where a record's fields begin after its version and its time, both numbers; 0 if it has no others. */
function fieldsAt(json: string): number {
  return json.indexOf(',', json.indexOf(',') + 1) + 1
}

function fieldsOf(runId: string | undefined, inputId: string | undefined): string {
  const run = runId === undefined ? '' : `"runId":${JSON.stringify(runId)},`
  return inputId === undefined ? run : `${run}"inputId":${JSON.stringify(inputId)},`
}

/**
 * One quoted text for another, as `replaceAll` does it, in a fraction of the time: every commit passes here. What is
 * looked for is the text without its quotes, which are compared where it is found.
 */
function exchanged(text: string, quoted: string, other: string): string {
  const bare = quoted.slice(1, -1)
  if (bare === '') return text
  let made = ''
  let from = 0
  for (let at = text.indexOf(bare, 1); at >= 0; at = text.indexOf(bare, at + bare.length)) {
    if (text[at - 1] !== '"' || text[at + bare.length] !== '"') continue
    made += text.slice(from, at - 1) + other
    from = at + bare.length + 1
  }
  return from === 0 ? text : made + text.slice(from)
}
