/** What of the slice the explorer tells apart. Left out: numbers of verdicts and observations, which only rise; what was observed is for people. */
import { mapEntries } from '../../persistent-map.ts'
import type { Live } from './state.ts'

export function liveInWords(live: Live): string {
  const { phase, closed } = live
  const channel = phase === 'bound' ? live.channel : undefined
  const tokens = channel === undefined ? [] : [...mapEntries(channel.tokens)].map(token => JSON.stringify(token))
  return `live ${phase} ${channel?.id} ${tokens.toSorted().join()} ${closed?.id}`
}
