/**
 * The peer that may command the session from outside: one supervisor at a time, in one epoch.
 *
 * Enforces: a supervisor is bound only if there is none and nothing of an earlier one is pending; after it comes only a
 * newer epoch of itself, a revocation, or a rotation that withdraws the old trust before it grants the new; a repeated
 * request of the same rotation gets the same answer.
 */

import type { Satellite } from '../../core.ts'
import { emptyMap } from '../../persistent-map.ts'
import { rowsOf } from '../../region.ts'
import { resetTo } from '../lifetimes.ts'
import { LASTING, OPEN, SERVED } from '../phases.ts'
import type { SupervisorEffect } from './effect.ts'
import type { SupervisorInput } from './input.ts'
import * as rules from './rules.ts'
import type { Sees } from './sees.ts'
import type { Supervisor } from './state.ts'
import * as steps from './state.ts'

const ALL = ['unbound', 'bound', 'revoking', 'rotatingOut', 'rotatingIn'] as const
const PENDING = ['revoking', 'rotatingOut', 'rotatingIn'] as const
const ROTATING = ['rotatingOut', 'rotatingIn'] as const

const UNSUPERVISED: Supervisor = { phase: 'unbound', receipts: emptyMap(), receiptOrder: [] }
const HELD = ['bound', 'revoking', 'rotatingOut', 'rotatingIn'] as const

const narrowed = rowsOf<Sees, Supervisor, SupervisorEffect>()

