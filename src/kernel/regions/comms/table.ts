/**
 * Envelopes of peers, judged before the host acts on them: the class of each, whether it is admitted, and the phase of the
 * newest one; and which epoch of the session's trusted peers this process has applied.
 *
 * Enforces: an envelope has one class, decided by its kind, the session's phase and its silent intents; an envelope of an
 * untrusted peer is admitted only where no trust is required; the applied epoch is never above the session's.
 */

import type { ConditionSatellite } from '../../core.ts'
import type { PeerCorrelationId } from '../../ids.ts'
import { isRegistered } from '../guards.ts'
import { resetTo } from '../lifetimes.ts'
import { ATTENDED, LASTING, OPEN, SERVED } from '../phases.ts'
import type { TrustInput } from '../trust/input.ts'
import type { CommsEffect, PeerIngressClass, PeerIngressReceiveOutcome, PeerResponseTerminality } from './effect.ts'
import type {
  Classify,
  CommsInput,
  Dequeue,
  PeerEnvelope,
  PeerIngressAuth,
  PeerResponseStatus,
  Receive,
} from './input.ts'
import type { Sees } from './sees.ts'
import type { Comms, PeerIngressPhase } from './state.ts'

/** Whether this process's comms runtime trusts exactly the peers that the session knows. */
export function isPeerProjectionFresh({ comms: slice, trust }: Sees): boolean {
  return slice.reconciled === trust.epoch
}

type Asked = { readonly envelope: PeerEnvelope }
const kindOf =
  (kind: PeerEnvelope['kind']) =>
  (_: Sees, { envelope }: Asked): boolean =>
    envelope.kind === kind
const isMessage = named('isMessage', kindOf('Message'))
const isAck = named('isAck', kindOf('Ack'))

/** Names a guard, because tables and refusals identify guards by function name. */
function named<Guard extends (...args: never[]) => boolean>(name: string, guard: Guard): Guard {
  return Object.defineProperty(guard, 'name', { value: name })
}

/** Whether a mob reports a change of a peer, by a request or a notice that names the peer. */
const tellsOf = (change: 'Added' | 'Retired' | 'Unwired') =>
  named(`tellsThatAPeerWas${change}`, (_: Sees, { envelope }: Asked): boolean => {
    if (envelope.kind === 'Lifecycle') return envelope.lifecycle === `Peer${change}` && envelope.subject !== ''
    if (envelope.kind !== 'Request') return false
    return envelope.intentClass === `MobPeer${change}` && (envelope.subject ?? '') !== ''
  })
function isSupervisorBridge(_: Sees, { envelope }: Asked): boolean {
  return envelope.kind === 'Request' && envelope.intentClass === 'SupervisorBridge'
}
function isOtherRequest(_: Sees, { envelope }: Asked): boolean {
  return envelope.kind === 'Request' && envelope.intentClass === 'Other'
}
function isSilent({ registration }: Sees, { envelope }: Asked): boolean {
  return envelope.kind === 'Request' && registration.silentIntents.includes(envelope.intent)
}
function isProgress(_: Sees, { envelope }: Asked): boolean {
  return envelope.kind === 'Response' && envelope.status === 'Accepted'
}
function isTerminalResponse(_: Sees, { envelope }: Asked): boolean {
  return envelope.kind === 'Response' && envelope.status !== 'Accepted'
}

const TERMINALITY: Readonly<Record<PeerResponseStatus, PeerResponseTerminality>> = {
  Accepted: 'Progress',
  Completed: 'TerminalCompleted',
  Failed: 'TerminalFailed',
}

const classified =
  (as: PeerIngressClass, actionable: boolean, auth: PeerIngressAuth = 'Required') =>
  (_: Sees, { envelope, fromPeerId, itemId }: Classify): CommsEffect => ({
    type: 'PeerIngressClassified',
    class: as,
    actionable,
    kind: envelope.kind === 'Lifecycle' ? 'Request' : envelope.kind,
    auth,
    fromPeerId,
    ...partsOf(envelope, itemId),
  })

