/** What of the slice the explorer tells apart. Left out: epochs, only ever compared with the current one; intent and attempts, which are for people. */
import type { Realtime } from './state.ts'

export function realtimeInWords({ phase, attachment }: Realtime): string {
  return `realtime ${phase} ${attachment.state} ${'cycle' in attachment ? attachment.cycle.state : ''}`
}
