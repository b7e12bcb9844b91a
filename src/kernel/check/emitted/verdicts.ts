/** The verdicts of the session's rules, decided here a second time and independently. They change no state. */
import { mapGet } from '../../persistent-map.ts'
import type { CommsEffect, PeerIngressClass } from '../../regions/comms/effect.ts'
import type { Classify, Receive } from '../../regions/comms/input.ts'
import { OPEN } from '../../regions/phases.ts'
import type { SupervisorEffect, SupervisorVerdict } from '../../regions/supervisor/effect.ts'
import type { BindMaterial, Claim, SupervisorInput } from '../../regions/supervisor/input.ts'
import { type SupervisorIdentity, sameSupervisor } from '../../regions/supervisor/state.ts'
import type { MeerkatState } from '../../state.ts'
import { given, once, type Rules, type Stepped } from './rule.ts'

type VerdictRules = Rules<
  Extract<CommsEffect['type'], 'PeerIngressClassified' | 'PeerIngressReceiveResolved'> | SupervisorEffect['type']
>

const OF_MOB = {
  MobPeerAdded: 'PeerLifecycleAdded',
  MobPeerRetired: 'PeerLifecycleRetired',
  MobPeerUnwired: 'PeerLifecycleUnwired',
} as const
const OF_NOTICE = {
  PeerAdded: 'PeerLifecycleAdded',
  PeerRetired: 'PeerLifecycleRetired',
  PeerUnwired: 'PeerLifecycleUnwired',
} as const

function classOf({ registration }: MeerkatState, { envelope }: Classify): PeerIngressClass {
  switch (envelope.kind) {
    case 'Message':
      return 'ActionableMessage'
    case 'Lifecycle':
      return OF_NOTICE[envelope.lifecycle]
    case 'Response':
      return envelope.status === 'Accepted' ? 'ResponseProgress' : 'ResponseTerminal'
    case 'Ack':
      return 'Ack'
    case 'Request': {
      const { intentClass, intent } = envelope
      if (intentClass !== 'SupervisorBridge' && intentClass !== 'Other') return OF_MOB[intentClass]
      return registration.silentIntents.includes(intent) ? 'SilentRequest' : 'ActionableRequest'
    }
  }
}
const WAKING: readonly PeerIngressClass[] = [
  'ActionableMessage',
  'ActionableRequest',
  'ResponseProgress',
  'ResponseTerminal',
  'PlainEvent',
]

/** What happens to a received envelope, and the phase of the newest one afterwards. */
function receivedAs({ lifecycle, comms, registration }: MeerkatState, asked: Receive): object {
  const { queue, kind, auth, trusted, queuedWork } = asked
  if (queue === 'closed') return { outcome: 'DroppedSessionClosed', phase: comms.newest }
  if (queue === 'full') return { outcome: 'DroppedInboxFull', phase: comms.newest }
  const isExempt = kind === 'External' && auth === 'SupervisorBridgeExempt'
  const isRegistered = registration.sessionId !== undefined
  if (lifecycle.phase === 'destroyed' && !(isExempt && isRegistered))
    return { outcome: 'DroppedSessionClosed', phase: 'Dropped' }
  if (kind === 'PlainEvent') return { outcome: 'Admitted', phase: comms.newest }
  if (trusted) return { outcome: 'Admitted', diagnostic: 'TrustedAtAdmission', phase: 'Received' }
  const diagnostic = 'UntrustedAtAdmission'
  if (isExempt) return { outcome: 'Admitted', diagnostic, phase: 'Received' }
  return { outcome: 'DroppedUntrustedSender', diagnostic, phase: queuedWork ? 'Received' : 'Dropped' }
}

/** The supervisor, or the one before the change that is under way. */
function supervising({ supervisor }: MeerkatState): SupervisorIdentity | undefined {
  if (supervisor.phase === 'unbound') return undefined
  return supervisor.phase === 'bound' ? supervisor.supervisor : supervisor.previous
}
function isClaimed(current: SupervisorIdentity | undefined, { supervisorPeerId, supervisorEpoch }: Claim): boolean {
  return current?.peerId === supervisorPeerId && current.epoch === supervisorEpoch
}
const isOwnWord = ({ senderPeerId, supervisorPeerId }: Claim): boolean => senderPeerId === supervisorPeerId

