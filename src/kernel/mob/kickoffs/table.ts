/**
 * The first turn of a member that lives on its own: asked for, under way, and how it went.
 *
 * Enforces: an incarnation of a member has one kickoff, which ends once; when a member is asked to leave its kickoff is
 * brought to an end; no mob is destroyed while one has not ended. How it ended is kept until the member leaves, so that a
 * caller may ask late.
 */
import { emptyMap, mapDelete, mapGet, mapSet, mapValues } from '../../persistent-map.ts'
import type { Row } from '../../region.ts'
import { leftOrEnded, onDeparture } from '../departures.ts'
import type { MobEffect } from '../effects.ts'
import type { AgentIdentity } from '../ids.ts'
import type { MobPhase } from '../lifecycle/state.ts'
import { LIVING } from '../lifecycle/table.ts'
import type { MobRegion } from '../mob-region.ts'
import { isActive, isCurrentIncarnation, memberOf, type WithIdentity, type WithRuntime } from '../roster/state.ts'
import type { MobState } from '../state.ts'
import type { MarkType, OfMember } from './input.ts'
import type { Kickoff, KickoffPhase, Kickoffs } from './state.ts'

const NONE: Kickoffs = { byMember: emptyMap(), open: 0 }
const OPEN: ReadonlySet<KickoffPhase> = new Set(['pending', 'starting', 'callbackPending'])

/** The member's first turn, if it has one. */
export function kickoffOf({ kickoffs }: Pick<MobState, 'kickoffs'>, { identity }: WithIdentity): Kickoff | undefined {
  return mapGet(kickoffs.byMember, identity)
}
function isOpen(kickoff: Kickoff | undefined): boolean {
  return kickoff !== undefined && OPEN.has(kickoff.phase)
}

function isAutonomous(state: MobState, input: WithIdentity): boolean {
  const member = memberOf(state, input)
  return isActive(member) && member?.mode === 'autonomousHost'
}
function hasNoKickoff(state: MobState, input: WithIdentity): boolean {
  return kickoffOf(state, input) === undefined
}
function hasKickoff(state: MobState, input: WithIdentity): boolean {
  return kickoffOf(state, input) !== undefined
}
function isPending(state: MobState, input: WithIdentity): boolean {
  return kickoffOf(state, input)?.phase === 'pending'
}
function isStarting(state: MobState, input: WithIdentity): boolean {
  return kickoffOf(state, input)?.phase === 'starting'
}
function isUnderWay(state: MobState, input: WithIdentity): boolean {
  const phase = kickoffOf(state, input)?.phase
  return phase === 'starting' || phase === 'callbackPending'
}
function isUnfinished(state: MobState, input: WithIdentity): boolean {
  return isOpen(kickoffOf(state, input))
}

function put(slice: Kickoffs, identity: AgentIdentity, kickoff: Kickoff): Kickoffs {
  const opens = Number(isOpen(kickoff)) - Number(isOpen(mapGet(slice.byMember, identity)))
  return { byMember: mapSet(slice.byMember, identity, kickoff), open: slice.open + opens }
}
const becomes =
  (phase: Exclude<KickoffPhase, 'failed'>) =>
  (slice: Kickoffs, { identity }: WithIdentity): Kickoffs =>
    put(slice, identity, { phase })
function forget(slice: Kickoffs, { identity }: WithIdentity): Kickoffs {
  const kickoff = mapGet(slice.byMember, identity)
  if (kickoff === undefined) return slice
  return { byMember: mapDelete(slice.byMember, identity), open: slice.open - Number(isOpen(kickoff)) }
}

const changed =
  (kickoff: Kickoff) =>
  (_: MobState, { identity, runtimeId, fence }: WithIdentity & WithRuntime): MobEffect => ({
    type: 'KickoffChanged',
    identity,
    runtimeId,
    fence,
    ...kickoff,
  })
/** Reports to waiting callers that the kickoff is cancelled. */
function cancelledKickoff(before: MobState, identity: AgentIdentity): readonly MobEffect[] {
  const member = memberOf(before, { identity })
  if (member === undefined || !isOpen(kickoffOf(before, { identity }))) return []
  const { runtimeId, fence } = member
  return [{ type: 'KickoffChanged', identity, runtimeId, fence, phase: 'cancelled' }]
}
function allCancelled(_: MobState, __: unknown, before: MobState): readonly MobEffect[] {
  return before.kickoffs.open === 0
    ? []
    : [...mapValues(before.roster.members)].flatMap(({ identity }) => cancelledKickoff(before, identity))
}
function quieted(after: MobState, input: WithIdentity): readonly MobEffect[] {
  const member = memberOf(after, input)
  if (member === undefined || !isOpen(kickoffOf(after, input))) return []
  const { identity, runtimeId, fence } = member
  return [{ type: 'RequestKickoffQuiesce', identity, runtimeId, fence }]
}

type MarkRow<Type extends MarkType> = Row<MobState, Kickoffs, OfMember<Type>, MobEffect, MobPhase>

/** Reports about a kickoff are accepted in every phase of the mob, because it goes on in its session. */
function marks<Type extends MarkType>(
  name: string,
  phase: Exclude<KickoffPhase, 'failed'>,
  guard: typeof isPending,
): readonly MarkRow<Type>[] {
  return [{ name, from: LIVING, when: [isCurrentIncarnation, guard], then: becomes(phase), emit: [changed({ phase })] }]
}

const departures = onDeparture<Kickoffs>(forget, (before, { identity }) => cancelledKickoff(before, identity))

export const kickoffs: MobRegion<'kickoffs'> = {
  name: 'kickoffs',
  about: 'The first turns of members that live on their own, and how they went.',
  initial: NONE,
  phaseOf: state => state.lifecycle.phase,
  phases: LIVING,
  on: {
    MarkKickoffPending: [
      {
        name: 'pending',
        from: ['running'],
        when: [isCurrentIncarnation, isAutonomous, hasNoKickoff],
        then: becomes('pending'),
        emit: [changed({ phase: 'pending' })],
      },
    ],
    MarkKickoffStarting: marks('starting', 'starting', isPending),
    MarkKickoffCallbackPending: marks('waits', 'callbackPending', isStarting),
    MarkKickoffStarted: marks('started', 'started', isUnderWay),
    MarkKickoffFailed: [
      {
        name: 'failed',
        from: LIVING,
        when: [isCurrentIncarnation, isUnfinished],
        then: (slice, { identity, error }) => put(slice, identity, { phase: 'failed', error }),
        emit: [(after, input) => changed({ phase: 'failed', error: input.error })(after, input)],
      },
    ],
    CancelKickoff: [
      ...marks<'CancelKickoff'>('cancelled', 'cancelled', isUnfinished),
      { name: 'over', from: LIVING, when: [isCurrentIncarnation, hasKickoff] },
    ],
  },
  follow: {
    ...departures,
    Retire: { ...departures.Retire, emit: [...(departures.Retire.emit ?? []), quieted] },
    Reset: { then: () => NONE, emit: [allCancelled] },
    Destroy: { then: () => NONE },
    ObserveRuntimeDestroyed: leftOrEnded(departures.ObserveRuntimeDestroyed, {
      then: () => NONE,
      emit: [allCancelled],
    }),
  },
  invariants: [
    {
      id: 'open-kickoffs-are-counted',
      text: 'as many kickoffs have not ended as are counted',
      holds: ({ kickoffs: { byMember, open } }) => [...mapValues(byMember)].filter(isOpen).length === open,
    },
  ],
}
