/** Performs a row of the operations table: checks the parameters, and lets the owner do what only the owner can. */
import { aFunction, aSignal, checkOptions, optional } from '../../options.ts'
import { type CallContext, unknownOperation } from '../../surfaces/operation.ts'
import type { OperationName } from '../../surfaces/operations.ts'
import { unlessClosing } from '../claims.ts'
import type { Core } from '../core.ts'
import { checked } from '../door.ts'
import { ask } from '../post.ts'
import type { AsOwner, Row } from './row.ts'
import { type AnswerOf, isOperationName, rows } from './rows.ts'

const CONTEXT = { signal: optional(aSignal), onProgress: optional(aFunction) }

/** The answer of an operation. `params` may be any value: `invalid-params` says what is wrong with it. */
export function callRow<Name extends OperationName>(
  core: Core,
  name: Name,
  params: unknown,
  context: CallContext,
): Promise<AnswerOf<Name>> {
  return unlessClosing(core, perform(core, name, params, context))
}

async function perform<Name extends OperationName>(
  core: Core,
  name: Name,
  params: unknown,
  context: CallContext,
): Promise<AnswerOf<Name>> {
  if (!isOperationName(name)) throw unknownOperation(name, Object.keys(rows))
  checkOptions('call', context, CONTEXT)
  const row: Row<Name, AnswerOf<Name>> = rows[name]
  const ready = row.ready?.(core, params) ?? params
  // A value that is no promise is not awaited, so that two inputs are accepted in the order in which they were sent.
  const isAwaited = ready !== params && ready instanceof Promise
  const given = await checked(name, isAwaited ? await ready : ready, row.plain)
  const asOwner: AsOwner = (other, sessionId, task) => ask(core, other, sessionId, task)
  if (row.needs === 'reader') return row.run(core, given, { ...context, asOwner })
  const came = await ask(core, row, sessionIn(given), await row.task(core, given))
  return row.answer(core, came, given, { ...context, asOwner })
}

/** The schema of every row for owners demands a session id; its absence would be a fault of the table. */
function sessionIn(params: object): string {
  if ('sessionId' in params && typeof params.sessionId === 'string') return params.sessionId
  throw new Error('an operation of an owner names no session')
}
