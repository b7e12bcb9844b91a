/** How a host offers a session inputs of every kind, and learns how they end. */
import { defined } from '../defined.ts'
import type { InputId } from '../kernel/ids.ts'
import type { PeerSaid } from '../kernel/peer-conversation.ts'
import { type Offer, offerInput } from '../session/admission.ts'
import type { SendParams } from '../session/api.ts'
import type { Core } from '../session/core.ts'
import type { InputNature } from '../session/inputs.ts'
import { peerInput } from '../session/peer-input.ts'
import { demandRegistered } from '../session/serving/registration.ts'
import type { InputStatus, RunResult } from '../session/views.ts'
import type { Content } from '../store/records.ts'
import type { Entry } from './entries.ts'

/**
 * An input as a host offers it. With `peer` it is a peer's: its text for the model is made from that, with `content` as
 * the body of a message, or shown beside a request or a response.
 */
export interface HostInput extends Omit<SendParams, 'waitMs' | 'content'>, InputNature {
  /** May be absent only beside a `peer`. */
  readonly content?: Content
  readonly peer?: PeerSaid
  /** A UUID v7; default: a new one. */
  readonly inputId?: InputId
}

/** The result of the offer. */
export interface AcceptOutcome {
  readonly outcome: 'accepted' | 'deduplicated'
  /** The input's id, or the one that its key is bound to. */
  readonly inputId: InputId
}

/** How an input ended. */
export interface InputCompletion {
  readonly status: InputStatus
  readonly reason?: string
  readonly result?: RunResult
}

/**
 * Offers an input; resolves when it is durably accepted. Refusals are `rejected`, `not-ready` or
 * `idempotency-conflict`.
 */
export async function accept(core: Core, { live, registration }: Entry, input: HostInput): Promise<AcceptOutcome> {
  const offer = { ...offered(input), inputId: input.inputId ?? core.ids.input(), isNamed: input.inputId !== undefined }
  const { outcome, inputId } = await offerInput(core, live, offer, { demand: () => demandRegistered(registration) })
  return { outcome, inputId }
}

function offered(input: HostInput): Pick<Offer, 'params' | 'nature' | 'besides'> {
  const { inputId: _, kind, origin, durability, intent, withoutWake, continuation, ...rest } = input
  const { injectsContext, malformedTerminal, content = '', peer, ...more } = rest
  const nature: InputNature = {
    ...(kind && { kind }),
    ...(origin && { origin }),
    ...(durability && { durability }),
    ...defined({ intent }),
    ...(withoutWake && { withoutWake }),
    ...(continuation && { continuation }),
    ...(injectsContext && { injectsContext }),
    ...(malformedTerminal && { malformedTerminal }),
  }
  if (peer === undefined) return { params: { ...more, content }, nature }
  const { content: text, nature: ofPeer, ...besides } = peerInput(peer, input.content, nature)
  const { idempotencyKey: key, ...unkeyed } = more
  const keyed = key === besides.once ? unkeyed : more
  return { params: { ...keyed, content: text }, nature: { ...nature, ...ofPeer }, besides }
}
