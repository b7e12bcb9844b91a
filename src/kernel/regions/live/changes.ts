/** Changes of the slice `live`: counted verdicts, and the opening and closing of a channel. */

import { SERVED } from '../phases.ts'
import type { OfPair } from './input.ts'
import type { LiveInputOf } from './rules.ts'
import type { Sees } from './sees.ts'
import {
  type BoundLive,
  type Live,
  type LiveObservation,
  type LiveRecord,
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
export function giveUpChannel(live: BoundLive): Live {
  const { id, observed } = live.channel
  return { ...withoutChannel(withVerdictCounted(live, 'openAdmission')), closed: { id, observed } }
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
export const note =
  <Input>(
    observation: LiveObservation,
    verdict: LiveVerdict,
    seen: (input: Input) => { readonly sequence: number; readonly status?: LiveStatus },
  ) =>
  (live: Live, input: Input, _: Sees, { id, observed, status: was }: LiveRecord): Live => {
    const { sequence, status = was } = seen(input)
    const record = { id, observed: { ...observed, [observation]: sequence }, ...(status && { status }) }
    const noted: Live =
      live.phase === 'bound' && live.channel.id === id
        ? { ...live, channel: { ...live.channel, ...record } }
        : { ...live, closed: record }
    return withVerdictCounted(noted, verdict)
  }

export const pair = ({ sessionId, channelId }: OfPair): OfPair => ({ sessionId, channelId })

export const ALL = ['unbound', 'bound'] as const
export const BOUND = ['bound'] as const
export const WHILE_SERVED = { from: ALL, during: SERVED } as const
export const WHILE_BOUND = { from: BOUND, during: SERVED } as const
