/** The guards and effects of the region `supervisor`. */

import { mapGet } from '../../persistent-map.ts'
import type { SupervisorEffect, SupervisorRotationStatus, SupervisorVerdict } from './effect.ts'
import type { BindMaterial, Claim, Edge, SubmitRotation, SupervisorSender } from './input.ts'
import type { Sees } from './sees.ts'
import {
  type SupervisorIdentity,
  type SupervisorRotation,
  type SupervisorRotationReceipt,
  type SupervisorRotationRejection,
  sameAuthority,
  sameSupervisor,
} from './state.ts'

type State = Sees
type WithSupervisor = { readonly supervisor: SupervisorIdentity }
type WithOperation = { readonly operationId: string }

/** The supervisor, or the one before the change that is under way. */
function currentOf({ supervisor: s }: State): SupervisorIdentity | undefined {
  switch (s.phase) {
    case 'bound':
      return s.supervisor
    case 'revoking':
    case 'rotatingOut':
    case 'rotatingIn':
      return s.previous
    case 'unbound':
      return undefined
  }
}
function rotationOf({ supervisor: s }: State): SupervisorRotation | undefined {
  return s.phase === 'rotatingOut' || s.phase === 'rotatingIn' ? s : undefined
}
function receiptOf({ supervisor: s }: State, { operationId }: WithOperation): SupervisorRotationReceipt | undefined {
  return mapGet(s.receipts, operationId)
}

export function isClaimedEpoch(state: State, input: Claim): boolean {
  const current = currentOf(state)
  return current?.peerId === input.supervisorPeerId && current.epoch === input.supervisorEpoch
}
export function isSentByClaimant(_: State, input: Claim): boolean {
  return input.senderPeerId === input.supervisorPeerId
}
export function isSentByCurrent(state: State, { senderPeerId, senderSigningKey }: SupervisorSender): boolean {
  const current = currentOf(state)
  if (current === undefined) return false
  return current.peerId === senderPeerId && current.signingKey === senderSigningKey
}
export function isSameSupervisor(state: State, { supervisor }: WithSupervisor): boolean {
  const current = currentOf(state)
  return current !== undefined && sameSupervisor(current, supervisor)
}
export function isSameAuthority(state: State, { supervisor }: WithSupervisor): boolean {
  const current = currentOf(state)
  return current !== undefined && sameAuthority(current, supervisor)
}
export function isSamePeer(state: State, { supervisor }: WithSupervisor): boolean {
  const current = currentOf(state)
  return current?.peerId === supervisor.peerId && current.signingKey === supervisor.signingKey
}
export function isNewerEpoch(state: State, { supervisor }: WithSupervisor): boolean {
  return supervisor.epoch > (currentOf(state)?.epoch ?? Number.NEGATIVE_INFINITY)
}
export function isOlderEpoch(state: State, { supervisor }: WithSupervisor): boolean {
  return supervisor.epoch < (currentOf(state)?.epoch ?? Number.NEGATIVE_INFINITY)
}
export function isCurrentEdge(state: State, { peerId, epoch }: Edge): boolean {
  const current = currentOf(state)
  return current?.peerId === peerId && current.epoch === epoch
}
export function isNextEdge(state: State, { peerId, epoch }: Edge): boolean {
  const next = rotationOf(state)?.next
  return next?.peerId === peerId && next.epoch === epoch
}
export function isPublishPending({ supervisor: s }: State): boolean {
  return s.phase === 'bound' && s.publishPending
}
export function isThisRotation(state: State, { operationId }: WithOperation): boolean {
  return rotationOf(state)?.operationId === operationId
}
export function hasReceipt(state: State, input: WithOperation): boolean {
  return receiptOf(state, input) !== undefined
}
export function hasNoReceipt(state: State, input: WithOperation): boolean {
  return !hasReceipt(state, input)
}
export function repeatsItself(state: State, input: SubmitRotation): boolean {
  const known = receiptOf(state, input) ?? rotationOf(state)
  return known?.operationId === input.operationId && sameSupervisor(known.next, input.next)
}
export function isParticipant(state: State, input: { readonly operationId: string } & SupervisorSender): boolean {
  const rotation = receiptOf(state, input) ?? rotationOf(state)
  if (rotation?.operationId !== input.operationId) return false
  return [rotation.previous, rotation.next].some(
    ({ peerId, signingKey }) => peerId === input.senderPeerId && signingKey === input.senderSigningKey,
  )
}
/** Whether the sender may see the rotation's outcome: its parties and the present supervisor may. */
export function mayObserve(state: State, input: { readonly operationId: string } & SupervisorSender): boolean {
  if (isParticipant(state, input)) return true
  return isSentByCurrent(state, input) && (hasReceipt(state, input) || isThisRotation(state, input))
}
export function adoptsCurrent(state: State, { next }: SubmitRotation): boolean {
  const current = currentOf(state)
  return current !== undefined && sameSupervisor(current, next)
}
export function failedPreflight(_: State, { preflight }: SubmitRotation): boolean {
  return preflight !== undefined
}
export function advancesEpoch(state: State, { next }: SubmitRotation): boolean {
  return next.epoch > (currentOf(state)?.epoch ?? Number.NEGATIVE_INFINITY)
}
export function mayBeCleanedUp(state: State, { command }: { readonly command: string }): boolean {
  return state.lifecycle.phase !== 'destroyed' || command === 'Observe' || command === 'Revoke'
}
export function isRevoke(_: State, { command }: { readonly command: string }): boolean {
  return command === 'Revoke'
}

