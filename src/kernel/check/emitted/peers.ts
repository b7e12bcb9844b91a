/** When the effects about a session's peers are emitted. */
import { mapEntries, mapGet, type PersistentMap } from '../../persistent-map.ts'
import type { CommsEffect } from '../../regions/comms/effect.ts'
import type { ContextEffect } from '../../regions/context/effect.ts'
import type { DrainEffect } from '../../regions/drain/effect.ts'
import type { InteractionEffect } from '../../regions/interactions/effect.ts'
import type { StreamEffect } from '../../regions/streams/effect.ts'
import type { TrustEffect } from '../../regions/trust/effect.ts'
import { given, once, type Rules, type Stepped } from './rule.ts'

type PeerRules = Rules<
  | Exclude<CommsEffect['type'], 'PeerIngressClassified' | 'PeerIngressReceiveResolved'>
  | ContextEffect['type']
  | DrainEffect['type']
  | InteractionEffect['type']
  | StreamEffect['type']
  | TrustEffect['type']
>

/** Keys whose value the step changed, with the new value. */
function changedIn<Key extends string, Value>(
  before: PersistentMap<Key, Value>,
  after: PersistentMap<Key, Value>,
): readonly (readonly [Key, Value])[] {
  return before === after ? [] : [...mapEntries(after)].filter(([key, value]) => mapGet(before, key) !== value)
}
function goneFrom<Key extends string, Value>(
  before: PersistentMap<Key, Value>,
  after: PersistentMap<Key, Value>,
): readonly Key[] {
  return before === after ? [] : mapEntries(before).flatMap(([key]) => (mapGet(after, key) === undefined ? [key] : []))
}
/** Only single ends are emitted, not those that come with the session's own end. */
const saysEnds = ({ input }: Stepped): boolean => 'correlationId' in input

const interactions: Pick<PeerRules, InteractionEffect['type']> = {
  PeerInteractionStateChanged: {
    when: 'for each request to a peer that is sent, makes progress or ends',
    expected: step => {
      const { outbound } = step.before.interactions
      const now = step.after.interactions.outbound
      const again = given(step, 'PeerResponseProgressArrived')
      const same = again !== undefined && mapGet(outbound, again.correlationId) === 'AcceptedProgress'
      return [
        ...changedIn(outbound, now).map(([correlationId, state]) => ({ correlationId, state })),
        ...(same ? [{ correlationId: again.correlationId, state: 'AcceptedProgress' as const }] : []),
        ...(saysEnds(step) ? goneFrom(outbound, now).map(correlationId => ({ correlationId, ...endOf(step) })) : []),
      ]
    },
  },
  PeerInteractionCleanup: {
    when: 'once for each request to a peer that ends with a word',
    expected: step =>
      saysEnds(step)
        ? goneFrom(step.before.interactions.outbound, step.after.interactions.outbound).map(correlationId => ({
            correlationId,
          }))
        : [],
  },
  InboundPeerInteractionStateChanged: {
    when: 'exactly when a peer’s request is received, and when it is answered',
    expected: step => {
      const [was, is] = [step.before.interactions.inbound, step.after.interactions.inbound]
      return [
        ...changedIn(was, is).map(([correlationId]) => ({ correlationId, state: 'Received' as const })),
        ...(saysEnds(step)
          ? goneFrom(was, is).map(correlationId => ({ correlationId, state: 'Replied' as const }))
          : []),
      ]
    },
  },
}
function endOf({ input }: Stepped) {
  if (input.type === 'PeerResponseTerminalArrived') return { state: input.disposition }
  return { state: input.type === 'PeerRequestTimedOut' ? ('TimedOut' as const) : ('Failed' as const) }
}

const STREAM_ENDS = {
  InteractionStreamCompleted: 'Completed',
  InteractionStreamExpired: 'Expired',
  InteractionStreamClosedEarly: 'ClosedEarly',
  InteractionStreamAbandoned: 'Abandoned',
} as const

const streams: Pick<PeerRules, StreamEffect['type']> = {
  InteractionStreamStateChanged: {
    when: 'exactly when a stream is reserved or attached, and when it ends with a word',
    expected: ({ before, input, after }) => {
      const [was, is] = [before.streams.open, after.streams.open]
      const state = Object.entries(STREAM_ENDS).find(([type]) => type === input.type)?.[1]
      const ends = state === undefined ? [] : goneFrom(was, is).map(correlationId => ({ correlationId, state }))
      return [...changedIn(was, is).map(([correlationId, now]) => ({ correlationId, state: now })), ...ends]
    },
  },
  InteractionStreamCleanup: {
    when: 'once for each stream that ends with a word',
    expected: step =>
      saysEnds(step)
        ? goneFrom(step.before.streams.open, step.after.streams.open).map(correlationId => ({ correlationId }))
        : [],
  },
}

