/** Changes of the slice `live`: counted verdicts, and the opening and closing of a channel. */

import { SERVED } from '../phases.ts'
import type { OfChannel, OfPair } from './input.ts'
import type { LiveInputOf } from './rules.ts'
import type { Sees } from './sees.ts'
import {
  type Live,
  type LiveObservation,
  type LiveStatus,
  type LiveVerdict,
  openedChannel,
  verdictSequence,
} from './state.ts'

export function withVerdictCounted(live: Live, verdict: LiveVerdict): Live {
  return { ...live, verdicts: { ...live.verdicts, [verdict]: verdictSequence(live, verdict) + 1 } }
}
export const countVerdict =
  (verdict: LiveVerdict) =>
  (live: Live): Live =>
    withVerdictCounted(live, verdict)
export const sequenceOf = ({ live }: Sees, verdict: LiveVerdict) => ({
  sequence: verdictSequence(live, verdict),
})

function withoutChannel({ verdicts, closed }: Live): Live {
  return { phase: 'unbound', verdicts, ...(closed && { closed }) }
}
export function openChannel(live: Live, { channelId, llmIdentity }: LiveInputOf<'ResolveLiveOpenAdmission'>): Live {
  const { verdicts, closed } = withVerdictCounted(live, 'openAdmission')
  const channel = openedChannel(live, channelId, llmIdentity)
  return { phase: 'bound', channel, verdicts, ...(closed && { closed }) }
}
/** The channel was not opened after all. Its closing may still be observed. */
export function giveUpChannel(live: Live, { channelId: id }: OfChannel): Live {
  const observed = live.phase === 'bound' ? live.channel.observed : {}
  return { ...withoutChannel(live), closed: { id, observed } }
}
/** Removes the channel with its tokens. It is remembered as closed until another channel closes. */
export function closeChannel(
  live: Live,
  { channelId: id, closeObservationSequence }: LiveInputOf<'RecordLiveCloseClosed'>,
): Live {
  const { observed } = live.phase === 'bound' ? live.channel : live.closed?.id === id ? live.closed : { observed: {} }
  const status: LiveStatus = { status: 'Closed' }
  const closed = { id, observed: { ...observed, close: closeObservationSequence }, status }
  return { ...withoutChannel(withVerdictCounted(live, 'closeResult')), closed }
}
/** Records an observation about the open channel or the closed one. */
export function observe(
  live: Live,
  { channelId }: OfChannel,
  { observation, sequence, status }: { observation: LiveObservation; sequence: number; status?: LiveStatus },
): Live {
  const note = <R extends { readonly observed: object }>(record: R): R => ({
    ...record,
    observed: { ...record.observed, [observation]: sequence },
    ...(status && { status }),
  })
  if (live.phase === 'bound' && live.channel.id === channelId) return { ...live, channel: note(live.channel) }
  return live.closed?.id === channelId ? { ...live, closed: note(live.closed) } : live
}

export const pair = ({ sessionId, channelId }: OfPair): OfPair => ({ sessionId, channelId })

export const ALL = ['unbound', 'bound'] as const
export const BOUND = ['bound'] as const
export const WHILE_SERVED = { from: ALL, during: SERVED } as const
export const WHILE_BOUND = { from: BOUND, during: SERVED } as const
