/** The slice's part of the explorer's key. It leaves out epochs, only compared with the current one, intent and attempts. */
import type { Realtime } from './state.ts'

export function realtimeInWords({ phase, attachment }: Realtime): string {
  return `realtime ${phase} ${attachment.state} ${'cycle' in attachment ? attachment.cycle.state : ''}`
}
