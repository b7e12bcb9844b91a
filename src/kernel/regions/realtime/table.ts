/**
 * The realtime attachment: whether the session is bound to a provider's realtime transport, the binding's authority epoch,
 * and the course of a model change under it.
 *
 * Enforces: every binding has an authority epoch of its own, and inputs with an earlier one are refused; one topology
 * change is in progress at a time, and it detaches the binding only while no model answer and no tool is under way;
 * attempts to reconnect are counted only while a new attachment is due.
 */

import type { ConditionSatellite } from '../../core.ts'
import { rowsAbout } from '../../region.ts'
import { isRegistered } from '../guards.ts'
import { resetTo } from '../lifetimes.ts'
import { SERVED } from '../phases.ts'
import type { ProductTurnInput } from '../product-turn/input.ts'
import type { RealtimeEffect } from './effect.ts'
import type { OfAuthority, RealtimeInput, RetryTimes } from './input.ts'
import { realtimeInWords } from './key.ts'
import type { Sees } from './sees.ts'
import {
  type Attachment,
  type BoundState,
  boundEpoch,
  DUE,
  LIVE_TOPOLOGY_PHASES,
  type LiveTopologyPhase,
  NO_ATTACHMENT,
  type Realtime,
  type ReconnectCycle,
  UNATTACHED,
} from './state.ts'

/** Whether the input names the authority epoch of the present binding. */
function isCurrentAuthority({ realtime: { attachment } }: Sees, { authorityEpoch }: OfAuthority): boolean {
  return boundEpoch(attachment) === authorityEpoch
}
function needsReattach({ realtime: { attachment } }: Sees): boolean {
  return attachment.state === 'ReattachRequired'
}
function isNotReconnecting({ realtime: { attachment } }: Sees): boolean {
  return attachment.state === 'ReattachRequired' && attachment.cycle.state === 'Idle'
}
function reconnectCycle({ realtime: { attachment } }: Sees): Reconnecting | undefined {
  if (attachment.state !== 'ReattachRequired') return undefined
  return attachment.cycle.state === 'Reconnecting' ? attachment.cycle : undefined
}
type Reconnecting = Extract<ReconnectCycle, { readonly state: 'Reconnecting' }>
/** Whether neither a model answer nor a tool is under way, so that the transport can be detached. */
function isTurnAtRest({ turn: { phase } }: Sees): boolean {
  return ['ready', 'drainingBoundary', 'completed', 'failed', 'cancelled'].includes(phase)
}

const attach =
  (state: BoundState) =>
  (slice: Realtime): Realtime => ({
    ...slice,
    attachment: { state, authorityEpoch: slice.nextEpoch },
    nextEpoch: slice.nextEpoch + 1,
  })
/** Ends the binding, and with it its authority epoch. */
const detach =
  (attachment: Attachment) =>
  (slice: Realtime): Realtime => ({ ...slice, attachment, nextEpoch: slice.nextEpoch + 1 })

function published(
  slice: Realtime,
  { authorityEpoch, nextBindingState: state }: Extract<RealtimeInput, { readonly type: 'PublishRealtimeSignal' }>,
): Realtime {
  return { ...slice, attachment: { state, authorityEpoch } }
}
function reconnecting(slice: Realtime, { nextRetryAtMs, deadlineAtMs }: RetryTimes): Realtime {
  const times = {
    ...(nextRetryAtMs !== undefined && { nextRetryAtMs }),
    ...(deadlineAtMs !== undefined && { deadlineAtMs }),
  }
  return {
    ...slice,
    attachment: { state: 'ReattachRequired', cycle: { state: 'Reconnecting', attempts: 1, ...times } },
  }
}
function retried(slice: Realtime, { nextRetryAtMs }: RetryTimes, _: Sees, before: Reconnecting): Realtime {
  const { nextRetryAtMs: __, attempts, ...rest } = before
  const cycle = { ...rest, attempts: attempts + 1, ...(nextRetryAtMs !== undefined && { nextRetryAtMs }) }
  return { ...slice, attachment: { state: 'ReattachRequired', cycle } }
}
function exhausted(slice: Realtime): Realtime {
  return { ...slice, attachment: { state: 'ReattachRequired', cycle: { state: 'Exhausted' } } }
}
function cleared(slice: Realtime): Realtime {
  return slice.attachment.state === 'ReattachRequired' ? { ...slice, attachment: DUE } : slice
}
const topology =
  (phase: LiveTopologyPhase) =>
  (slice: Realtime): Realtime => ({ ...slice, phase })
/** The change failed after it had detached the binding: a new attachment is due. The count of attempts stays. */
function failed(slice: Realtime): Realtime {
  const attachment = slice.attachment.state === 'ReattachRequired' ? slice.attachment : DUE
  return { ...slice, phase: 'idle', attachment, nextEpoch: slice.nextEpoch + 1 }
}

function rotated(_: Sees, __: RealtimeInput, { realtime: { nextEpoch } }: Sees): RealtimeEffect {
  return { type: 'RealtimeBindingRotated', authorityEpoch: nextEpoch }
}
function progress(after: Sees): RealtimeEffect {
  const type = 'RealtimeReconnectProgressProjected'
  const cycle = reconnectCycle(after)
  if (cycle === undefined) return { type, attemptCount: 0 }
  const { state: _, attempts: attemptCount, ...times } = cycle
  return { type, attemptCount, ...times }
}
function phaseChanged({ realtime: { phase } }: Sees): RealtimeEffect {
  return { type: 'LiveTopologyPhaseChanged', phase }
}

