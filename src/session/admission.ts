/**
 * The one door for inputs, whether the library, a surface, another process or a host offers them.
 *
 * Offers that share an idempotency key, an id or a peer's message are taken one after the other, so that each sees
 * what the one before it is bound to. All of a session are admitted in the order of the calls, also where one has to wait for
 * what its key is bound to or whether its model can be had. The caller is answered only once the input is durable.
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
import { demandModel } from './models.ts'
import type { PeerConsequences } from './peer-input.ts'

/** An input that a caller offers. */
export interface Offer {
  readonly inputId: InputId
  /** Whether the caller chose the id: then it may already be taken. */
  readonly isNamed?: boolean
  readonly params: Omit<SendParams, 'waitMs'>
  readonly nature?: InputNature
  /** What the kernel has to be told together with it where a peer sent it. */
  readonly besides?: PeerConsequences
}

interface Terms {
  /** The letter that carried the offer here from another process. */
  readonly letter?: LetterId | undefined
  /** Asked when the offer's turn has come; throws where the offer may not be taken any more. */
  readonly demand?: () => void
}

/** Offers an input; resolves when it is durable. `after` is the position behind which every event about it stands. */
export async function offerInput(
  core: Core,
  live: LiveSession,
  { inputId, isNamed = false, params, nature, besides = {} }: Offer,
  { letter, demand }: Terms = {},
): Promise<Admitted & { readonly after: Position }> {
  const { idempotencyKey: key } = params
  const keys = [key, besides.once].flatMap(one => one ?? [])
  const isKnown = keys.length > 0 || isNamed
  const place = live.places.take(isKnown || params.model !== undefined)
  const offer = async (): Promise<Admitted & { readonly after: Position }> => {
    const bound = keys.length === 0 ? undefined : ((await live.bound(key)) ?? mark(await live.bound(besides.once)))
    // The ledger knows only unfinished inputs, so the store is asked. An id that the store refused in the commit
    // would make the offers in the same commit fail, too.
    if (bound === undefined && isNamed) await live.demandUnused(inputId)
    // A model that can't be had is refused here, and not by a run that fails. What a key is bound to is answered in any case.
    if (bound === undefined && params.model !== undefined) await demandModel(core, live.id, params.model)
    if (place.turn !== undefined) await place.turn
    demand?.()
    const after = live.driver.position
    const offeredAt = core.clock.monotonic()
    const admitting = live.driver.mutate((tx: Transaction) => {
      const answer = admit(tx, live, inputId, params, bound, nature, besides)
      if (answer.outcome === 'accepted') tx.performs(letter)
      return answer
    })
    place.leave()
    const admitted = await admitting
    const durableMs = Math.round(core.clock.monotonic() - offeredAt)
    tell(core.observer, 'inputAccepted', () => ({ sessionId: live.id, inputId: admitted.inputId, durableMs }))
    if (core.faults !== undefined) await core.faults('session.acknowledge')
    return { ...admitted, after }
  }
  try {
    return await (isKnown ? live.inKeyOrder(keys, offer, isNamed ? [inputId] : []) : offer())
  } finally {
    place.leave()
  }
}

const mark = (seen: Seen | undefined): Seen | undefined => seen && { ...seen, once: true }
