/** What people are told of calls that are decided by themselves. */
import { expiryText } from '../../session/words.ts'
import type { CallView } from './views.ts'

/** What becomes of a call that nobody decides on, where its tool declares that; empty elsewhere. */
export function untilText({ expiresAt, onExpiry }: Pick<CallView, 'expiresAt' | 'onExpiry'>): string {
  if (expiresAt === undefined || onExpiry === undefined) return ''
  return `, ${expiryText(Date.parse(expiresAt), onExpiry, Date.now())}`
}

/** A call's state, and what becomes of it by itself. */
export function stateText(call: CallView): string {
  return `${call.state}${untilText(call)}`
}
