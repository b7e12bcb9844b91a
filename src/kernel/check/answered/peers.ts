/** Inputs from peers, supervisors and the drain task that a session may not refuse. */
import type { PeerCorrelationId } from '../../ids.ts'
import { mapGet } from '../../persistent-map.ts'
import type { Classify } from '../../regions/comms/input.ts'
import { LEFT, OPEN, SERVED } from '../../regions/phases.ts'
import type { MeerkatState } from '../../state.ts'
import type { Answers } from './rule.ts'

const isServed = ({ lifecycle: { phase } }: MeerkatState): boolean => SERVED.includes(phase)
const isOpen = ({ lifecycle: { phase } }: MeerkatState): boolean => OPEN.includes(phase)
const isGone = ({ lifecycle: { phase } }: MeerkatState): boolean => phase === 'destroyed'
const lasts = (state: MeerkatState): boolean => isServed(state) || isGone(state)
const runs = ({ lifecycle: { phase } }: MeerkatState): boolean => phase === 'attached' || phase === 'running'
const isRegistered = ({ registration }: MeerkatState): boolean => registration.sessionId !== undefined
/** A report that comes after the session was unregistered is accepted without an effect. */
const isLate = (state: MeerkatState): boolean => !isRegistered(state) && LEFT.includes(state.lifecycle.phase)
const isHere = (state: MeerkatState): boolean => isServed(state) && isRegistered(state)

const lateOr =
  <Input>(here: (state: MeerkatState, input: Input) => boolean) =>
  (state: MeerkatState, input: Input): boolean =>
    isLate(state) || (isHere(state) && here(state, input))

type Correlated = { readonly correlationId: PeerCorrelationId }
const isAsked = ({ interactions }: MeerkatState, { correlationId }: Correlated): boolean =>
  mapGet(interactions.outbound, correlationId) !== undefined
const isUnasked = (state: MeerkatState, input: Correlated): boolean => !isAsked(state, input)
const isOwed = ({ interactions }: MeerkatState, { correlationId }: Correlated): boolean =>
  mapGet(interactions.inbound, correlationId) !== undefined
const isNotOwed = (state: MeerkatState, input: Correlated): boolean => !isOwed(state, input)
const streamIs =
  (...states: readonly (string | undefined)[]) =>
  ({ streams }: MeerkatState, { correlationId }: Correlated): boolean =>
    states.includes(mapGet(streams.open, correlationId))

/** Whether an envelope has all that its kind needs. */
function isWhole({ envelope }: Classify): boolean {
  if (envelope.kind === 'Lifecycle') return envelope.subject !== ''
  if (envelope.kind !== 'Request') return true
  const isOfMob = envelope.intentClass !== 'Other' && envelope.intentClass !== 'SupervisorBridge'
  return !isOfMob || (envelope.subject ?? '') !== ''
}

const ofRequest = lateOr(isAsked)

export const peerAnswers: Answers = {
  ClassifyExternalEnvelope: (state, input) => runs(state) && isRegistered(state) && isWhole(input),
  ClassifyPlainEvent: state => runs(state) && isRegistered(state),
  ClassifyPeerResponseReply: isServed,
  ResolvePeerIngressReceive: state => isGone(state) || isHere(state),
  ResolvePeerIngressDequeue: isHere,
  PeerProjectionReconciled: (state, { epoch }) =>
    isServed(state) && epoch > state.comms.reconciled && epoch <= state.trust.epoch,
  PeerRequestSent: lateOr(isUnasked),
  PeerResponseProgressArrived: ofRequest,
  PeerResponseTerminalArrived: ofRequest,
  PeerResponseRejected: ofRequest,
  PeerRequestTimedOut: ofRequest,
  PeerRequestSendFailed: ofRequest,
  PeerRequestReceived: lateOr(isNotOwed),
  PeerResponseReplied: (state, input) => isLate(state) || (lasts(state) && isOwed(state, input)),
  InteractionStreamReserved: lateOr(streamIs(undefined)),
  InteractionStreamAttached: lateOr(streamIs('Reserved')),
  InteractionStreamCompleted: lateOr(streamIs('Attached')),
  InteractionStreamExpired: lateOr(streamIs('Reserved')),
  InteractionStreamClosedEarly: lateOr(streamIs('Attached')),
  InteractionStreamAbandoned: lateOr(streamIs('Reserved', 'Attached')),
  SpawnDrain: state => isHere(state) && state.drain.phase !== 'running',
  StopDrain: state => isServed(state) && state.drain.phase === 'running',
  EnsureDrainRunning: state => runs(state) && isRegistered(state),
  NotifyDrainExited: state => {
    const { drain } = state
    if (isLate(state)) return drain.phase === 'inactive'
    return isHere(state) && (drain.phase === 'running' || (drain.phase === 'stopped' && drain.exitAwaited))
  },
  AdvanceSessionContext: (state, { updatedAt }) =>
    isServed(state) && updatedAt > state.context.updatedAt && updatedAt <= 8_640_000_000_000_000,
  DetachIngress: lasts,
  AttachSessionIngress: state => isHere(state) && state.ingress.phase === 'unattached',
  AttachMobIngress: state => isHere(state) && state.ingress.phase !== 'mobOwned',
  PublishLocalEndpoint: isOpen,
  AddDirectPeerEndpoint: isOpen,
  RemoveDirectPeerEndpoint: isOpen,
  // A peer that asks to supervise gets a verdict.
  ResolveSupervisorBindAdmission: isOpen,
  ResolveSupervisorBindMaterialAdmission: isOpen,
  ResolveSupervisorBridgeCommandAdmission: isOpen,
  ResolveSupervisorAuthorizeAdmission: lasts,
  ResolveSupervisorCleanupCommandAdmission: lasts,
  ObserveSupervisorRotation: lasts,
  SubmitSupervisorRotation: isOpen,
  BindSupervisor: state => isServed(state) && state.supervisor.phase === 'unbound',
}
