/**
 * Turns what an executor streams into events. An executor is foreign code, so only the types that it may stream pass, each
 * with its own fields: nothing that an executor streams can look like an event of the kernel.
 */
import { MeerkatError } from '../errors.ts'
import type { NewEvent } from '../events.ts'
import type { StreamEvent } from '../executor/executor.ts'
import { jsonOf } from '../foreign.ts'
import type { RunId } from '../kernel/ids.ts'

type Fields<Type extends StreamEvent['type']> = readonly Exclude<
  keyof Extract<StreamEvent, { readonly type: Type }>,
  'type' | 'turn'
>[]

const FIELDS: { readonly [Type in StreamEvent['type']]: Fields<Type> } = {
  'turn.started': [],
  'turn.ended': ['finish', 'usage'],
  'text.delta': ['text'],
  'reasoning.delta': ['text'],
  'reasoning.completed': ['text'],
  'tool.progress': ['callId', 'data'],
  'budget.warning': ['budget', 'used', 'limit'],
  notice: ['code', 'message'],
}

/** The event of a run. Throws `invalid-params` for a type or a value that an executor may not stream. */
export function streamedRecord(event: StreamEvent, runId: RunId): NewEvent {
  // The declared type proves nothing: the executor may not be TypeScript.
  const given: Readonly<Record<string, unknown>> = { ...event }
  const { type, turn } = given
  if (!isStreamed(type)) {
    const named = typeof type === 'string' ? JSON.stringify(type.slice(0, 100)) : typeof type
    throw invalidParams(`an executor streams no events of the type ${named}`, 'type')
  }
  if (turn !== undefined && !(Number.isSafeInteger(turn) && Number(turn) > 0)) {
    throw invalidParams(`the turn of a streamed ${type} is the number of a model call, from 1`, 'turn')
  }
  const said: { type: StreamEvent['type']; runId: RunId; turn?: number; data?: Record<string, unknown> } = {
    type,
    runId,
  }
  if (turn !== undefined) said.turn = Number(turn)
  for (const name of FIELDS[type]) {
    const value = given[name]
    if (value === undefined) continue
    said.data ??= {}
    said.data[name] = typeof value === 'string' ? value : plain(value, `the ${name} of a streamed ${type}`)
  }
  return said
}

function isStreamed(type: unknown): type is StreamEvent['type'] {
  return typeof type === 'string' && Object.hasOwn(FIELDS, type)
}

function plain(value: unknown, what: string): unknown {
  if (typeof value !== 'object') return PLAIN.has(typeof value) ? value : refused()
  const json = jsonOf(value)
  return 'problem' in json ? refused(json.problem) : json.value

  function refused(problem = `it is a ${typeof value}`): never {
    throw invalidParams(`${what} can't be written: ${problem}`, 'data')
  }
}

const PLAIN: ReadonlySet<string> = new Set(['string', 'number', 'boolean'])

function invalidParams(message: string, path: string): MeerkatError {
  return new MeerkatError('invalid-params', message, { details: { issues: [{ path, message }] } })
}
