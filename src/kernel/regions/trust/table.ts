/**
 * The peers that the session trusts: its own endpoint, direct peers, and a mob's overlay.
 *
 * Enforces: every change of the effective set has a higher epoch and requests a reconciliation; a repetition requests it
 * again and changes nothing; the epoch of a mob's overlay only rises.
 */
import type { Satellite } from '../../core.ts'
import { emptyMap, mapDelete, mapGet, mapOf, mapSet, mapValues } from '../../persistent-map.ts'
import { OPEN } from '../phases.ts'
import type { TrustEffect } from './effect.ts'
import type { SupervisedOverlay, TrustInput } from './input.ts'
import type { Sees } from './sees.ts'
import type { PeerEndpoint, PeerEndpoints, Trust } from './state.ts'

type WithEndpoint = { readonly endpoint: PeerEndpoint }
type WithOverlay = { readonly overlayEpoch: number; readonly endpoints: readonly PeerEndpoint[] }

const keyOf = ({ peerId, name, address, signingKey }: PeerEndpoint): string =>
  JSON.stringify([peerId, name, address, signingKey])
const setOf = (endpoints: readonly PeerEndpoint[]): PeerEndpoints =>
  mapOf(endpoints.map(endpoint => [keyOf(endpoint), endpoint] as const))

function hasLocalEndpoint({ trust: slice }: Sees): boolean {
  return slice.local !== undefined
}
function isNewPeer({ trust: slice }: Sees, { endpoint }: WithEndpoint): boolean {
  return mapGet(slice.direct, keyOf(endpoint)) === undefined
}
function isKnownPeer(state: Sees, input: WithEndpoint): boolean {
  return !isNewPeer(state, input)
}
function isNewerOverlay({ trust: slice }: Sees, { overlayEpoch }: WithOverlay): boolean {
  return overlayEpoch > slice.overlayEpoch
}
function isSameOverlay({ trust: slice }: Sees, { overlayEpoch, endpoints }: WithOverlay): boolean {
  const asked = new Set(endpoints.map(keyOf))
  if (overlayEpoch !== slice.overlayEpoch || asked.size !== slice.overlay.size) return false
  return [...mapValues(slice.overlay)].every(endpoint => asked.has(keyOf(endpoint)))
}
function peersAreDistinct(_: Sees, { endpoints }: WithOverlay): boolean {
  return new Set(endpoints.map(({ peerId }) => peerId)).size === endpoints.length
}
function isOfCurrentSupervisor({ supervisor }: Sees, input: SupervisedOverlay): boolean {
  if (supervisor.phase !== 'bound') return false
  const { peerId, epoch } = supervisor.supervisor
  return peerId === input.supervisorPeerId && epoch === input.supervisorEpoch
}
function isForThisPeer({ trust: slice }: Sees, { recipientPeerId }: SupervisedOverlay): boolean {
  return slice.local?.peerId === recipientPeerId
}
/** Whether the overlay fulfils its command: the peer to be wired is in it, the peer to be unwired is not. */
function fulfilsItsCommand(_: Sees, { command, endpoints }: SupervisedOverlay): boolean {
  const { kind, endpoint } = command
  if (kind === 'Wire') return endpoints.some(one => keyOf(one) === keyOf(endpoint))
  return endpoints.every(({ peerId }) => peerId !== endpoint.peerId)
}

const overlaid = (slice: Trust, { overlayEpoch, endpoints }: WithOverlay): Trust => ({
  ...slice,
  overlay: setOf(endpoints),
  overlayEpoch,
  epoch: slice.epoch + 1,
})

const byKey = (endpoints: PeerEndpoints): readonly PeerEndpoint[] =>
  [...mapValues(endpoints)].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))

function localChanged({ trust: { local } }: Sees): TrustEffect {
  return { type: 'LocalEndpointChanged', ...(local && { endpoint: local }) }
}
function projectionChanged({ trust: { epoch } }: Sees): TrustEffect {
  return { type: 'PeerProjectionChanged', epoch }
}
function reconcile({ trust: slice }: Sees): TrustEffect {
  const { epoch, local, direct, overlay } = slice
  const lists = { direct: byKey(direct), overlay: byKey(overlay) }
  return { type: 'CommsTrustReconcileRequested', epoch, ...(local && { local }), ...lists }
}

const CHANGED = [projectionChanged, reconcile]
const SUPERVISED = [isOfCurrentSupervisor, isForThisPeer, peersAreDistinct, fulfilsItsCommand]
const NO_PEERS: Trust = { direct: emptyMap(), overlay: emptyMap(), epoch: 0, overlayEpoch: 0 }

/** A session under another id has no peers; its epoch still rises, so that a late reconciliation is recognised. */
function forget(slice: Trust): Trust {
  const { local, direct, overlay, overlayEpoch, epoch } = slice
  const knowsNobody = local === undefined && direct.size === 0 && overlay.size === 0 && overlayEpoch === 0
  return knowsNobody ? slice : { ...NO_PEERS, epoch: epoch + 1 }
}

export const trust: Satellite<Sees, TrustInput, TrustEffect, 'trust'> = {
  name: 'trust',
  about: 'The session’s own endpoint and the peers it knows, directly and through a mob.',
  initial: NO_PEERS,
  phaseOf: state => state.lifecycle.phase,
  phases: OPEN,
  on: {
    PublishLocalEndpoint: [
      {
        name: 'published',
        from: OPEN,
        then: (slice, { endpoint }) => ({ ...slice, local: endpoint }),
        emit: [localChanged],
      },
    ],
    ClearLocalEndpoint: [
      {
        name: 'cleared',
        from: OPEN,
        when: [hasLocalEndpoint],
        then: ({ local: _, ...rest }) => rest,
        emit: [localChanged],
      },
    ],
    AddDirectPeerEndpoint: [
      {
        name: 'added',
        from: OPEN,
        when: [isNewPeer],
        then: (slice, { endpoint }) => ({
          ...slice,
          direct: mapSet(slice.direct, keyOf(endpoint), endpoint),
          epoch: slice.epoch + 1,
        }),
        emit: CHANGED,
      },
      { name: 'repaired', from: OPEN, emit: [reconcile] },
    ],
    RemoveDirectPeerEndpoint: [
      {
        name: 'removed',
        from: OPEN,
        when: [isKnownPeer],
        then: (slice, { endpoint }) => ({
          ...slice,
          direct: mapDelete(slice.direct, keyOf(endpoint)),
          epoch: slice.epoch + 1,
        }),
        emit: CHANGED,
      },
      { name: 'repaired', from: OPEN, emit: [reconcile] },
    ],
    ApplyMobPeerOverlay: [
      { name: 'applied', from: OPEN, when: [isNewerOverlay], then: overlaid, emit: CHANGED },
      { name: 'repaired', from: OPEN, when: [isSameOverlay], emit: [reconcile] },
    ],
    AuthorizeSupervisorMobPeerOverlay: [
      { name: 'applied', from: OPEN, when: [...SUPERVISED, isNewerOverlay], then: overlaid, emit: CHANGED },
      { name: 'repaired', from: OPEN, when: [...SUPERVISED, isSameOverlay], emit: [reconcile] },
    ],
  },
  lives: { session: { then: forget } },
  follow: {},
  invariants: [
    {
      id: 'an-overlay-has-an-epoch',
      text: 'peers are laid over only by an overlay with an epoch',
      holds: s => s.trust.overlay.size === 0 || s.trust.overlayEpoch > 0,
    },
  ],
}
