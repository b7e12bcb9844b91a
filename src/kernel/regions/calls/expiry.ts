/** Expiry of approvals: which calls are decided without a person, and when. */
import type { CoreFacts } from '../../core.ts'
import { mapValues } from '../../persistent-map.ts'
import type { CallEntry } from './state.ts'

/** A call that waits for a decision and has an expiry. */
export type ExpiringCall = CallEntry & { readonly expiry: NonNullable<CallEntry['expiry']> }

function isExpiring(call: CallEntry): call is ExpiringCall {
  return call.state === 'awaitingApproval' && call.expiry !== undefined
}

function expiring({ calls }: CoreFacts): readonly ExpiringCall[] {
  return calls.unsettled === 0 ? [] : [...mapValues(calls.open)].filter(isExpiring)
}

/** When the next approval expires, ms since the epoch. */
export function nextExpiryAt(state: CoreFacts): number | undefined {
  const times = expiring(state).map(({ expiry }) => expiry.at)
  return times.length === 0 ? undefined : Math.min(...times)
}

/** The calls whose approval has expired, the earliest first. */
export function expiredCalls(state: CoreFacts, now: number): readonly ExpiringCall[] {
  return expiring(state)
    .filter(({ expiry }) => expiry.at <= now)
    .toSorted((a, b) => a.expiry.at - b.expiry.at)
}
