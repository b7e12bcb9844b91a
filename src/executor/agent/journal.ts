/** Reads from the messages of unfinished work where the work stands. */
import type { ContextMessage } from '../executor.ts'
import type { ToolCallPart } from './parts.ts'

/** The calls that the journal contains, in order. */
export function callsIn(journal: readonly ContextMessage[]): readonly ToolCallPart[] {
  return journal.flatMap(({ content }) =>
    typeof content === 'string' ? [] : content.filter(part => part.type === 'tool-call'),
  )
}

/** Whether the journal ends with tool calls or their results: then the boundary may not be committed. */
export function endsInCalls(journal: readonly ContextMessage[]): boolean {
  const last = journal.findLast(({ role }) => role !== 'tool')
  return journal.at(-1)?.role === 'tool' || (last !== undefined && callsIn([last]).length > 0)
}

/** Whether the model has something new to read while these calls are undecided: a steer, or results of other calls. */
export function goesOn(journal: readonly ContextMessage[], pending: ReadonlySet<string>): boolean {
  const last = journal.findLast(({ role }) => role !== 'tool')
  if (last === undefined || last.role === 'user') return last !== undefined
  const calls = callsIn([last])
  return calls.length > 0 && !calls.some(({ callId }) => pending.has(callId))
}
