/** How a host offers a session inputs of every kind, and hears how they end. */
import type { InputId, SessionId } from '../kernel/ids.ts'
import type { PeerSaid } from '../kernel/peer-conversation.ts'
import type { SendParams } from '../session/api.ts'
import type { Core } from '../session/core.ts'
import { admit, type InputNature, type Seen } from '../session/inputs.ts'
import { peerInput } from '../session/peer-input.ts'
import { demandRegistered } from '../session/serving/registration.ts'
import type { InputStatus, RunResult } from '../session/views.ts'
import { endOf } from '../session/waiting.ts'
import type { Content } from '../store/records.ts'
import type { Entry } from './entries.ts'

/**
 * An input as a host offers it: what it says and what it is. With `peer` it is a peer's: what the model reads is made of
 * that, with `content` as a message's body, or as what is shown beside a request or a response.
 */
export interface HostInput extends Omit<SendParams, 'waitMs' | 'content'>, InputNature {
  /** Absent only beside a `peer` that says it all. */
  readonly content?: Content
  readonly peer?: PeerSaid
  /** A UUID v7; absent: one is made. */
  readonly inputId?: InputId
}

/** What became of the offer. */
export interface AcceptOutcome {
  readonly outcome: 'accepted' | 'deduplicated'
  /** The input's id, or the one that its key was bound to. */
  readonly inputId: InputId
}

/** How an input ended. */
export interface InputCompletion {
  readonly status: InputStatus
  readonly reason?: string
  readonly result?: RunResult
}

/** One wait; whoever waits longer waits again. */
const WATCH_MS = 600_000

/** Offers an input; resolves when it is durably accepted. Refusals are `rejected`, `not-ready` or `idempotency-conflict`. */
export async function accept(core: Core, entry: Entry, input: HostInput): Promise<AcceptOutcome> {
  const { live } = entry
  const { inputId = core.ids.input() } = input
  const { params, nature, once } = offered(input)
  const { idempotencyKey: key } = params
  const offer = async (): Promise<AcceptOutcome> => {
    const seen = (await live.bound(key)) ?? mark(await live.bound(once))
    // The ledger knows unfinished inputs only, and what the store refuses takes its neighbours' commit along.
    if (seen === undefined && input.inputId !== undefined) await live.demandUnused(input.inputId)
    demandRegistered(entry.registration)
    return live.driver.mutate(tx => admit(tx, live, inputId, params, seen, nature, once))
  }
  const own = key ?? (input.inputId === undefined ? undefined : `\0${inputId}`)
  // In one order for all, so that no two of them wait for each other.
  const orders = [own, once].flatMap(order => order ?? []).sort()
  const answer = await orders.reduce((next, order) => () => live.inKeyOrder(order, next), offer)()
  live.loop.sync()
  return answer
}

const mark = (seen: Seen | undefined): Seen | undefined => seen && { ...seen, once: true }

interface Offered {
  /** What it says, and how it is to be taken. */
  readonly params: SendParams
  readonly nature: InputNature
  /** A key under which what a peer said is in the conversation once. */
  readonly once?: string | undefined
}

function offered(input: HostInput): Offered {
  const { inputId: _, kind, origin, durability, intent, withoutWake, continuation, ...rest } = input
  const { injectsContext, malformedTerminal, content = '', peer, ...more } = rest
  const nature: InputNature = {
    ...(kind && { kind }),
    ...(origin && { origin }),
    ...(durability && { durability }),
    ...(intent !== undefined && { intent }),
    ...(withoutWake && { withoutWake }),
    ...(continuation && { continuation }),
    ...(injectsContext && { injectsContext }),
    ...(malformedTerminal && { malformedTerminal }),
  }
  if (peer === undefined) return { params: { ...more, content }, nature }
  const said = peerInput(peer, input.content, nature)
  const { idempotencyKey: key, ...unkeyed } = more
  const keyed = key === said.once ? unkeyed : more
  return { params: { ...keyed, content: said.content }, nature: { ...nature, ...said.nature }, once: said.once }
}

/** Resolves when the input ends, however it ends. */
export async function completionOf(core: Core, sessionId: SessionId, inputId: InputId): Promise<InputCompletion> {
  for (;;) {
    const ended = await endOf(core, sessionId, inputId, WATCH_MS, { outlasts: true })
    if (ended.status !== 'queued' && ended.status !== 'staged' && ended.status !== 'applied') return ended
  }
}
