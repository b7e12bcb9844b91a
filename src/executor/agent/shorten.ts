/**
 * Shortens what is sent of a conversation that is too long. Records stay as they are; only the request is shorter.
 */
import type { WholePart } from '../../store/records.ts'
import type { ContextMessage } from '../executor.ts'
import { fallbackSummary } from './compact.ts'
import { middleCut, partLength } from './prompt.ts'

type Messages = readonly ContextMessage[]

/** The longest part of an earlier message. */
const SHORT_CHARS = 4000

/** The longest note, where nothing else fits. */
const NOTE_CHARS = 1000

/** The messages with the middles of long tool results cut: results are most of what a run adds. */
export function withShortResults(messages: Messages, maxChars: number): Messages {
  return shortened(messages, maxChars, part => part.type === 'tool-result')
}

/** The messages with every long part cut. */
export function withShortParts(messages: Messages): Messages {
  return shortened(messages, SHORT_CHARS, part => part.type !== 'file')
}

/** A short note of the messages. */
export function inShort(messages: Messages): Messages {
  if (messages.length === 0) return []
  return [{ role: 'notice', content: middleCut(fallbackSummary(messages), NOTE_CHARS) }]
}

function shortened(messages: Messages, maxChars: number, isMeant: (part: WholePart) => boolean): Messages {
  const isLong = (part: WholePart): boolean => isMeant(part) && partLength(part) > maxChars
  const isLongMessage = ({ content }: ContextMessage): boolean =>
    typeof content === 'string' ? isLong({ type: 'text', text: content }) : content.some(isLong)
  if (!messages.some(isLongMessage)) return messages
  return messages.map(message => {
    if (!isLongMessage(message)) return message
    const { content } = message
    if (typeof content === 'string') return { ...message, content: middleCut(content, maxChars) }
    return { ...message, content: content.flatMap(part => (isLong(part) ? shortPart(part, maxChars) : [part])) }
  })
}

function shortPart(part: WholePart, maxChars: number): readonly WholePart[] {
  switch (part.type) {
    case 'text':
      return [{ type: 'text', text: middleCut(part.text, maxChars) }]
    case 'reasoning':
      // Reasoning is signed as a whole, so it can only be left out.
      return []
    case 'json':
      return [{ type: 'text', text: middleCut(JSON.stringify(part.value), maxChars) }]
    case 'tool-call':
      return [{ ...part, args: { shortened: middleCut(JSON.stringify(part.args), maxChars) } }]
    case 'tool-result': {
      const text = typeof part.output === 'string' ? part.output : JSON.stringify(part.output)
      return [{ ...part, output: middleCut(text, maxChars) }]
    }
    case 'file':
      return [part]
  }
}
