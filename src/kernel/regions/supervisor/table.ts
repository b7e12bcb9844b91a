/**
 * Who may command the session from outside: one supervisor at a time, in one epoch.
 *
 * Enforces: a supervisor is bound only where none is and nothing of an earlier one is pending; it is followed only by a
 * newer epoch of itself, a revocation, or a rotation that withdraws the old trust before it grants the new; asking for
 * the same rotation again gets the same answer.
 */

import type { Satellite } from '../../core.ts'
import { emptyMap } from '../../persistent-map.ts'
import { rowsOf } from '../../region.ts'
import { resetTo } from '../lifetimes.ts'
import { LASTING, OPEN, SERVED } from '../phases.ts'
import type { SupervisorEffect } from './effect.ts'
import type { SupervisorInput } from './input.ts'
import { supervisorEffects as effects, supervisorGuards as guards } from './rules.ts'
import type { Sees } from './sees.ts'
import { type Supervisor, supervisorSteps as steps } from './state.ts'

const { verdict, publish, revoke, rotation, refused } = effects
const { bindTo, published, revoking, revoked, rotateOut, rotateIn, rotated, adopted, rejected } = steps
const ALL = ['unbound', 'bound', 'revoking', 'rotatingOut', 'rotatingIn'] as const
const PENDING = ['revoking', 'rotatingOut', 'rotatingIn'] as const
const ROTATING = ['rotatingOut', 'rotatingIn'] as const

const NOBODY: Supervisor = { phase: 'unbound', receipts: emptyMap(), receiptOrder: [] }
const HELD = ['bound', 'revoking', 'rotatingOut', 'rotatingIn'] as const

const narrowed = rowsOf<Sees, Supervisor, SupervisorEffect>()

