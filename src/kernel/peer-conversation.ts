/**
 * The exact texts by which messages of peers enter the conversation, and the refusal of malformed ones.
 *
 * Enforces: no text of a peer begins like a text of the runtime. Payloads are plain JSON here.
 */
import { unmarked, unmarkedJson } from './marks.ts'

/** The phases of a peer's progress. */
export type PeerResponseProgressProjectionPhase = 'Accepted' | 'InProgress' | 'PartialResult'
export type PeerResponseTerminalProjectionStatus = 'Completed' | 'Failed' | 'Cancelled'

/** Why no text can be made of a terminal response. */
export type PeerResponseTerminalFactErrorKind =
  | 'EmptyTransportIdentity'
  | 'EmptyRouteIdentity'
  | 'InvalidRouteIdentity'
  | 'MissingDisplayIdentity'
  | 'EmptyDisplayIdentity'
  | 'InvalidDisplayIdentity'
  | 'EmptyCorrelationId'
  | 'InvalidCorrelationId'

export class PeerResponseTerminalFactError extends Error {
  override readonly name = 'PeerResponseTerminalFactError'
  readonly kind: PeerResponseTerminalFactErrorKind

  constructor(kind: PeerResponseTerminalFactErrorKind) {
    super(`a peer's terminal response can't be taken: ${kind}`)
    this.kind = kind
  }
}

declare const brand: unique symbol
type Checked<Name extends string> = string & { readonly [brand]: Name }

export type PeerResponseTerminalTransportIdentity = Checked<'PeerResponseTerminalTransportIdentity'>
export type PeerResponseTerminalRouteIdentity = Checked<'PeerResponseTerminalRouteIdentity'>
export type PeerResponseTerminalDisplayIdentity = Checked<'PeerResponseTerminalDisplayIdentity'>
export type PeerResponseTerminalCorrelationId = Checked<'PeerResponseTerminalCorrelationId'>

/** The peer that answered. */
export interface PeerResponseTerminalSource {
  readonly transportIdentity?: PeerResponseTerminalTransportIdentity
  readonly routeIdentity: PeerResponseTerminalRouteIdentity
  readonly displayIdentity: PeerResponseTerminalDisplayIdentity
}

/** What came with the answer: any JSON value. */
export type PeerResponseTerminalRenderPayload = unknown

/** A checked terminal response. Made by `peerResponseTerminalFact` only. */
export interface PeerResponseTerminalFact {
  readonly source: PeerResponseTerminalSource
  readonly correlationId: PeerResponseTerminalCorrelationId
  readonly status: PeerResponseTerminalProjectionStatus
  readonly payload?: PeerResponseTerminalRenderPayload
}

/** Checks what came from outside. Throws `PeerResponseTerminalFactError`. */
export function peerResponseTerminalFact(parts: {
  readonly transportIdentity?: string | undefined
  readonly routeIdentity: string
  readonly displayIdentity?: string | undefined
  readonly correlationId: string
  readonly status: PeerResponseTerminalProjectionStatus
  readonly payload?: PeerResponseTerminalRenderPayload
}): PeerResponseTerminalFact {
  const { transportIdentity, routeIdentity, displayIdentity, correlationId, status, payload } = parts
  refuseIf(transportIdentity?.trim() === '', 'EmptyTransportIdentity')
  refuseIf(routeIdentity.trim() === '', 'EmptyRouteIdentity')
  refuseIf(CONTROL.test(routeIdentity), 'InvalidRouteIdentity')
  if (displayIdentity === undefined) throw new PeerResponseTerminalFactError('MissingDisplayIdentity')
  refuseIf(displayIdentity.trim() === '', 'EmptyDisplayIdentity')
  refuseIf(CONTROL.test(displayIdentity), 'InvalidDisplayIdentity')
  refuseIf(correlationId.trim() === '', 'EmptyCorrelationId')
  const uuid = uuidOf(correlationId)
  if (uuid === undefined) throw new PeerResponseTerminalFactError('InvalidCorrelationId')
  return {
    source: {
      ...(transportIdentity !== undefined && {
        transportIdentity: transportIdentity as PeerResponseTerminalTransportIdentity,
      }),
      routeIdentity: routeIdentity as PeerResponseTerminalRouteIdentity,
      displayIdentity: displayIdentity as PeerResponseTerminalDisplayIdentity,
    },
    correlationId: uuid as PeerResponseTerminalCorrelationId,
    status,
    ...(payload !== undefined && { payload }),
  }
}

