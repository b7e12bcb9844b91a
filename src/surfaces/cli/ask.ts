/** What a command asks, wherever the runtime is that answers. */
import type { CallContext } from '../operation.ts'
import type { OperationName, OperationParams, OperationResult } from '../operations.ts'

/** Calls an operation of the table, wherever the runtime is. */
export type Ask = <Name extends OperationName>(
  name: Name,
  params: OperationParams<Name>,
  options?: CallContext,
) => Promise<OperationResult<Name>>

export interface Connection {
  readonly ask: Ask
  /** The server that answers; absent where this process has the store open. */
  readonly server?: ServerAddress
}

export interface ServerAddress {
  readonly url: string
  readonly token?: string | undefined
}