const effective = ({ trust }: Stepped['after']): string =>
  JSON.stringify(
    [trust.direct, trust.overlay].map(endpoints =>
      mapEntries(endpoints)
        .map(([key]) => key)
        .toSorted(),
    ),
  )
const OVERLAYS = ['ApplyMobPeerOverlay', 'AuthorizeSupervisorMobPeerOverlay']
const DIRECT = ['AddDirectPeerEndpoint', 'RemoveDirectPeerEndpoint']

const trust: Pick<PeerRules, TrustEffect['type']> = {
  LocalEndpointChanged: {
    when: 'when the session’s own endpoint is published or cleared',
    expected: ({ input, after: { trust: now } }) => {
      const isSaid = input.type === 'PublishLocalEndpoint' || input.type === 'ClearLocalEndpoint'
      return once(isSaid, () => ({ ...(now.local && { endpoint: now.local }) }))
    },
  },
  PeerProjectionChanged: {
    when: 'exactly when peers are added, removed or laid over anew, with the epoch of what is known then',
    expected: ({ before, input, after }) => {
      const isDirect = DIRECT.includes(input.type) && effective(before) !== effective(after)
      const isLaidOver = OVERLAYS.includes(input.type) && before.trust.overlayEpoch !== after.trust.overlayEpoch
      return once(isDirect || isLaidOver, () => ({ epoch: before.trust.epoch + 1 }))
    },
  },
  CommsTrustReconcileRequested: {
    when: 'whenever an input sets peers, with all endpoints to trust from then on',
    expected: ({ input, after: { trust: now } }) =>
      once(DIRECT.includes(input.type) || OVERLAYS.includes(input.type), () => ({
        epoch: now.epoch,
        ...(now.local && { local: now.local }),
        direct: byName(now.direct),
        overlay: byName(now.overlay),
      })),
  },
}
type Endpoints = Stepped['after']['trust']['direct']
const byName = (endpoints: Endpoints) =>
  [...mapEntries(endpoints)].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint)

const drain: Pick<PeerRules, DrainEffect['type']> = {
  SpawnDrainTask: {
    when: 'exactly when a drain begins, in its mode, and whenever a host makes sure that one runs',
    expected: ({ before, input, after }) => {
      if (input.type === 'EnsureDrainRunning') return [{}]
      const { drain: now } = after
      return before.drain.phase !== 'running' && now.phase === 'running' ? [{ mode: now.mode }] : []
    },
  },
  DrainExited: {
    when: 'exactly when a drain has exited, with whether another one may begin',
    expected: step => {
      const { before, after } = step
      const exited = given(step, 'NotifyDrainExited')
      if (exited === undefined || before.drain.phase === 'inactive') return []
      return [{ reason: exited.reason, respawnable: after.drain.phase === 'exitedRespawnable' }]
    },
  },
}

const TERMINALITY = { Accepted: 'Progress', Completed: 'TerminalCompleted', Failed: 'TerminalFailed' } as const

export const peerRules: PeerRules = {
  ...interactions,
  ...streams,
  ...trust,
  ...drain,
  PeerIngressDequeueResolved: {
    when: 'for each envelope that is taken out, with where the newest one stands',
    expected: ({ input, after }) =>
      once(input.type === 'ResolvePeerIngressDequeue', () => ({ phase: after.comms.newest })),
  },
  PeerResponseReplyClassified: {
    when: 'when it is asked whether a reply ends its request',
    expected: step => {
      const asked = given(step, 'ClassifyPeerResponseReply')
      return asked === undefined ? [] : [{ terminality: TERMINALITY[asked.status] }]
    },
  },
  PeerProjectionFreshnessChanged: {
    when: 'exactly when the comms runtime has applied what the session knows, with whether that is all',
    expected: ({ before, after }) => {
      const epoch = after.comms.reconciled
      return once(epoch > before.comms.reconciled, () => ({ epoch, fresh: epoch === after.trust.epoch }))
    },
  },
  SessionContextAdvanced: {
    when: 'exactly when what the session knows is newer than its readers were told',
    expected: ({ before, after }) => {
      const { updatedAt } = after.context
      return once(updatedAt > before.context.updatedAt, () => ({ updatedAt }))
    },
  },
}
