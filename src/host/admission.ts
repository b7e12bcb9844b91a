/** How a host offers a session inputs of every kind, and hears how they end. */
import type { InputId, SessionId } from '../kernel/ids.ts'
import type { SendParams } from '../session/api.ts'
import type { Core } from '../session/core.ts'
import { admit, type InputNature } from '../session/inputs.ts'
import type { InputStatus, RunResult } from '../session/views.ts'
import { endOf } from '../session/waiting.ts'
import type { Entry } from './entries.ts'
import { demandRegistered } from './errors.ts'

/** An input as a host offers it: what it says and what it is. */
export interface HostInput extends Omit<SendParams, 'waitMs'>, InputNature {
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
  const { inputId = core.ids.input(), kind, origin, durability, intent, withoutWake, continuation, ...rest } = input
  const { injectsContext, malformedTerminal, ...params } = rest
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
  const { idempotencyKey: key } = params
  const offer = async (): Promise<AcceptOutcome> => {
    const seen = key === undefined ? undefined : await core.store.key(live.id, key)
    // The ledger knows unfinished inputs only, and what the store refuses takes its neighbours' commit along.
    if (seen === undefined && input.inputId !== undefined) await live.demandUnused(input.inputId)
    demandRegistered(entry)
    return live.driver.mutate(tx => admit(tx, live, inputId, params, seen, nature))
  }
  const order = key ?? (input.inputId === undefined ? undefined : `\0${inputId}`)
  const answer = await (order === undefined ? offer() : live.inKeyOrder(order, offer))
  live.loop?.sync()
  return answer
}

/** Resolves when the input ends, however it ends. */
export async function completionOf(core: Core, sessionId: SessionId, inputId: InputId): Promise<InputCompletion> {
  for (;;) {
    const ended = await endOf(core, sessionId, inputId, WATCH_MS, { outlasts: true })
    if (ended.status !== 'queued' && ended.status !== 'staged' && ended.status !== 'applied') return ended
  }
}
