/** What the messages of unfinished work say about where it stands. */
import type { ContextMessage } from '../executor.ts'
import type { ToolCallPart } from './parts.ts'

/** The calls that it asks for, in order. */
export function callsIn(journal: readonly ContextMessage[]): readonly ToolCallPart[] {
  return journal.flatMap(({ content }) =>
    typeof content === 'string' ? [] : content.filter(part => part.type === 'tool-call'),
  )
}

/** Whether the last thing that happened was that tools were called or answered: the boundary may not be committed. */
export function endsInCalls(journal: readonly ContextMessage[]): boolean {
  const last = journal.findLast(({ role }) => role !== 'tool')
  return journal.at(-1)?.role === 'tool' || (last !== undefined && callsIn([last]).length > 0)
}

/** Whether the model has something to hear though these calls are not decided: a steer, or results of other calls. */
export function goesOn(journal: readonly ContextMessage[], pending: ReadonlySet<string>): boolean {
  const last = journal.findLast(({ role }) => role !== 'tool')
  if (last === undefined || last.role === 'user') return last !== undefined
  const calls = callsIn([last])
  return calls.length > 0 && !calls.some(({ callId }) => pending.has(callId))
}