export const supervisor: Satellite<Sees, SupervisorInput, SupervisorEffect, 'supervisor', Supervisor['phase']> = {
  name: 'supervisor',
  about: 'The peer that may command the session from outside, its epoch, and the rotation to the next one.',
  initial: UNSUPERVISED,
  phaseOf: state => state.supervisor.phase,
  phases: ALL,
  on: {
    ResolveSupervisorBindAdmission: [
      { name: 'bootstrap', from: ['unbound'], during: OPEN, emit: [rules.verdict('Bootstrap')] },
      {
        name: 'again',
        from: ['bound'],
        during: OPEN,
        when: [rules.isClaimedEpoch, rules.isSentByClaimant],
        emit: [rules.verdict('IdempotentAck')],
      },
      {
        name: 'sender-mismatch',
        from: ['bound'],
        during: OPEN,
        when: [rules.isClaimedEpoch],
        emit: [rules.verdict('SenderMismatch')],
      },
      { name: 'already-bound', from: ['bound'], during: OPEN, emit: [rules.verdict('AlreadyBound')] },
      { name: 'pending', from: PENDING, during: OPEN, emit: [rules.verdict('RevocationPending')] },
    ],
    ResolveSupervisorBindMaterialAdmission: [
      {
        name: 'address',
        from: ALL,
        during: OPEN,
        when: [rules.isAtAnotherAddress],
        emit: [rules.verdict('AddressMismatch')],
      },
      {
        name: 'sender',
        from: ALL,
        during: OPEN,
        when: [rules.isSentForAnother],
        emit: [rules.verdict('SenderMismatch')],
      },
      {
        name: 'peer',
        from: ALL,
        during: OPEN,
        when: [rules.isAnotherPeer],
        emit: [rules.verdict('InvalidPeerSpec')],
      },
      {
        name: 'token',
        from: ALL,
        during: OPEN,
        when: [rules.hasWrongToken],
        emit: [rules.verdict('InvalidBootstrapToken')],
      },
      { name: 'accepted', from: ALL, during: OPEN, emit: [rules.verdict('Accept')] },
    ],
    BindSupervisor: [
      {
        name: 'bound',
        from: ['unbound'],
        during: SERVED,
        to: ['bound'],
        then: steps.bindTo(true),
        emit: [rules.publish],
      },
    ],
    ResolveSupervisorAuthorizeAdmission: [
      { name: 'not-bound', from: ['unbound', ...PENDING], during: LASTING, emit: [rules.verdict('NotBound')] },
      {
        name: 'stale',
        from: ['bound'],
        during: LASTING,
        when: [rules.isOlderEpoch],
        emit: [rules.verdict('StaleSupervisor')],
      },
      {
        name: 'again',
        from: ['bound'],
        during: LASTING,
        when: [rules.isSentByCurrent, rules.isSameSupervisor],
        emit: [rules.verdict('IdempotentAck')],
      },
      {
        name: 'proceed',
        from: ['bound'],
        during: OPEN,
        when: [rules.isSentByCurrent, rules.isSamePeer, rules.isNewerEpoch],
        emit: [rules.verdict('Proceed')],
      },
      {
        name: 'not-allowed',
        from: ['bound'],
        during: LASTING,
        when: [rules.isSentByCurrent],
        emit: [rules.verdict('RotationNotAllowed')],
      },
      { name: 'sender-mismatch', from: ['bound'], during: LASTING, emit: [rules.verdict('SenderMismatch')] },
    ],
    AuthorizeSupervisor: [
      {
        name: 'authorized',
        from: ['bound'],
        during: SERVED,
        when: [rules.isSamePeer, rules.isNewerEpoch],
        then: steps.bindTo(true),
        emit: [rules.publish],
      },
    ],
    RefreshSupervisorBindingRoute: [
      {
        name: 'refreshed',
        from: ['bound'],
        during: LASTING,
        when: [rules.isSameAuthority, rules.isSentByCurrent],
        then: steps.bindTo(true),
        emit: [rules.publish],
      },
    ],
    RequestSupervisorTrustPublish: [
      {
        name: 'asked',
        from: ['bound'],
        during: LASTING,
        when: [rules.isSameSupervisor],
        then: steps.bindTo(true),
        emit: [rules.publish],
      },
    ],
    SupervisorTrustEdgePublished: [
      narrowed({
        name: 'published',
        from: ['bound'],
        during: LASTING,
        when: [rules.isCurrentEdge, rules.isPublishPending],
        then: steps.published,
      }),
    ],
    // The requester has to ask again; the machine does not retry by itself.
    SupervisorTrustEdgePublishFailed: [
      narrowed({
        name: 'failed',
        from: ['bound'],
        during: LASTING,
        when: [rules.isCurrentEdge, rules.isPublishPending],
        then: steps.published,
      }),
    ],
    RevokeSupervisor: [
      narrowed({
        name: 'revoking',
        from: ['bound'],
        during: LASTING,
        when: [rules.isCurrentEdge],
        to: ['revoking'],
        then: steps.revoking,
        emit: [rules.revoke],
      }),
      { name: 'again', from: ['revoking'], during: LASTING, when: [rules.isCurrentEdge], emit: [rules.revoke] },
    ],
    SupervisorTrustEdgeRevoked: [
      narrowed({
        name: 'revoked',
        from: ['revoking'],
        during: LASTING,
        when: [rules.isCurrentEdge],
        to: ['unbound'],
        then: steps.revoked,
      }),
    ],
    SupervisorTrustEdgeRevokeFailed: [
      { name: 'failed', from: ['revoking'], during: LASTING, when: [rules.isCurrentEdge] },
    ],
    ResolveSupervisorBridgeCommandAdmission: [
      { name: 'not-bound', from: ['unbound', ...PENDING], during: OPEN, emit: [rules.verdict('NotBound')] },
      {
        name: 'accepted',
        from: ['bound'],
        during: OPEN,
        when: [rules.isClaimedEpoch, rules.isSentByClaimant],
        emit: [rules.verdict('Accept')],
      },
      {
        name: 'sender-mismatch',
        from: ['bound'],
        during: OPEN,
        when: [rules.isClaimedEpoch],
        emit: [rules.verdict('SenderMismatch')],
      },
      { name: 'stale', from: ['bound'], during: OPEN, emit: [rules.verdict('StaleSupervisor')] },
    ],
    ResolveSupervisorCleanupCommandAdmission: [
      { name: 'not-bound', from: ['unbound', ...ROTATING], during: LASTING, emit: [rules.verdict('NotBound')] },
      {
        name: 'stale',
        from: ['bound', 'revoking'],
        during: LASTING,
        when: [rules.isNotClaimedEpoch],
        emit: [rules.verdict('StaleSupervisor')],
      },
      {
        name: 'sender-mismatch',
        from: ['bound', 'revoking'],
        during: LASTING,
        when: [rules.isNotSentByClaimant],
        emit: [rules.verdict('SenderMismatch')],
      },
      {
        name: 'resume-revoke',
        from: ['revoking'],
        during: LASTING,
        when: [rules.isRevoke],
        emit: [rules.verdict('ResumePendingRevoke')],
      },
      { name: 'revoked-meanwhile', from: ['revoking'], during: LASTING, emit: [rules.verdict('NotBound')] },
      {
        name: 'accepted',
        from: ['bound'],
        during: LASTING,
        when: [rules.mayBeCleanedUp],
        emit: [rules.verdict('Accept')],
      },
      { name: 'not-allowed', from: ['bound'], during: LASTING, emit: [rules.verdict('CommandNotAllowed')] },
    ],
    SubmitSupervisorRotation: [
      {
        name: 'again',
        from: ALL,
        during: LASTING,
        when: [rules.repeatsItself, rules.isParticipant],
        emit: [rules.rotation(true)],
      },
      {
        name: 'sender-mismatch',
        from: ['bound', ...ROTATING],
        during: LASTING,
        when: [rules.isNotSentByCurrent, rules.hasNoReceipt],
        emit: [rules.refused('SenderMismatch')],
      },
      {
        name: 'conflict',
        from: ['bound', ...ROTATING],
        during: LASTING,
        when: [rules.isTaken],
        emit: [rules.refused('OperationConflict')],
      },
      { name: 'not-bound', from: ['unbound', 'revoking'], during: LASTING, emit: [rules.refused('NotBound')] },
      narrowed({
        name: 'preflight',
        from: ['bound'],
        during: OPEN,
        when: [rules.failedPreflight],
        then: (slice, input) => steps.rejected(slice, input, input.preflight ?? 'InvalidTarget'),
        emit: [rules.rotation(false)],
      }),
      narrowed({
        name: 'adopts-current',
        from: ['bound'],
        during: OPEN,
        when: [rules.adoptsCurrent],
        then: steps.adopted,
        emit: [rules.rotation(false)],
      }),
      narrowed({
        name: 'begun',
        from: ['bound'],
        during: OPEN,
        when: [rules.advancesEpoch],
        to: ['rotatingOut'],
        then: steps.rotateOut,
        emit: [rules.rotation(false), rules.revoke],
      }),
      narrowed({
        name: 'epoch-not-advanced',
        from: ['bound'],
        during: OPEN,
        then: (slice, input) => steps.rejected(slice, input, 'TargetEpochNotAdvanced'),
        emit: [rules.rotation(false)],
      }),
    ],
    SupervisorRotationPreviousRevoked: [
      narrowed({
        name: 'revoked',
        from: ['rotatingOut'],
        during: LASTING,
        when: [rules.isThisRotation, rules.isCurrentEdge],
        to: ['rotatingIn'],
        then: steps.rotateIn,
        emit: [rules.publish],
      }),
    ],
    SupervisorRotationNextPublished: [
      narrowed({
        name: 'published',
        from: ['rotatingIn'],
        during: LASTING,
        when: [rules.isThisRotation, rules.isNextEdge],
        to: ['bound'],
        then: steps.rotated,
        emit: [rules.rotation(false)],
      }),
    ],
    ResumeSupervisorRotation: [
      { name: 'out', from: ['rotatingOut'], during: LASTING, when: [rules.isThisRotation], emit: [rules.revoke] },
      { name: 'in', from: ['rotatingIn'], during: LASTING, when: [rules.isThisRotation], emit: [rules.publish] },
      { name: 'ended', from: ALL, during: LASTING, when: [rules.hasReceipt], emit: [rules.rotation(true)] },
    ],
    ObserveSupervisorRotation: [
      { name: 'seen', from: ALL, during: LASTING, when: [rules.mayObserve], emit: [rules.rotation(true)] },
      {
        name: 'not-found',
        from: ALL,
        during: LASTING,
        emit: [
          (_, { operationId }) => ({
            type: 'SupervisorRotationResolved',
            operationId,
            status: 'NotFound',
            again: true,
          }),
        ],
      },
    ],
  },
  lives: { registration: resetTo<Supervisor, Supervisor['phase']>(UNSUPERVISED, HELD) },
  follow: {},
  invariants: [
    {
      id: 'a-rotation-leads-on',
      text: 'a supervisor is followed by one of a higher epoch',
      holds: ({ supervisor: s }) =>
        (s.phase !== 'rotatingOut' && s.phase !== 'rotatingIn') || s.next.epoch > s.previous.epoch,
    },
    {
      id: 'a-rotation-under-way-has-no-receipt',
      text: 'a rotation is under way or has ended, never both',
      holds: ({ supervisor: s }) =>
        (s.phase !== 'rotatingOut' && s.phase !== 'rotatingIn') || !s.receiptOrder.includes(s.operationId),
    },
    {
      id: 'receipts-are-bounded',
      text: 'receipts are listed once each, and only the newest are kept',
      holds: ({ supervisor: s }) => s.receiptOrder.length === s.receipts.size && s.receipts.size <= 16,
    },
  ],
}
