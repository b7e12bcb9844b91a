/**
 * Whom an input takes off the roster. Several regions hold something of a member, and all of it ends in the same step;
 * so they ask the same question.
 */
import type { Follow, Of } from '../region.ts'
import type { MobEffect } from './effects.ts'
import type { MobInput, MobState } from './machine.ts'
import { type Member, memberOf, SESSION_NOT_REGISTERED, servedBy, sessionBindingOf } from './members.ts'

type DepartureType = 'Retire' | 'ObserveRuntimeRetired' | 'ResolveRuntimeBindingRefusal' | 'ResolveRuntimeRetireRefusal'
type DepartureInput = Of<MobInput, DepartureType>

/** The member that an accepted input takes off the roster. */
export function departing(state: MobState, input: DepartureInput): Member | undefined {
  if (input.type === 'ObserveRuntimeRetired') return servedBy(state, input)
  const member = memberOf(state, input)
  return member !== undefined && owesNoRetirement(member, input) ? member : undefined
}

/** Whether nothing of it is placed anywhere, so that no runtime will ever report that it retired. */
function owesNoRetirement(
  { standing }: Member,
  input: Exclude<DepartureInput, { type: 'ObserveRuntimeRetired' }>,
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

/** The member whose session an accepted retirement gives back, if it does not leave at once. */
export function releasing(state: MobState, input: Of<MobInput, 'Retire'>): Member | undefined {
  if (input.releasing !== true || departing(state, input) !== undefined) return undefined
  const member = memberOf(state, input)
  return member !== undefined && sessionBindingOf(member) !== undefined ? member : undefined
}

/** How a region gives up what it holds of a member who leaves. */
export function onDeparture<Slice>(
  then: (slice: Slice, member: Member) => Slice,
  emit?: (before: MobState, member: Member, after: MobState) => readonly MobEffect[],
): { readonly [T in DepartureType]: Follow<MobState, Slice, Of<MobInput, T>, MobEffect> } {
  const follow: Follow<MobState, Slice, DepartureInput, MobEffect> = {
    then: (slice, input, state) => {
      const member = departing(state, input)
      return member === undefined ? slice : then(slice, member)
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
    ResolveRuntimeBindingRefusal: follow,
    ResolveRuntimeRetireRefusal: follow,
  }
}
