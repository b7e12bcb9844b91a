/**
 * Splits text into lines as exports have them: only a line feed ends one, because JSON may contain U+2028 and the
 * like.
 */
import { MeerkatError } from '../../errors.ts'

/** Longer lines are refused: a line holds one record or one file. */
const MAX_CHARS = 256 * 1024 * 1024

/** The lines in a stream of bytes, without line ends. `invalid-params` for one that is too long. */
export async function* linesIn(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  let [pieces, chars]: [string[], number] = [[], 0]
  for await (const chunk of chunks) {
    const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split('\n')
    pieces.push(first)
    chars += first.length
    for (const next of others) {
      yield withoutReturn(pieces.join(''))
      pieces = [next]
      chars = next.length
    }
    if (chars > MAX_CHARS) throw new MeerkatError('invalid-params', `a line has at most ${MAX_CHARS} characters`)
  }
  const last = pieces.join('') + decoder.decode()
  if (last !== '') yield withoutReturn(last)
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line)
