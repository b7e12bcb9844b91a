/** Words about calls that expire. */
import { expiryText } from '../../session/words.ts'
import type { CallView } from './views.ts'

/** What is decided, and when, about a call without a person's decision, where its tool declares that; else empty. */
export function untilText({ expiresAt, onExpiry }: Pick<CallView, 'expiresAt' | 'onExpiry'>): string {
  if (expiresAt === undefined || onExpiry === undefined) return ''
  return `, ${expiryText(Date.parse(expiresAt), onExpiry, Date.now())}`
}

/** The state of a call, and how it will be decided by itself. */
export function stateText(call: CallView): string {
  return `${call.state}${untilText(call)}`
}
