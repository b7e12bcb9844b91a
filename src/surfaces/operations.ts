/**
 * The parameters and results of each operation: the part of the operations table from which JSON-RPC, REST and its
 * OpenAPI document, the typed client, the CLI and the reference are made, so that they can't differ. The code of an
 * operation is the row of the same name in `src/session/table`, which does not compile unless its types agree.
 */
import type { z } from 'zod'
import { MeerkatError } from '../errors.ts'
import { parseParams } from './invalid-params.ts'
import {
  type Answer,
  type Callable,
  type CallContext,
  type Operation,
  type OperationSchemas,
  type ReadonlyDeep,
  unknownOperation,
} from './operation.ts'
import { backgroundOperations } from './operations/background.ts'
import { controlOperations } from './operations/control.ts'
import { eventOperations } from './operations/events.ts'
import { inputOperations } from './operations/inputs.ts'
import { modelOperations } from './operations/models.ts'
import { runOperations } from './operations/runs.ts'
import { runtimeOperations } from './operations/runtime.ts'
import { sessionOperations } from './operations/sessions.ts'
import { storageOperations } from './operations/storage.ts'
import { toolOperations } from './operations/tools.ts'

export const operations = {
  ...runtimeOperations,
  ...sessionOperations,
  ...controlOperations,
  ...inputOperations,
  ...runOperations,
  ...eventOperations,
  ...toolOperations,
  ...modelOperations,
  ...backgroundOperations,
  ...storageOperations,
} satisfies Readonly<Record<string, OperationSchemas>>

export type OperationName = keyof typeof operations

type Input<Name extends OperationName> = z.input<(typeof operations)[Name]['input']>

/** The parameters of an operation as a caller writes them; they are never modified. */
export type OperationParams<Name extends OperationName> = {
  [Field in keyof Input<Name>]: ReadonlyDeep<Input<Name>[Field]>
}

/** The result of an operation, as it is sent. */
export type OperationResult<Name extends OperationName> = Answer<(typeof operations)[Name]['output']>

/** The names of the table, in its order. */
export const operationNames: readonly OperationName[] = Object.keys(operations).filter(isOperationName)

export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name)
}

/** The parameters of an operation, checked as every surface checks them. */
export function paramsOf<Name extends OperationName>(name: Name, params: unknown): OperationParams<Name>
export function paramsOf(name: OperationName, params: unknown): unknown {
  return parseParams(operations[name].input, params)
}

/** The operation of that name; `unknown-operation` names the operations with the same prefix. */
export function operationNamed(name: string): Operation {
  if (!isOperationName(name)) throw unknownOperation(name, operationNames)
  const schemas: OperationSchemas = operations[name]
  return {
    ...schemas,
    async call(runtime, params, context = {}) {
      try {
        return await runtime.call(name, params, context)
      } catch (error) {
        throw schemas.isLong === true && context.signal?.aborted === true ? givenUp(name, error) : error
      }
    },
  }
}

function givenUp(name: string, cause: unknown): MeerkatError {
  return new MeerkatError('invalid-request', `${name} was ended: its caller does not wait for it any more`, { cause })
}

/** Calls an operation by name with types: its row satisfies its schemas. */
export async function callOperation<Name extends OperationName>(
  runtime: Callable,
  name: Name,
  params: OperationParams<Name>,
  context?: CallContext,
): Promise<OperationResult<Name>> {
  return (await runtime.call(name, params, context)) as OperationResult<Name>
}
