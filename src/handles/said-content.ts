/** Checks and copies the content of an input that a handle offers. */
import { MeerkatError } from '../errors.ts'
import { jsonOf, messageOf } from '../foreign.ts'
import { type PeerInput, peerInput } from '../session/peer-input.ts'
import type { Content, ContentPart } from '../store/records.ts'
import { peerSaid } from './peer-said.ts'

/** The longest content of one input through a handle, as JSON. */
const MAX_CHARS = 10_485_760

/** Text, or parts of text and data. Throws `invalid-params`, `too-large`, and `unsupported` for files. */
export function saidContent(content: unknown): Content {
  const json = jsonOf(content, MAX_CHARS)
  if ('problem' in json) {
    const code = json.tooLong === true ? 'too-large' : 'invalid-params'
    throw new MeerkatError(code, `the content can't be taken: ${json.problem}`)
  }
  const { value } = json
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) throw wrong('the content is a text or a list of parts')
  return value.map((part: unknown) => saidPart(part))
}

/** The input that a peer's message becomes. Throws `invalid-params` and `too-large`. */
export function saidByPeer(peer: unknown, content: unknown, told: Parameters<typeof peerInput>[2]): PeerInput {
  const body = saidContent(content)
  let checked: ReturnType<typeof peerSaid.safeParse>
  try {
    checked = peerSaid.safeParse(peer)
  } catch (error) {
    // A getter of the caller's object threw.
    throw wrong(messageOf(error), 'peer')
  }
  if (checked.success) return peerInput(checked.data, body, told)
  const [issue] = checked.error.issues
  throw wrong(issue?.message ?? 'is not valid', ['peer', ...(issue?.path ?? [])].join('.'))
}

function saidPart(part: unknown): ContentPart {
  const { type, text, value }: Readonly<Record<string, unknown>> =
    typeof part === 'object' && part !== null ? { ...part } : {}
  if (type === 'text' && typeof text === 'string') return { type, text }
  if (type === 'json' && value !== undefined) return { type, value }
  if (type !== 'file') throw wrong('a part of the content is a text with its `text`, or json with its `value`')
  throw new MeerkatError('unsupported', 'a handle takes no files in: offer the input with acceptInput')
}

function wrong(message: string, path: string = 'content'): MeerkatError {
  return new MeerkatError('invalid-params', message, { details: { issues: [{ path, message }] } })
}
