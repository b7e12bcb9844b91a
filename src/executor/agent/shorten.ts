/**
 * What is sent of a conversation that is too long as it is. The records stay what they are; only a request is shorter.
 */
import type { WholePart } from '../../store/records.ts'
import type { ContextMessage } from '../executor.ts'
import { middleCut, partLength } from './prompt.ts'

/** Longer parts are cut in their middles. */
const SHORT_CHARS = 4000

/** The messages with their long parts cut, or the same messages where none is long. */
export type Shorten = (messages: readonly ContextMessage[]) => readonly ContextMessage[]

/** Results of tools: what a run adds besides its input. */
export const withShortResults: Shorten = messages => shortened(messages, part => part.type === 'tool-result')

/** Everything that was said before, whoever said it. */
export const withShortParts: Shorten = messages => shortened(messages, part => part.type !== 'file')

function shortened(
  messages: readonly ContextMessage[],
  isMeant: (part: WholePart) => boolean,
): readonly ContextMessage[] {
  const isLong = (part: WholePart): boolean => isMeant(part) && partLength(part) > SHORT_CHARS
  const isLongMessage = ({ content }: ContextMessage): boolean =>
    typeof content === 'string' ? isLong({ type: 'text', text: content }) : content.some(isLong)
  if (!messages.some(isLongMessage)) return messages
  return messages.map(message => {
    if (!isLongMessage(message)) return message
    const { content } = message
    if (typeof content === 'string') return { ...message, content: middleCut(content, SHORT_CHARS) }
    return { ...message, content: content.flatMap(part => (isLong(part) ? shortPart(part) : [part])) }
  })
}

function shortPart(part: WholePart): readonly WholePart[] {
  switch (part.type) {
    case 'text':
      return [{ type: 'text', text: middleCut(part.text, SHORT_CHARS) }]
    case 'reasoning':
      // Signed as a whole, so it can only be left out.
      return []
    case 'json':
      return [{ type: 'text', text: middleCut(JSON.stringify(part.value), SHORT_CHARS) }]
    case 'tool-call':
      return [{ ...part, args: { shortened: middleCut(JSON.stringify(part.args), SHORT_CHARS) } }]
    case 'tool-result': {
      const text = typeof part.output === 'string' ? part.output : JSON.stringify(part.output)
      return [{ ...part, output: middleCut(text, SHORT_CHARS) }]
    }
    case 'file':
      return [part]
  }
}
