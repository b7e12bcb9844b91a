/** Text of content and messages, for results, events and people. */
import type { Content, MessagePart, MessageRecord } from './store/records.ts'

/** The text of a message: its text parts, joined. */
function textOf(content: string | readonly MessagePart[] | Content | undefined): string {
  if (content === undefined) return ''
  if (typeof content === 'string') return content
  return content.map(part => (part.type === 'text' ? part.text : '')).join('')
}

/** The text of a message record. */
export function messageText(message: MessageRecord | undefined): string {
  return textOf(message?.content)
}