type Ask<Type extends SupervisorInput['type']> = Extract<SupervisorInput, { readonly type: Type }>

function toBind(state: MeerkatState, claim: Claim): SupervisorVerdict {
  const { phase } = state.supervisor
  if (phase === 'unbound') return 'Bootstrap'
  if (phase !== 'bound') return 'RevocationPending'
  if (!isClaimed(supervising(state), claim)) return 'AlreadyBound'
  return isOwnWord(claim) ? 'IdempotentAck' : 'SenderMismatch'
}

function ofMaterial(material: BindMaterial): SupervisorVerdict {
  if (!material.addressMatches) return 'AddressMismatch'
  if (!material.senderMatchesSupervisor) return 'SenderMismatch'
  if (!material.expectedPeerIdMatches) return 'InvalidPeerSpec'
  return material.bootstrapTokenMatches ? 'Accept' : 'InvalidBootstrapToken'
}

/** Why a claim to be the present supervisor is wrong; undefined if it is right. */
function claimFault(state: MeerkatState, claim: Claim): SupervisorVerdict | undefined {
  if (!isClaimed(supervising(state), claim)) return 'StaleSupervisor'
  return isOwnWord(claim) ? undefined : 'SenderMismatch'
}

function toClean(state: MeerkatState, claim: Ask<'ResolveSupervisorCleanupCommandAdmission'>): SupervisorVerdict {
  const { phase } = state.supervisor
  if (phase !== 'bound' && phase !== 'revoking') return 'NotBound'
  const fault = claimFault(state, claim)
  if (fault !== undefined) return fault
  const { command } = claim
  if (phase === 'revoking') return command === 'Revoke' ? 'ResumePendingRevoke' : 'NotBound'
  const isOver = state.lifecycle.phase === 'destroyed'
  return isOver && command !== 'Observe' && command !== 'Revoke' ? 'CommandNotAllowed' : 'Accept'
}

function toAuthorize(state: MeerkatState, asked: Ask<'ResolveSupervisorAuthorizeAdmission'>): SupervisorVerdict {
  const current = supervising(state)
  if (state.supervisor.phase !== 'bound' || current === undefined) return 'NotBound'
  const { supervisor, senderPeerId, senderSigningKey } = asked
  if (supervisor.epoch < current.epoch) return 'StaleSupervisor'
  if (senderPeerId !== current.peerId || senderSigningKey !== current.signingKey) return 'SenderMismatch'
  if (sameSupervisor(supervisor, current)) return 'IdempotentAck'
  const isSame = supervisor.peerId === current.peerId && supervisor.signingKey === current.signingKey
  const isOpen = OPEN.includes(state.lifecycle.phase)
  return isSame && supervisor.epoch > current.epoch && isOpen ? 'Proceed' : 'RotationNotAllowed'
}

function admissionOf({ before, input }: Stepped): SupervisorVerdict | undefined {
  switch (input.type) {
    case 'ResolveSupervisorBindAdmission':
      return toBind(before, input)
    case 'ResolveSupervisorBindMaterialAdmission':
      return ofMaterial(input)
    case 'ResolveSupervisorBridgeCommandAdmission':
      return before.supervisor.phase === 'bound' ? (claimFault(before, input) ?? 'Accept') : 'NotBound'
    case 'ResolveSupervisorCleanupCommandAdmission':
      return toClean(before, input)
    case 'ResolveSupervisorAuthorizeAdmission':
      return toAuthorize(before, input)
    default:
      return undefined
  }
}

const PUBLISHING = [
  'BindSupervisor',
  'AuthorizeSupervisor',
  'RefreshSupervisorBindingRoute',
  'RequestSupervisorTrustPublish',
]

