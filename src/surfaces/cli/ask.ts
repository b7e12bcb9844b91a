/** How commands call operations, whether the runtime is in this process or a server. */
import type { CallContext } from '../operation.ts'
import type { OperationName, OperationParams, OperationResult } from '../operations.ts'

/** Calls an operation of the table, in this process or on a server. */
export type Ask = <Name extends OperationName>(
  name: Name,
  params: OperationParams<Name>,
  options?: CallContext,
) => Promise<OperationResult<Name>>

export interface Connection {
  readonly ask: Ask
  /** The server that answers; absent where this process has opened the store. */
  readonly server?: ServerAddress
}

export interface ServerAddress {
  readonly url: string
  readonly token?: string | undefined
}
