/**
 * Turns what a peer sent into the text of an input. The text is the kernel's projection of the sender and the subject,
 * made where the input is admitted and nowhere else: journal, transcript, executor and model all get this text.
 */
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import { jsonOf } from '../foreign.ts'
import type { PeerCorrelationId } from '../kernel/ids.ts'
import { beginningOf, isOfPeer, unmarked } from '../kernel/marks.ts'
import {
  blockPrefixText,
  contextKey,
  type PeerConversationProjection,
  PeerResponseTerminalFactError,
  type PeerSaid,
  peerResponseTerminalFact,
  promptText,
} from '../kernel/peer-conversation.ts'
import type { InteractionsInput } from '../kernel/regions/interactions/input.ts'
import type { AcceptInput } from '../kernel/regions/ledger/input.ts'
import type { InputKind, Lane } from '../kernel/regions/ledger/state.ts'
import type { Content, ContentPart } from '../store/records.ts'

/** An input of a peer as the ledger takes it. */
export interface PeerInput {
  readonly nature: Pick<AcceptInput, 'kind' | 'origin' | 'intent' | 'malformedTerminal'>
  readonly content: Content
  /** A key under which it joins the conversation once, however often it arrives. */
  readonly once?: string
  /** What it means for a request: the session owes an answer to this one, or has got the answer to one of its own. */
  readonly interaction?: (lane: Lane) => InteractionsInput
}

/** What the kernel has to be told together with an input of a peer. */
export type PeerConsequences = Pick<PeerInput, 'once' | 'interaction'>

type Told = Pick<AcceptInput, 'kind' | 'origin' | 'intent'>

const KINDS = {
  Message: 'peer-message',
  Request: 'peer-request',
  ResponseProgress: 'peer-response-progress',
  ResponseTerminal: 'peer-response-terminal',
} as const

/** A longer payload, as JSON, is refused. */
const MAX_PAYLOAD_CHARS = 10_485_760

/**
 * The input that a peer's message becomes. `content` is the body of a message, and is shown beside anything else;
 * `told` is what the host adds about it. Throws `invalid-params`, and `too-large` for a payload.
 */
export function peerInput(said: PeerSaid, content: Content | undefined, told: Told = {}): PeerInput {
  const kind = KINDS[said.type]
  if ((told.kind ?? kind) !== kind) throw wrong('kind', `it is ${kind} where the peer's word is a ${said.type}`)
  const nature = { kind, origin: told.origin ?? 'peer' } as const
  const projection = projectionOf(said)
  // The kernel refuses it, so its text is never read.
  if (projection === undefined) return { nature: { ...nature, malformedTerminal: true }, content: content ?? '' }
  const key = contextKey(projection)
  const interaction = interactionOf(projection)
  return {
    ...(interaction && { interaction }),
    nature: said.type === 'Request' ? { ...nature, intent: told.intent ?? said.intent } : nature,
    content: contentOf(projection, content),
    ...defined({ once: key }),
  }
}

function interactionOf(projection: PeerConversationProjection): PeerInput['interaction'] {
  switch (projection.type) {
    case 'Message':
      return undefined
    case 'Request': {
      const correlationId = projection.requestId as PeerCorrelationId
      return lane => ({ type: 'PeerRequestReceived', correlationId, lane })
    }
    case 'ResponseProgress': {
      const correlationId = projection.requestId as PeerCorrelationId
      return () => ({ type: 'PeerResponseProgressArrived', correlationId })
    }
    case 'ResponseTerminal': {
      const { correlationId: id, status } = projection.fact
      const correlationId: string = id
      const disposition = status === 'Completed' ? 'Completed' : 'Failed'
      return () => ({
        type: 'PeerResponseTerminalArrived',
        correlationId: correlationId as PeerCorrelationId,
        disposition,
      })
    }
  }
}

/** The kernel's projection; undefined for a terminal response that can't be projected. */
function projectionOf(said: PeerSaid): PeerConversationProjection | undefined {
  if (said.type === 'Message') return said
  const payload = plain(said.payload)
  if (said.type !== 'ResponseTerminal') return { ...said, payload }
  try {
    return { type: said.type, fact: peerResponseTerminalFact({ ...said, payload }) }
  } catch (error) {
    if (error instanceof PeerResponseTerminalFactError) return undefined
    throw error
  }
}

function contentOf(projection: PeerConversationProjection, content: Content | undefined): Content {
  const prefix = blockPrefixText(projection)
  if (prefix !== undefined) {
    if (content === undefined || content.length === 0) throw wrong('content', "a peer's message has a content")
    return typeof content === 'string' ? `${prefix}\n${content}` : [textPart(prefix), ...content]
  }
  const text = promptText(projection)
  if (content === undefined || content.length === 0) return text
  return [textPart(text), ...(typeof content === 'string' ? [textPart(content)] : content)]
}

/**
 * The content of an input as it is recorded: nothing in a peer's input may look like a text of the runtime, apart
 * from the header of its own kind.
 */
export function recordedContent(kind: InputKind, content: Content): Content {
  if (!isOfPeer(kind)) return content
  if (typeof content === 'string') return beginningOf(kind, content)
  return content.map((part, index) => {
    if (part.type !== 'text') return part
    return { ...part, text: index === 0 ? beginningOf(kind, part.text) : unmarked(part.text) }
  })
}

function textPart(text: string): ContentPart {
  return { type: 'text', text }
}

function plain(payload: unknown): unknown {
  const json = jsonOf(payload, MAX_PAYLOAD_CHARS)
  if (!('problem' in json)) return json.value
  if (json.tooLong === true) throw new MeerkatError('too-large', `the payload of a peer's word: ${json.problem}`)
  throw wrong('peer.payload', json.problem)
}

function wrong(path: string, message: string): MeerkatError {
  return new MeerkatError('invalid-params', `${path}: ${message}`, { details: { issues: [{ path, message }] } })
}