function partsOf(envelope: PeerEnvelope, itemId: PeerCorrelationId) {
  switch (envelope.kind) {
    case 'Message':
      return {}
    case 'Lifecycle':
      return { lifecyclePeer: envelope.subject }
    case 'Request': {
      const isOfMob = envelope.intentClass.startsWith('Mob')
      return { requestId: itemId, ...(isOfMob && envelope.subject && { lifecyclePeer: envelope.subject }) }
    }
    case 'Response':
      return { requestId: envelope.inReplyTo, terminality: TERMINALITY[envelope.status] }
    case 'Ack':
      return { requestId: envelope.inReplyTo }
  }
}

function isQueueClosed(_: Sees, { queue }: Receive): boolean {
  return queue === 'closed'
}
function isQueueFull(_: Sees, { queue }: Receive): boolean {
  return queue === 'full'
}
function isPlainEvent(_: Sees, { kind }: Receive | Dequeue): boolean {
  return kind === 'PlainEvent'
}
function isTrusted(_: Sees, { trusted }: Receive): boolean {
  return trusted
}
function isExempt(_: Sees, { auth, kind }: Receive | Dequeue): boolean {
  return kind === 'External' && auth === 'SupervisorBridgeExempt'
}
function hasQueuedWork(_: Sees, { queuedWork }: Receive | Dequeue): boolean {
  return queuedWork
}
function isAhead({ comms: slice, trust }: Sees, { epoch }: { readonly epoch: number }): boolean {
  return epoch > slice.reconciled && epoch <= trust.epoch
}

const at = (newest: PeerIngressPhase) => (slice: Comms) => (slice.newest === newest ? slice : { ...slice, newest })
const received =
  (outcome: PeerIngressReceiveOutcome, diagnostic?: 'TrustedAtAdmission' | 'UntrustedAtAdmission') =>
  ({ comms: { newest } }: Sees): CommsEffect => ({
    type: 'PeerIngressReceiveResolved',
    outcome,
    ...(diagnostic && { diagnostic }),
    phase: newest,
  })
function dequeued({ comms: { newest } }: Sees): CommsEffect {
  return { type: 'PeerIngressDequeueResolved', phase: newest }
}

const NOTHING: Comms = { newest: 'Absent', reconciled: 0 }

