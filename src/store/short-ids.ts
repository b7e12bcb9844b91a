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

/** The session, run and input of a record. */
export interface RecordIds {
  readonly sessionId: SessionId
  readonly runId: RunId | undefined
  readonly inputId: string | undefined
}

/** The text with each id written once; unchanged if it can't be shortened. */
export function shorten(json: string, { sessionId, runId, inputId }: RecordIds): string {
  if (containsToken(json)) return json
  const [runText, inputText] = [quoted(runId), quoted(inputId)]
  const [run, input] = [asHeader(runId, runText), asHeader(inputId, inputText)]
  if (run === undefined || input === undefined) return json
  const fields = fieldsOf(runText, inputText)
  const from = fieldsAt(json)
  if (from === 0 || !json.startsWith(fields, from)) return json
  let short = replaceQuoted(json.slice(from + fields.length), quoted(sessionId), SESSION)
  short = replaceQuoted(replaceQuoted(short, runText, RUN), inputText, INPUT)
  return `@${run}@${input}@${json.slice(0, from)}${short}`
}

/** Restores the text that `shorten` was given. */
export function lengthen(text: string, sessionId: string): string {
  if (!text.startsWith('@')) return text
  const second = text.indexOf('@', 1)
  const third = text.indexOf('@', second + 1)
  const [run, input, short] = [text.slice(1, second), text.slice(second + 1, third), text.slice(third + 1)]
  if (short.startsWith(FIRST_VERSION))
    return replaceQuoted(replaceQuoted(short, RUN, quoted(run)), INPUT, quoted(input))
  const [runText, inputText] = [quoted(idOf(run)), quoted(idOf(input))]
  const from = fieldsAt(short)
  const rest = replaceQuoted(replaceQuoted(short.slice(from), RUN, runText), INPUT, inputText)
  return short.slice(0, from) + fieldsOf(runText, inputText) + replaceQuoted(rest, SESSION, quoted(sessionId))
}

/** Searched without the first quote: a text search starts from the first character, and JSON is full of quotes. */
function containsToken(json: string): boolean {
  return json.includes('@r"') || json.includes('@i"') || json.includes('@s"')
}

/** An id as the header holds it, empty for none; undefined if it can't. */
function asHeader(id: string | undefined, text: string): string | undefined {
  if (id === undefined) return ''
  // Databases refuse or change some characters that JSON has to escape, so such an id stays within the JSON.
  if (text.length !== id.length + 2) return undefined
  const short = shortId(id)
  return short === '' || short?.includes('@') === true ? undefined : short
}

/** An id as JSON has it, empty for none. */
const quoted = (id: string | undefined): string => (id === undefined || id === '' ? '' : JSON.stringify(id))

/** Where a record's fields begin after its version and its time, both numbers; 0 if it has no others. */
function fieldsAt(json: string): number {
  return json.indexOf(',', json.indexOf(',') + 1) + 1
}

function fieldsOf(runText: string, inputText: string): string {
  const run = runText === '' ? '' : `"runId":${runText},`
  return inputText === '' ? run : `${run}"inputId":${inputText},`
}

/** Length of the piece that is searched for: V8 finds a short piece without building tables. */
const PIECE = 6

/**
 * Replaces one quoted text by another, as `replaceAll` does, in a fraction of the time: every commit passes here. It
 * searches for the text's end, where ids differ, and compares the whole where it finds that.
 */
function replaceQuoted(text: string, one: string, other: string): string {
  if (one === '') return text
  const piece = one.slice(1, -1).slice(-PIECE)
  const lead = one.length - 1 - piece.length
  let made = ''
  let from = 0
  for (let at = text.indexOf(piece, lead); at >= 0; at = text.indexOf(piece, at + 1)) {
    const start = at - lead
    if (start < from || !text.startsWith(one, start)) continue
    made += text.slice(from, start) + other
    from = start + one.length
  }
  return from === 0 ? text : made + text.slice(from)
}