/** What a peer sent, as it enters the conversation. */
export type PeerConversationProjection =
  | { readonly type: 'Message'; readonly peerId: string }
  | {
      readonly type: 'Request'
      readonly peerId: string
      readonly displayName?: string | undefined
      readonly requestId: string
      readonly intent: string
      readonly payload?: unknown
    }
  | {
      readonly type: 'ResponseProgress'
      readonly peerId: string
      readonly requestId: string
      readonly phase: PeerResponseProgressProjectionPhase
      readonly payload?: unknown
    }
  | { readonly type: 'ResponseTerminal'; readonly fact: PeerResponseTerminalFact }

/** What a peer sent, as a host gives it: a terminal response is not checked yet. */
export type PeerSaid =
  | Exclude<PeerConversationProjection, { type: 'ResponseTerminal' }>
  | ({ readonly type: 'ResponseTerminal' } & Parameters<typeof peerResponseTerminalFact>[0])

/** The text that a model reads. Empty for a message, whose content follows its block prefix. */
export function promptText(projection: PeerConversationProjection): string {
  switch (projection.type) {
    case 'Message':
      return ''
    case 'Request':
      return requestText(projection)
    case 'ResponseProgress': {
      const { peerId, requestId, phase, payload } = projection
      return `[SYSTEM NOTICE][PEER_RESPONSE_PROGRESS] Correlated peer response progress from ${unmarked(peerId)}. Request ID: ${unmarked(requestId)}. Phase: ${PROGRESS_WORDS[phase]}. Payload: ${json(payload)}.`
    }
    case 'ResponseTerminal': {
      const { source, correlationId, status, payload } = projection.fact
      return `[SYSTEM NOTICE][PEER_RESPONSE_TERMINAL] Correlated peer response from ${unmarked(source.displayIdentity)}. Request ID: ${correlationId}. Status: ${status.toLowerCase()}. Result: ${json(payload)}.`
    }
  }
}

/** The text before the blocks of a message; undefined for all others. */
export function blockPrefixText(projection: PeerConversationProjection): string | undefined {
  return projection.type === 'Message' ? `[COMMS MESSAGE from ${unmarked(projection.peerId)}]` : undefined
}

/** The key by which a terminal response enters the conversation once, however often it arrives; undefined for all others. */
export function contextKey(projection: PeerConversationProjection): string | undefined {
  return projection.type === 'ResponseTerminal' ? peerResponseTerminalContextKey(projection.fact) : undefined
}

/** The same for the fact itself. */
export function peerResponseTerminalContextKey({ source, correlationId }: PeerResponseTerminalFact): string {
  return `peer_response_terminal:${source.routeIdentity}:${correlationId}`
}

function requestText(request: Extract<PeerConversationProjection, { type: 'Request' }>): string {
  const { displayName = '', payload } = request
  const peerId = unmarked(request.peerId)
  const requestId = unmarked(request.requestId)
  const name = unmarked(displayName.trim())
  const answer = { peer_id: peerId, ...(name && { display_name: name }), in_reply_to: requestId, status: 'completed' }
  const display = name === '' ? '' : ` (display_name: ${name})`
  return [
    `[SYSTEM NOTICE][PEER_REQUEST] Correlated peer request from peer_id ${peerId}${display}.`,
    `Intent: ${unmarked(request.intent)}. Request ID: ${requestId}. Params: ${json(payload)}.`,
    'A peer asks this, not the user, and nothing of it is meant for whoever reads your output.',
    `Answer it by calling send_response with ${JSON.stringify(answer)}; give the status "failed" if you can't do what is`,
    'asked, and add "result" only where the request has one. send_message does not answer a request.',
  ].join(' ')
}

const PROGRESS_WORDS: Readonly<Record<PeerResponseProgressProjectionPhase, string>> = {
  Accepted: 'accepted',
  InProgress: 'in_progress',
  PartialResult: 'partial_result',
}

function json(payload: unknown): string {
  return unmarkedJson(JSON.stringify(payload ?? null, undefined, 2))
}

/** A UUID in its canonical form: hyphenated, braced, as a URN and as bare digits it is the same one. */
function uuidOf(text: string): string | undefined {
  const bare = text
    .toLowerCase()
    .replace(/^urn:uuid:/, '')
    .replace(/^\{(.*)\}$/, '$1')
  if (UUID.test(bare)) return bare
  const [, ...parts] = SIMPLE_UUID.exec(bare) ?? []
  return parts.length === 0 ? undefined : parts.join('-')
}

const CONTROL = /\p{Cc}/u
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const SIMPLE_UUID = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/

function refuseIf(isWrong: boolean, kind: PeerResponseTerminalFactErrorKind): void {
  if (isWrong) throw new PeerResponseTerminalFactError(kind)
}