export const comms: ConditionSatellite<Sees, CommsInput | TrustInput, CommsEffect, 'comms'> = {
  name: 'comms',
  about: 'Envelopes of peers: the class of each, whether it is admitted, and how far the trusted peers are applied.',
  initial: NOTHING,
  condition: { atRest: ({ newest }) => newest !== 'Received' },
  phaseOf: state => state.lifecycle.phase,
  phases: LASTING,
  on: {
    ClassifyExternalEnvelope: [
      {
        name: 'message',
        from: ATTENDED,
        when: [isRegistered, isMessage],
        emit: [classified('ActionableMessage', true)],
      },
      {
        name: 'peer-added',
        from: OPEN,
        when: [isRegistered, tellsOf('Added')],
        emit: [classified('PeerLifecycleAdded', false)],
      },
      {
        name: 'peer-retired',
        from: SERVED,
        when: [isRegistered, tellsOf('Retired')],
        emit: [classified('PeerLifecycleRetired', false)],
      },
      {
        name: 'peer-unwired',
        from: SERVED,
        when: [isRegistered, tellsOf('Unwired')],
        emit: [classified('PeerLifecycleUnwired', false)],
      },
      {
        name: 'bridge-silent',
        from: [...OPEN, 'retired'],
        when: [isRegistered, isSupervisorBridge, isSilent],
        emit: [classified('SilentRequest', false, 'SupervisorBridgeExempt')],
      },
      {
        name: 'bridge',
        from: LASTING,
        when: [isRegistered, isSupervisorBridge],
        emit: [classified('ActionableRequest', true, 'SupervisorBridgeExempt')],
      },
      {
        name: 'request-silent',
        from: ATTENDED,
        when: [isRegistered, isOtherRequest, isSilent],
        emit: [classified('SilentRequest', false)],
      },
      {
        name: 'request',
        from: ATTENDED,
        when: [isRegistered, isOtherRequest],
        emit: [classified('ActionableRequest', true)],
      },
      {
        name: 'progress',
        from: ATTENDED,
        when: [isRegistered, isProgress],
        emit: [classified('ResponseProgress', true)],
      },
      {
        name: 'terminal',
        from: ATTENDED,
        when: [isRegistered, isTerminalResponse],
        emit: [classified('ResponseTerminal', true)],
      },
      { name: 'ack', from: ATTENDED, when: [isRegistered, isAck], emit: [classified('Ack', false)] },
    ],
    ClassifyPlainEvent: [
      {
        name: 'event',
        from: ATTENDED,
        when: [isRegistered],
        emit: [
          () => ({
            type: 'PeerIngressClassified',
            class: 'PlainEvent',
            actionable: true,
            kind: 'PlainEvent',
            auth: 'Required',
          }),
        ],
      },
    ],
    ClassifyPeerResponseReply: [
      {
        name: 'reply',
        from: SERVED,
        emit: [(_, { status }) => ({ type: 'PeerResponseReplyClassified', terminality: TERMINALITY[status] })],
      },
    ],
    ResolvePeerIngressReceive: [
      { name: 'closed', from: LASTING, when: [isQueueClosed], emit: [received('DroppedSessionClosed')] },
      { name: 'full', from: LASTING, when: [isQueueFull], emit: [received('DroppedInboxFull')] },
      { name: 'event', from: SERVED, when: [isRegistered, isPlainEvent], emit: [received('Admitted')] },
      {
        name: 'trusted',
        from: SERVED,
        when: [isRegistered, isTrusted],
        then: at('Received'),
        emit: [received('Admitted', 'TrustedAtAdmission')],
      },
      {
        name: 'trusted-bridge',
        from: ['destroyed'],
        when: [isRegistered, isTrusted, isExempt],
        then: at('Received'),
        emit: [received('Admitted', 'TrustedAtAdmission')],
      },
      {
        name: 'exempt',
        from: LASTING,
        when: [isRegistered, isExempt],
        then: at('Received'),
        emit: [received('Admitted', 'UntrustedAtAdmission')],
      },
      // A destroyed session admits only messages of its supervisor.
      { name: 'gone', from: ['destroyed'], then: at('Dropped'), emit: [received('DroppedSessionClosed')] },
      {
        name: 'untrusted-behind-work',
        from: SERVED,
        when: [isRegistered, hasQueuedWork],
        then: at('Received'),
        emit: [received('DroppedUntrustedSender', 'UntrustedAtAdmission')],
      },
      {
        name: 'untrusted',
        from: SERVED,
        when: [isRegistered],
        then: at('Dropped'),
        emit: [received('DroppedUntrustedSender', 'UntrustedAtAdmission')],
      },
    ],
    ResolvePeerIngressDequeue: [
      { name: 'event', from: SERVED, when: [isRegistered, isPlainEvent], emit: [dequeued] },
      { name: 'exempt', from: LASTING, when: [isRegistered, isExempt], emit: [dequeued] },
      {
        name: 'more-waits',
        from: SERVED,
        when: [isRegistered, hasQueuedWork],
        then: at('Received'),
        emit: [dequeued],
      },
      { name: 'delivered', from: SERVED, when: [isRegistered], then: at('Delivered'), emit: [dequeued] },
    ],
    PeerProjectionReconciled: [
      {
        name: 'reconciled',
        from: SERVED,
        when: [isAhead],
        then: (slice, { epoch }) => ({ ...slice, reconciled: epoch }),
        emit: [
          (after, { epoch }) => ({
            type: 'PeerProjectionFreshnessChanged',
            epoch,
            fresh: isPeerProjectionFresh(after),
          }),
        ],
      },
    ],
  },
  lives: { process: resetTo(NOTHING) },
  follow: {},
  invariants: [
    {
      id: 'reconciled-is-not-ahead',
      text: 'no process has applied peers that the session does not know yet',
      holds: s => s.comms.reconciled <= s.trust.epoch,
    },
  ],
}
