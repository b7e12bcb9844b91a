/**
 * Device flows whose provider is being polled at this moment.
 *
 * Enforces: one poll at a time for each flow. A poll ends with its process, so this is a condition.
 */
import { emptyMap, mapDelete, mapEntries, mapGet, mapSet } from '../../persistent-map.ts'
import type { AuthCondition } from '../auth-region.ts'
import { isDeviceFlow } from '../flows/table.ts'
import type { AuthLeasePhase } from '../lease/state.ts'
import { HELD, LEASE_PHASES } from '../lease/table.ts'
import type { AuthState } from '../state.ts'
import type { OfFlow } from './input.ts'
import type { Polls } from './state.ts'

export function notPolled({ polls: s }: AuthState, { flowId }: OfFlow): boolean {
  return mapGet(s.asked, flowId) === undefined
}
function isPolled({ polls: s }: AuthState, { flowId }: OfFlow): boolean {
  return mapGet(s.asked, flowId) === true
}
function isGone(state: AuthState, input: OfFlow): boolean {
  return !isDeviceFlow(state, input)
}

const NONE: Polls = { asked: emptyMap() }
function finish(slice: Polls, { flowId }: OfFlow): Polls {
  const asked = mapDelete(slice.asked, flowId)
  return asked === slice.asked ? slice : { asked }
}

export const polls: AuthCondition<'polls', AuthLeasePhase> = {
  name: 'polls',
  about: 'Device flows that are being polled at this moment: one poll at a time for each.',
  initial: NONE,
  condition: { atRest: slice => slice.asked.size === 0 },
  phaseOf: state => state.lease.phase,
  phases: LEASE_PHASES,
  on: {
    BeginOAuthDevicePoll: [
      {
        name: 'begun',
        from: HELD,
        when: [isDeviceFlow, notPolled],
        then: (slice, { flowId }) => ({ asked: mapSet(slice.asked, flowId, true) }),
      },
    ],
    FinishOAuthDevicePoll: [
      { name: 'finished', from: HELD, when: [isPolled], then: finish },
      { name: 'absent', from: LEASE_PHASES, when: [isGone] },
    ],
  },
  follow: {
    ConsumeOAuthDeviceFlow: { then: finish },
    ExpireOAuthDeviceFlow: { then: finish },
  },
  invariants: [
    {
      id: 'polls-are-of-flows',
      text: 'only a device flow that is under way is asked about',
      holds: s => [...mapEntries(s.polls.asked)].every(([flowId]) => isDeviceFlow(s, { flowId })),
    },
  ],
}
