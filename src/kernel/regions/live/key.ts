/** The slice's part of the explorer's key. It leaves out numbers of verdicts and observations, and observed statuses. */
import { mapEntries } from '../../persistent-map.ts'
import type { Live } from './state.ts'

export function liveInWords(live: Live): string {
  const { phase, closed } = live
  const channel = phase === 'bound' ? live.channel : undefined
  const tokens = channel === undefined ? [] : [...mapEntries(channel.tokens)].map(token => JSON.stringify(token))
  return `live ${phase} ${channel?.id} ${tokens.toSorted().join()} ${closed?.id}`
}
