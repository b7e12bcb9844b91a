/**
 * Stores each text once in its record: if a message, or the event with the whole text, contains it, the deltas only say
 * which part of that they are. A delta that is no part of it keeps its text.
 */
import type { EventRecord, MessageRecord } from '../store/records.ts'
import { saidIn } from '../text.ts'

/** The place in the record that has the whole text. */
interface Source {
  readonly text: string
  readonly place: { readonly message: number } | { readonly of: number }
}

const FAMILIES = ['text', 'reasoning'] as const

/** The events, with references in place of texts that the record has elsewhere. */
export function withTextReferences(
  events: readonly EventRecord[],
  messages: readonly MessageRecord[],
): readonly EventRecord[] {
  if (!events.some(isTextDelta)) return events
  const short = [...events]
  for (const family of FAMILIES) {
    const ofFamily = [...events.keys()].filter(index => events[index]?.type.startsWith(`${family}.`) === true)
    for (const group of Map.groupBy(ofFamily, index => keyOf(events[index])).values()) {
      const source = sourceOf(family, group, events, messages)
      if (source !== undefined) replaceByReference(short, group, source)
    }
  }
  return short
}

const isTextDelta = ({ type, data }: EventRecord): boolean =>
  type.endsWith('.delta') && typeof data?.['text'] === 'string'

const keyOf = (event: EventRecord | undefined): string => `${event?.runId} ${event?.turn}`

function sourceOf(
  family: (typeof FAMILIES)[number],
  group: readonly number[],
  events: readonly EventRecord[],
  messages: readonly MessageRecord[],
): Source | undefined {
  const key = keyOf(events[group[0] ?? 0])
  const answer = events.find(
    event => event.type === 'text.completed' && event.message !== undefined && keyOf(event) === key,
  )
  if (answer?.message !== undefined) {
    return { text: saidIn(messages[answer.message], `${family}.`), place: { message: answer.message } }
  }
  const whole = group.filter(index => events[index]?.type === `${family}.completed`)
  const [of] = whole
  const text = of === undefined ? undefined : events[of]?.data?.['text']
  // With several whole texts it is unknown which one a delta belongs to.
  return of === undefined || whole.length > 1 || typeof text !== 'string' ? undefined : { text, place: { of } }
}

/** The deltas of a record are the end of their text; its beginning may be in an earlier record. */
function replaceByReference(events: EventRecord[], group: readonly number[], { text, place }: Source): void {
  const parts = group.map(index => ({ index, event: events[index], said: events[index]?.data?.['text'] }))
  const deltas = parts.flatMap(({ event, said }) =>
    event?.type.endsWith('.delta') && typeof said === 'string' ? said : [],
  )
  const end = deltas.join('')
  if (!text.endsWith(end)) return
  let at = text.length - end.length
  for (const { index, event, said } of parts) {
    if (event === undefined || typeof said !== 'string' || ('of' in place && place.of === index)) continue
    const isDelta = event.type.endsWith('.delta')
    const from = isDelta ? at : at - said.length
    if (isDelta) at += said.length
    if (text.slice(from, from + said.length) !== said) continue
    const { data, ...rest } = event
    const { text: _, ...others } = data ?? {}
    const isAll = said.length === text.length
    events[index] = {
      ...rest,
      ...place,
      ...(!isAll && { span: [from, from + said.length] as const }),
      ...(Object.keys(others).length > 0 && { data: others }),
    }
  }
}
