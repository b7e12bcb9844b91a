/**
 * The way in for inputs, whether the library, a surface, another process or a host offers them.
 *
 * Offers that share a key, an id or a saying come one after the other, so that each sees what the one before bound. Nothing
 * is told before the input is durable.
 */
import type { Transaction } from '../driver/transaction.ts'
import type { InputId } from '../kernel/ids.ts'
import { tell } from '../observer.ts'
import type { LetterId } from '../store/mail.ts'
import type { Position } from '../store/records.ts'
import type { SendParams } from './api.ts'
import type { Core } from './core.ts'
import { type Admitted, admit, type InputNature, type Seen } from './inputs.ts'
import type { LiveSession } from './live-session.ts'
import type { Besides } from './peer-input.ts'

/** What is offered, and what it is. */
export interface Offer {
  readonly inputId: InputId
  /** Whether the caller chose the id: then it may be taken. */
  readonly isNamed?: boolean
  readonly params: Omit<SendParams, 'waitMs'>
  readonly nature?: InputNature
  /** What comes with it where a peer says it. */
  readonly besides?: Besides
}

interface Terms {
  /** The letter that it came in. */
  readonly letter?: LetterId | undefined
  /** Throws where it may not be offered any more, once its turn has come. */
  readonly demand?: () => void
}

/** Offers an input; resolves when it is durable. `after`: what concerns it comes behind this position. */
export async function offerInput(
  core: Core,
  live: LiveSession,
  { inputId, isNamed = false, params, nature, besides = {} }: Offer,
  { letter, demand }: Terms = {},
): Promise<Admitted & { readonly after: Position }> {
  const { idempotencyKey: key } = params
  const inTurn = async (): Promise<Admitted & { readonly after: Position }> => {
    const bound = (await live.bound(key)) ?? mark(await live.bound(besides.once))
    // The ledger knows unfinished inputs only, and what the store refuses takes its neighbours' commit along.
    if (bound === undefined && isNamed) await live.demandUnused(inputId)
    demand?.()
    const after = live.driver.position
    const offeredAt = core.clock.monotonic()
    const admitted = await live.driver.mutate((tx: Transaction) => {
      const answer = admit(tx, live, inputId, params, bound, nature, besides)
      if (answer.outcome === 'accepted') tx.performs(letter)
      return answer
    })
    const durableMs = Math.round(core.clock.monotonic() - offeredAt)
    tell(core.observer, 'inputAccepted', () => ({ sessionId: live.id, inputId: admitted.inputId, durableMs }))
    if (core.faults !== undefined) await core.faults('session.acknowledge')
    return { ...admitted, after }
  }
  const own = key ?? (isNamed ? `\0${inputId}` : undefined)
  // In one order for all, so that no two of them wait for each other.
  const orders = [own, besides.once].flatMap(order => order ?? []).sort()
  return orders.reduce((next, order) => () => live.inKeyOrder(order, next), inTurn)()
}

const mark = (seen: Seen | undefined): Seen | undefined => seen && { ...seen, once: true }