export function isNotClaimedEpoch(state: State, input: Claim): boolean {
  return !isClaimedEpoch(state, input)
}
export function isNotSentByClaimant(state: State, input: Claim): boolean {
  return !isSentByClaimant(state, input)
}
export function isNotSentByCurrent(state: State, input: SupervisorSender): boolean {
  return !isSentByCurrent(state, input)
}
/** Whether the rotation's id is used, or another rotation is under way. */
export function isTaken(state: State, input: WithOperation): boolean {
  return hasReceipt(state, input) || rotationOf(state) !== undefined
}
export function isAtAnotherAddress(_: State, { addressMatches }: BindMaterial): boolean {
  return !addressMatches
}
export function isSentForAnother(_: State, { senderMatchesSupervisor }: BindMaterial): boolean {
  return !senderMatchesSupervisor
}
export function isAnotherPeer(_: State, { expectedPeerIdMatches }: BindMaterial): boolean {
  return !expectedPeerIdMatches
}
export function hasWrongToken(_: State, { bootstrapTokenMatches }: BindMaterial): boolean {
  return !bootstrapTokenMatches
}

export const verdict = (of: SupervisorVerdict) => (): SupervisorEffect => ({
  type: 'SupervisorAdmissionResolved',
  verdict: of,
})
export function publish(after: State): readonly SupervisorEffect[] {
  const s = after.supervisor
  const supervisor = s.phase === 'bound' ? s.supervisor : rotationOf(after)?.next
  return supervisor === undefined ? [] : [{ type: 'PublishSupervisorTrustEdge', supervisor }]
}
export function revoke(after: State): readonly SupervisorEffect[] {
  const supervisor = currentOf(after)
  return supervisor === undefined ? [] : [{ type: 'RevokeSupervisorTrustEdge', supervisor }]
}
/** The effect with the status of the requested rotation after the step. */
export const rotation =
  (again: boolean) =>
  (after: State, { operationId }: WithOperation): SupervisorEffect => {
    const receipt = receiptOf(after, { operationId })
    const status = receipt?.outcome ?? statusOf(after, operationId)
    const rejection = receipt?.outcome === 'Rejected' ? receipt.rejection : undefined
    return { type: 'SupervisorRotationResolved', operationId, status, again, ...(rejection && { rejection }) }
  }
export const refused =
  (rejection: SupervisorRotationRejection) =>
  (_: State, { operationId }: WithOperation): SupervisorEffect => ({
    type: 'SupervisorRotationResolved',
    operationId,
    status: 'Rejected',
    rejection,
    again: false,
  })

function statusOf({ supervisor: s }: State, operationId: string): SupervisorRotationStatus {
  if (s.phase === 'rotatingOut' && s.operationId === operationId) return 'PreviousRevokePending'
  if (s.phase === 'rotatingIn' && s.operationId === operationId) return 'NextPublishPending'
  return 'NotFound'
}