export const verdictRules: VerdictRules = {
  PeerIngressClassified: {
    when: 'for each envelope and event that is judged: what it is, and whether it may wake the session',
    expected: step => {
      if (step.input.type === 'ClassifyPlainEvent')
        return [{ class: 'PlainEvent', actionable: true, kind: 'PlainEvent', auth: 'Required' }]
      const asked = given(step, 'ClassifyExternalEnvelope')
      if (asked === undefined) return []
      const { envelope, fromPeerId } = asked
      const as = classOf(step.before, asked)
      const isBridge = envelope.kind === 'Request' && envelope.intentClass === 'SupervisorBridge'
      return [
        {
          class: as,
          actionable: WAKING.includes(as),
          kind: envelope.kind === 'Lifecycle' ? 'Request' : envelope.kind,
          auth: isBridge ? 'SupervisorBridgeExempt' : 'Required',
          fromPeerId,
          ...(envelope.kind === 'Request' && { requestId: asked.itemId }),
          ...('inReplyTo' in envelope && { requestId: envelope.inReplyTo }),
        },
      ]
    },
  },
  PeerIngressReceiveResolved: {
    when: 'for each envelope and event that comes in: what becomes of it',
    expected: step => {
      const asked = given(step, 'ResolvePeerIngressReceive')
      return asked === undefined ? [] : [receivedAs(step.before, asked)]
    },
  },
  SupervisorAdmissionResolved: {
    when: 'when a supervisor asks to bind, to be authorized or to command: the verdict',
    expected: step => {
      const verdict = admissionOf(step)
      return verdict === undefined ? [] : [{ verdict }]
    },
  },
  PublishSupervisorTrustEdge: {
    when: 'whenever peers are to trust a supervisor from now on',
    expected: ({ before, input, after }) => {
      const { supervisor: now } = after
      if (PUBLISHING.includes(input.type)) return now.phase === 'bound' ? [{ supervisor: now.supervisor }] : []
      const isNext = before.supervisor.phase !== 'rotatingIn' || input.type === 'ResumeSupervisorRotation'
      return now.phase === 'rotatingIn' && isNext && OF_ROTATION.includes(input.type) && !isReceipt(before, input)
        ? [{ supervisor: now.next }]
        : []
    },
  },
  SupervisorRotationResolved: {
    when: 'when a rotation is asked for, looked at or over: how far it has come',
    expected: step => {
      const operationId = resolvedRotation(step)
      return operationId === undefined
        ? []
        : [{ operationId, again: ASKED_AGAIN.includes(step.input.type) || isKnownRotation(step) }]
    },
  },
  RevokeSupervisorTrustEdge: {
    when: 'whenever peers are to trust a supervisor no longer',
    expected: ({ before, input, after }) => {
      const { supervisor: now } = after
      if (input.type === 'RevokeSupervisor') return now.phase === 'revoking' ? [{ supervisor: now.previous }] : []
      if (now.phase !== 'rotatingOut' || !OF_ROTATION.includes(input.type) || isReceipt(before, input)) return []
      const isNew = before.supervisor.phase !== 'rotatingOut' || input.type === 'ResumeSupervisorRotation'
      return once(isNew, () => ({ supervisor: now.previous }))
    },
  },
}

const OF_ROTATION = ['SubmitSupervisorRotation', 'SupervisorRotationPreviousRevoked', 'ResumeSupervisorRotation']
function isReceipt({ supervisor }: MeerkatState, input: Stepped['input']): boolean {
  return 'operationId' in input && supervisor.receiptOrder.some(id => id === input.operationId)
}

const ASKED_AGAIN = ['ResumeSupervisorRotation', 'ObserveSupervisorRotation']
/** The rotation that this step resolves, if any. */
function resolvedRotation({ before, input }: Stepped): string | undefined {
  switch (input.type) {
    case 'SubmitSupervisorRotation':
    case 'SupervisorRotationNextPublished':
    case 'ObserveSupervisorRotation':
      return input.operationId
    case 'ResumeSupervisorRotation':
      return isReceipt(before, input) ? input.operationId : undefined
    default:
      return undefined
  }
}
/** Whether one of its parties requested the same rotation before. */
function isKnownRotation({ before: { supervisor }, input }: Stepped): boolean {
  if (input.type !== 'SubmitSupervisorRotation') return false
  const underWay = supervisor.phase === 'rotatingOut' || supervisor.phase === 'rotatingIn' ? supervisor : undefined
  const known = mapGet(supervisor.receipts, input.operationId) ?? underWay
  if (known?.operationId !== input.operationId || !sameSupervisor(known.next, input.next)) return false
  return [known.previous, known.next].some(
    ({ peerId, signingKey }) => peerId === input.senderPeerId && signingKey === input.senderSigningKey,
  )
}