const ALL = LIVE_TOPOLOGY_PHASES
const DETACHED = ['detached', 'hostIdentityApplied', 'hostVisibilityApplied'] as const
const WHILE_SERVED = { from: ALL, during: SERVED } as const

/** One step of a topology change. */
const step = (name: string, from: readonly LiveTopologyPhase[], to: LiveTopologyPhase) => ({
  name,
  from,
  during: SERVED,
  when: [isRegistered],
  to: [to],
  then: topology(to),
  emit: [phaseChanged],
})

const rotation = (state: BoundState) => [
  {
    name: 'rotated',
    from: ['idle'] as const,
    during: SERVED,
    when: [isRegistered],
    then: attach(state),
    emit: [rotated],
  },
]

const aboutAttachment = rowsAbout<Sees, Realtime, RealtimeEffect, LiveTopologyPhase>()
const LIFE = resetTo<Realtime, LiveTopologyPhase>(NO_ATTACHMENT, ALL)

export const realtime: ConditionSatellite<
  Sees,
  RealtimeInput | ProductTurnInput,
  RealtimeEffect,
  'realtime',
  LiveTopologyPhase
> = {
  name: 'realtime',
  about:
    'The binding to a provider’s realtime transport: who speaks for it, reconnecting, and a change of model under it.',
  initial: NO_ATTACHMENT,
  condition: {
    atRest: ({ phase, intent, attachment }) => phase === 'idle' && !intent && attachment.state === 'Unattached',
  },
  key: realtimeInWords,
  phaseOf: state => state.realtime.phase,
  phases: ALL,
  on: {
    ProjectRealtimeIntent: [
      {
        name: 'projected',
        ...WHILE_SERVED,
        when: [isRegistered],
        then: (slice, { present: intent }) => ({ ...slice, intent }),
        emit: [(_, { present }) => ({ type: 'RealtimeIntentProjected', present })],
      },
    ],
    BeginRealtimeBinding: rotation('BindingNotReady'),
    ReplaceRealtimeBinding: rotation('ReplacementPending'),
    DetachRealtimeBinding: [{ name: 'detached', ...WHILE_SERVED, when: [isRegistered], then: detach(UNATTACHED) }],
    RequireRealtimeReattach: [{ name: 'required', ...WHILE_SERVED, when: [isRegistered], then: detach(DUE) }],
    RequireRealtimeReattachForAuthority: [
      {
        name: 'required',
        from: ['idle', 'reconfiguring'],
        during: SERVED,
        when: [isCurrentAuthority],
        then: detach(DUE),
      },
    ],
    PublishRealtimeSignal: [
      { name: 'published', from: ['idle'], during: SERVED, when: [isCurrentAuthority], then: published },
    ],
    BeginRealtimeReconnectCycle: [
      {
        name: 'begun',
        ...WHILE_SERVED,
        when: [needsReattach, isNotReconnecting],
        then: reconnecting,
        emit: [progress],
      },
    ],
    ScheduleRealtimeReconnectRetry: [
      aboutAttachment({ name: 'scheduled', ...WHILE_SERVED, about: reconnectCycle, then: retried, emit: [progress] }),
    ],
    ExhaustRealtimeReconnectCycle: [
      aboutAttachment({ name: 'exhausted', ...WHILE_SERVED, about: reconnectCycle, then: exhausted, emit: [progress] }),
    ],
    ClearRealtimeReconnectProgress: [
      { name: 'cleared', ...WHILE_SERVED, when: [isRegistered], then: cleared, emit: [progress] },
    ],
    BeginLiveTopologyReconfigure: [{ ...step('begun', ['idle'], 'reconfiguring'), when: [isCurrentAuthority] }],
    MarkLiveTopologyDetached: [
      {
        ...step('detached', ['reconfiguring'], 'detached'),
        when: [isRegistered, isTurnAtRest],
        then: slice => ({ ...detach(UNATTACHED)(slice), phase: 'detached' }),
      },
    ],
    ApplyLiveTopologyIdentity: [step('applied', ['detached'], 'hostIdentityApplied')],
    ApplyLiveTopologyVisibility: [step('applied', ['hostIdentityApplied'], 'hostVisibilityApplied')],
    CompleteLiveTopology: [step('completed', ['hostVisibilityApplied'], 'idle')],
    AbortLiveTopologyBeforeDetach: [step('aborted', ['reconfiguring'], 'idle')],
    FailLiveTopologyAfterDetach: [{ ...step('failed', DETACHED, 'idle'), then: failed }],
  },
  lives: { process: LIFE, session: LIFE },
  follow: {},
  invariants: [
    {
      id: 'realtime-needs-a-registered-session',
      text: 'an unregistered or destroyed session has no realtime attachment',
      holds: s =>
        s.realtime.attachment.state === 'Unattached' || (isRegistered(s) && s.lifecycle.phase !== 'destroyed'),
    },
    {
      id: 'realtime-epoch-was-given',
      text: 'a realtime binding has an authority epoch that no later one will have',
      holds: ({ realtime: { attachment, nextEpoch } }) => (boundEpoch(attachment) ?? 0) < nextEpoch,
    },
    {
      id: 'live-topology-past-detach-is-unbound',
      text: 'behind the detach of a topology change there is no realtime binding until it is over',
      holds: ({ realtime: { phase, attachment } }) =>
        phase === 'idle' || phase === 'reconfiguring' || boundEpoch(attachment) === undefined,
    },
  ],
}
