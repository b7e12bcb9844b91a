/** The text of contents, messages and events. */
import type { CommitRecord, Content, EventRecord, MessagePart, MessageRecord } from './store/records.ts'

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

/** What a message says in events of a type: its text, or its reasoning. */
export function saidIn(message: MessageRecord | undefined, type: string): string {
  if (!type.startsWith('reasoning.')) return messageText(message)
  const { content } = message ?? {}
  if (content === undefined || typeof content === 'string') return ''
  return content.map(part => (part.type === 'reasoning' ? part.text : '')).join('')
}

/** The text of an event: its own, or the part of a message or of another event that it refers to. */
export function eventText(record: Pick<CommitRecord, 'events' | 'messages'>, event: EventRecord): string | undefined {
  const { type, message, of, span, data } = event
  if (typeof data?.['text'] === 'string') return data['text']
  if (message === undefined && of === undefined) return undefined
  const whole = of === undefined ? saidIn(record.messages?.[message ?? 0], type) : textAt(record, of)
  return span === undefined ? whole : whole?.slice(...span)
}

function textAt(record: Pick<CommitRecord, 'events' | 'messages'>, place: number): string | undefined {
  const other = record.events?.find((event, index) => (event.place ?? index) === place)
  return other?.of === undefined ? other && eventText(record, other) : undefined
}
