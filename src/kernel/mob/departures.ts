/**
 * Which member an input takes off the roster. Several regions hold something of a member, and all of it ends in the same
 * step, so they share this decision.
 */
import type { Follow, Of } from '../region.ts'
import type { MobEffect } from './effects.ts'
import type { MobInput } from './inputs.ts'
import {
  leavingOf,
  type Member,
  memberOf,
  SESSION_NOT_REGISTERED,
  servedBy,
  sessionBindingOf,
  type WithRuntime,
} from './roster/state.ts'
import type { MobState } from './state.ts'

type DepartureType =
  | 'Retire'
  | 'ObserveRuntimeRetired'
  | 'ObserveRuntimeDestroyed'
  | 'ResolveRuntimeBindingRefusal'
  | 'ResolveRuntimeRetireRefusal'
type DepartureInput = Of<MobInput, DepartureType>

/** The member that an accepted input takes off the roster. */
export function departing(state: MobState, input: DepartureInput): Member | undefined {
  if (input.type === 'ObserveRuntimeRetired') return servedBy(state, input)
  if (input.type === 'ObserveRuntimeDestroyed') {
    const member = servedBy(state, input)
    // The owner of a session that was given back may destroy it; that does not end the mob.
    return member !== undefined && leavingOf(member).released === true ? member : undefined
  }
  const member = memberOf(state, input)
  return member !== undefined && owesNoRetirement(member, input) ? member : undefined
}

/** Whether the member is placed nowhere, so that no runtime will report that it retired. */
function owesNoRetirement(
  { standing }: Member,
  input: Exclude<DepartureInput, WithRuntime & { type: `ObserveRuntime${string}` }>,
): boolean {
  switch (input.type) {
    case 'Retire':
      return standing.marker === 'broken' && standing.request === 'binding'
    case 'ResolveRuntimeBindingRefusal':
      return standing.marker === 'retiring'
    case 'ResolveRuntimeRetireRefusal':
      return standing.marker === 'retiring' && input.code === SESSION_NOT_REGISTERED
  }
}

/** The member whose session an accepted retirement gives back. */
export function releasing(state: MobState, input: Of<MobInput, 'Retire'>): Member | undefined {
  if (input.releasing !== true) return undefined
  const member = memberOf(state, input)
  return member !== undefined && sessionBindingOf(member) !== undefined ? member : undefined
}

/** The reactions by which a region drops what it holds of a member that leaves. */
export function onDeparture<Slice>(
  then: (slice: Slice, member: Member, state: MobState) => Slice,
  emit?: (before: MobState, member: Member, after: MobState) => readonly MobEffect[],
): { readonly [T in DepartureType]: Follow<MobState, Slice, Of<MobInput, T>, MobEffect> } {
  const follow: Follow<MobState, Slice, DepartureInput, MobEffect> = {
    then: (slice, input, state) => {
      const member = departing(state, input)
      return member === undefined ? slice : then(slice, member, state)
    },
    emit: [
      (after, input, before) => {
        const member = departing(before, input)
        return member === undefined ? [] : (emit?.(before, member, after) ?? [])
      },
    ],
  }
  return {
    Retire: follow,
    ObserveRuntimeRetired: follow,
    ObserveRuntimeDestroyed: follow,
    ResolveRuntimeBindingRefusal: follow,
    ResolveRuntimeRetireRefusal: follow,
  }
}

type Destroyed = Of<MobInput, 'ObserveRuntimeDestroyed'>
type OnDestroyed<Slice> = Follow<MobState, Slice, Destroyed, MobEffect>

/** A region's reaction to a destroyed session: its member has left, or the mob ends with it. */
export function leftOrEnded<Slice>(left: OnDestroyed<Slice>, ended: OnDestroyed<Slice>): OnDestroyed<Slice> {
  const of = (state: MobState, input: Destroyed): OnDestroyed<Slice> =>
    departing(state, input) === undefined ? ended : left
  return {
    then: (slice, input, state) => of(state, input).then?.(slice, input, state) ?? slice,
    emit: [(after, input, before) => (of(before, input).emit ?? []).flatMap(emit => emit(after, input, before))],
  }
}