export const supervisor: Satellite<Sees, SupervisorInput, SupervisorEffect, 'supervisor', Supervisor['phase']> = {
  name: 'supervisor',
  about: 'Who may command the session from outside, in which epoch, and how one hands over to the next.',
  initial: NOBODY,
  phaseOf: state => state.supervisor.phase,
  phases: ALL,
  on: {
    ResolveSupervisorBindAdmission: [
      { name: 'bootstrap', from: ['unbound'], during: OPEN, emit: [verdict('Bootstrap')] },
      {
        name: 'again',
        from: ['bound'],
        during: OPEN,
        when: [guards.isClaimedEpoch, guards.isSentByClaimant],
        emit: [verdict('IdempotentAck')],
      },
      {
        name: 'sender-mismatch',
        from: ['bound'],
        during: OPEN,
        when: [guards.isClaimedEpoch],
        emit: [verdict('SenderMismatch')],
      },
      { name: 'already-bound', from: ['bound'], during: OPEN, emit: [verdict('AlreadyBound')] },
      { name: 'pending', from: PENDING, during: OPEN, emit: [verdict('RevocationPending')] },
    ],
    ResolveSupervisorBindMaterialAdmission: [
      {
        name: 'address',
        from: ALL,
        during: OPEN,
        when: [guards.isAtAnotherAddress],
        emit: [verdict('AddressMismatch')],
      },
      {
        name: 'sender',
        from: ALL,
        during: OPEN,
        when: [guards.isSentForAnother],
        emit: [verdict('SenderMismatch')],
      },
      {
        name: 'peer',
        from: ALL,
        during: OPEN,
        when: [guards.isAnotherPeer],
        emit: [verdict('InvalidPeerSpec')],
      },
      {
        name: 'token',
        from: ALL,
        during: OPEN,
        when: [guards.hasWrongToken],
        emit: [verdict('InvalidBootstrapToken')],
      },
      { name: 'accepted', from: ALL, during: OPEN, emit: [verdict('Accept')] },
    ],
    BindSupervisor: [
      { name: 'bound', from: ['unbound'], during: SERVED, to: ['bound'], then: bindTo(true), emit: [publish] },
    ],
    ResolveSupervisorAuthorizeAdmission: [
      { name: 'not-bound', from: ['unbound', ...PENDING], during: LASTING, emit: [verdict('NotBound')] },
      {
        name: 'stale',
        from: ['bound'],
        during: LASTING,
        when: [guards.isOlderEpoch],
        emit: [verdict('StaleSupervisor')],
      },
      {
        name: 'again',
        from: ['bound'],
        during: LASTING,
        when: [guards.isSentByCurrent, guards.isSameSupervisor],
        emit: [verdict('IdempotentAck')],
      },
      {
        name: 'proceed',
        from: ['bound'],
        during: OPEN,
        when: [guards.isSentByCurrent, guards.isSamePeer, guards.isNewerEpoch],
        emit: [verdict('Proceed')],
      },
      {
        name: 'not-allowed',
        from: ['bound'],
        during: LASTING,
        when: [guards.isSentByCurrent],
        emit: [verdict('RotationNotAllowed')],
      },
      { name: 'sender-mismatch', from: ['bound'], during: LASTING, emit: [verdict('SenderMismatch')] },
    ],
    AuthorizeSupervisor: [
      {
        name: 'authorized',
        from: ['bound'],
        during: SERVED,
        when: [guards.isSamePeer, guards.isNewerEpoch],
        then: bindTo(true),
        emit: [publish],
      },
    ],
    RefreshSupervisorBindingRoute: [
      {
        name: 'refreshed',
        from: ['bound'],
        during: LASTING,
        when: [guards.isSameAuthority, guards.isSentByCurrent],
        then: bindTo(true),
        emit: [publish],
      },
    ],
    RequestSupervisorTrustPublish: [
      {
        name: 'asked',
        from: ['bound'],
        during: LASTING,
        when: [guards.isSameSupervisor],
        then: bindTo(true),
        emit: [publish],
      },
    ],
    SupervisorTrustEdgePublished: [
      narrowed({
        name: 'published',
        from: ['bound'],
        during: LASTING,
        when: [guards.isCurrentEdge, guards.isPublishPending],
        then: published,
      }),
    ],
    // Whoever wants it published asks again; nothing is retried by guess.
    SupervisorTrustEdgePublishFailed: [
      narrowed({
        name: 'failed',
        from: ['bound'],
        during: LASTING,
        when: [guards.isCurrentEdge, guards.isPublishPending],
        then: published,
      }),
    ],
    RevokeSupervisor: [
      narrowed({
        name: 'revoking',
        from: ['bound'],
        during: LASTING,
        when: [guards.isCurrentEdge],
        to: ['revoking'],
        then: revoking,
        emit: [revoke],
      }),
      { name: 'again', from: ['revoking'], during: LASTING, when: [guards.isCurrentEdge], emit: [revoke] },
    ],
    SupervisorTrustEdgeRevoked: [
      narrowed({
        name: 'revoked',
        from: ['revoking'],
        during: LASTING,
        when: [guards.isCurrentEdge],
        to: ['unbound'],
        then: revoked,
      }),
    ],
    SupervisorTrustEdgeRevokeFailed: [
      { name: 'failed', from: ['revoking'], during: LASTING, when: [guards.isCurrentEdge] },
    ],
    ResolveSupervisorBridgeCommandAdmission: [
      { name: 'not-bound', from: ['unbound', ...PENDING], during: OPEN, emit: [verdict('NotBound')] },
      {
        name: 'accepted',
        from: ['bound'],
        during: OPEN,
        when: [guards.isClaimedEpoch, guards.isSentByClaimant],
        emit: [verdict('Accept')],
      },
      {
        name: 'sender-mismatch',
        from: ['bound'],
        during: OPEN,
        when: [guards.isClaimedEpoch],
        emit: [verdict('SenderMismatch')],
      },
      { name: 'stale', from: ['bound'], during: OPEN, emit: [verdict('StaleSupervisor')] },
    ],
    ResolveSupervisorCleanupCommandAdmission: [
      { name: 'not-bound', from: ['unbound', ...ROTATING], during: LASTING, emit: [verdict('NotBound')] },
      {
        name: 'stale',
        from: ['bound', 'revoking'],
        during: LASTING,
        when: [guards.isNotClaimedEpoch],
        emit: [verdict('StaleSupervisor')],
      },
      {
        name: 'sender-mismatch',
        from: ['bound', 'revoking'],
        during: LASTING,
        when: [guards.isNotSentByClaimant],
        emit: [verdict('SenderMismatch')],
      },
      {
        name: 'resume-revoke',
        from: ['revoking'],
        during: LASTING,
        when: [guards.isRevoke],
        emit: [verdict('ResumePendingRevoke')],
      },
      { name: 'revoked-meanwhile', from: ['revoking'], during: LASTING, emit: [verdict('NotBound')] },
      {
        name: 'accepted',
        from: ['bound'],
        during: LASTING,
        when: [guards.mayBeCleanedUp],
        emit: [verdict('Accept')],
      },
      { name: 'not-allowed', from: ['bound'], during: LASTING, emit: [verdict('CommandNotAllowed')] },
    ],
    SubmitSupervisorRotation: [
      {
        name: 'again',
        from: ALL,
        during: LASTING,
        when: [guards.repeatsItself, guards.isParticipant],
        emit: [rotation(true)],
      },
      {
        name: 'sender-mismatch',
        from: ['bound', ...ROTATING],
        during: LASTING,
        when: [guards.isNotSentByCurrent, guards.hasNoReceipt],
        emit: [refused('SenderMismatch')],
      },
      {
        name: 'conflict',
        from: ['bound', ...ROTATING],
        during: LASTING,
        when: [guards.isTaken],
        emit: [refused('OperationConflict')],
      },
      { name: 'not-bound', from: ['unbound', 'revoking'], during: LASTING, emit: [refused('NotBound')] },
      narrowed({
        name: 'preflight',
        from: ['bound'],
        during: OPEN,
        when: [guards.failedPreflight],
        then: (slice, input) => rejected(slice, input, input.preflight ?? 'InvalidTarget'),
        emit: [rotation(false)],
      }),
      narrowed({
        name: 'adopts-current',
        from: ['bound'],
        during: OPEN,
        when: [guards.adoptsCurrent],
        then: adopted,
        emit: [rotation(false)],
      }),
      narrowed({
        name: 'begun',
        from: ['bound'],
        during: OPEN,
        when: [guards.advancesEpoch],
        to: ['rotatingOut'],
        then: rotateOut,
        emit: [rotation(false), revoke],
      }),
      narrowed({
        name: 'epoch-not-advanced',
        from: ['bound'],
        during: OPEN,
        then: (slice, input) => rejected(slice, input, 'TargetEpochNotAdvanced'),
        emit: [rotation(false)],
      }),
    ],
    SupervisorRotationPreviousRevoked: [
      narrowed({
        name: 'revoked',
        from: ['rotatingOut'],
        during: LASTING,
        when: [guards.isThisRotation, guards.isCurrentEdge],
        to: ['rotatingIn'],
        then: rotateIn,
        emit: [publish],
      }),
    ],
    SupervisorRotationNextPublished: [
      narrowed({
        name: 'published',
        from: ['rotatingIn'],
        during: LASTING,
        when: [guards.isThisRotation, guards.isNextEdge],
        to: ['bound'],
        then: rotated,
        emit: [rotation(false)],
      }),
    ],
    ResumeSupervisorRotation: [
      { name: 'out', from: ['rotatingOut'], during: LASTING, when: [guards.isThisRotation], emit: [revoke] },
      { name: 'in', from: ['rotatingIn'], during: LASTING, when: [guards.isThisRotation], emit: [publish] },
      { name: 'ended', from: ALL, during: LASTING, when: [guards.hasReceipt], emit: [rotation(true)] },
    ],
    ObserveSupervisorRotation: [
      { name: 'seen', from: ALL, during: LASTING, when: [guards.mayObserve], emit: [rotation(true)] },
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
  lives: { registration: resetTo<Supervisor, Supervisor['phase']>(NOBODY, HELD) },
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
