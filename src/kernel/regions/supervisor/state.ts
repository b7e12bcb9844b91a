/** The slice of the region `supervisor`: the supervisor of a session, and a change of supervisors in progress. */
import type { PeerId } from '../../ids.ts'
import { mapDelete, mapSet, type PersistentMap } from '../../persistent-map.ts'

/** A supervisor in one of its epochs. A higher epoch of the same peer is a newer authority, not another supervisor. */
export interface SupervisorIdentity {
  readonly name: string
  readonly peerId: PeerId
  readonly address: string
  /** The public Ed25519 key, base64. */
  readonly signingKey: string
  readonly epoch: number
}

/** A rotation: the previous supervisor hands over to the next. */
export interface SupervisorRotation {
  readonly operationId: string
  readonly previous: SupervisorIdentity
  readonly next: SupervisorIdentity
}

export type SupervisorRotationRejection =
  | 'OperationConflict'
  | 'NotBound'
  | 'SenderMismatch'
  | 'TargetEpochNotAdvanced'
  | 'InvalidTarget'
  | 'UnsupportedProtocolVersion'

/** How a rotation ended, kept so that a repeated request gets the same answer. */
export type SupervisorRotationReceipt = SupervisorRotation &
  (
    | { readonly outcome: 'Completed' }
    | { readonly outcome: 'Rejected'; readonly rejection: SupervisorRotationRejection }
  )

/** One variant for each phase, with the fields of that phase only. */
export type SupervisorAuthority =
  | {
      readonly phase: 'unbound'
      /** The supervisor whose trust was revoked last. */
      readonly revoked?: SupervisorIdentity
    }
  | {
      readonly phase: 'bound'
      readonly supervisor: SupervisorIdentity
      /** Whether publishing its trust edge was requested and not confirmed yet. */
      readonly publishPending: boolean
    }
  /** Its trust is being withdrawn; there is no supervisor meanwhile. */
  | { readonly phase: 'revoking'; readonly previous: SupervisorIdentity }
  /** The previous one's trust is being withdrawn. */
  | ({ readonly phase: 'rotatingOut' } & SupervisorRotation)
  /** The next one's trust is being established. */
  | ({ readonly phase: 'rotatingIn' } & SupervisorRotation)

export type Supervisor = SupervisorAuthority & {
  /** The newest ended rotations, by their operation id. */
  readonly receipts: PersistentMap<string, SupervisorRotationReceipt>
  /** Their operation ids, the oldest first. */
  readonly receiptOrder: readonly string[]
}

/** How many receipts are kept. A request that is repeated after this many later rotations gets a conflict. */
const RECEIPTS_KEPT = 16

export function sameSupervisor(a: SupervisorIdentity, b: SupervisorIdentity): boolean {
  return sameAuthority(a, b) && a.name === b.name && a.address === b.address
}

/** Whether peer, key and epoch are equal; the addresses may differ. */
export function sameAuthority(a: SupervisorIdentity, b: SupervisorIdentity): boolean {
  return a.peerId === b.peerId && a.signingKey === b.signingKey && a.epoch === b.epoch
}

interface Asked {
  readonly operationId: string
  readonly next: SupervisorIdentity
}
const askedOf = ({ operationId, next }: Asked): Asked => ({ operationId, next })

type Kept = Pick<Supervisor, 'receipts' | 'receiptOrder'>

/** Another phase with the same receipts. */
function inPhase({ receipts, receiptOrder }: Kept, authority: SupervisorAuthority): Supervisor {
  return { ...authority, receipts, receiptOrder }
}

/** Adds a receipt, and drops the oldest if there are too many. */
function withReceipt(slice: Supervisor, receipt: SupervisorRotationReceipt): Supervisor {
  const order = [...slice.receiptOrder, receipt.operationId]
  const dropped = order.length > RECEIPTS_KEPT ? order[0] : undefined
  const receipts = mapSet(slice.receipts, receipt.operationId, receipt)
  return {
    ...slice,
    receipts: dropped === undefined ? receipts : mapDelete(receipts, dropped),
    receiptOrder: dropped === undefined ? order : order.slice(1),
  }
}

type In<Phase extends Supervisor['phase']> = Extract<Supervisor, { readonly phase: Phase }>

export const bindTo =
  (publishPending: boolean) =>
  (slice: Supervisor, { supervisor }: { readonly supervisor: SupervisorIdentity }): Supervisor =>
    inPhase(slice, { phase: 'bound', supervisor, publishPending })

export function published(slice: In<'bound'>): Supervisor {
  return { ...slice, publishPending: false }
}
export function revoking(slice: In<'bound'>): Supervisor {
  return inPhase(slice, { phase: 'revoking', previous: slice.supervisor })
}
export function revoked(slice: In<'revoking'>): Supervisor {
  return inPhase(slice, { phase: 'unbound', revoked: slice.previous })
}
export function rotateOut(slice: In<'bound'>, { operationId, next }: Asked): Supervisor {
  return inPhase(slice, { phase: 'rotatingOut', operationId, previous: slice.supervisor, next })
}
export function rotateIn(slice: In<'rotatingOut'>): Supervisor {
  const { operationId, previous, next } = slice
  return inPhase(slice, { phase: 'rotatingIn', operationId, previous, next })
}
export function rotated(slice: In<'rotatingIn'>): Supervisor {
  const { operationId, previous, next } = slice
  const bound = inPhase(slice, { phase: 'bound', supervisor: next, publishPending: false })
  return withReceipt(bound, { operationId, previous, next, outcome: 'Completed' })
}
export function adopted(slice: In<'bound'>, { operationId, next }: Asked): Supervisor {
  return withReceipt(slice, { operationId, previous: slice.supervisor, next, outcome: 'Completed' })
}
export function rejected(slice: In<'bound'>, asked: Asked, rejection: SupervisorRotationRejection): Supervisor {
  return withReceipt(slice, { ...askedOf(asked), previous: slice.supervisor, outcome: 'Rejected', rejection })
}
