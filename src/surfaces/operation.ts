/** What an operation is: a row of the one table that every surface, client and document is generated from. */
import type { z } from 'zod'
import { MeerkatError } from '../errors.ts'
import { messageOf } from '../foreign.ts'
import type { RuntimeApi } from '../session/api.ts'
import { parseParams } from './invalid-params.ts'

/** What a surface knows of the call besides its parameters. */
export interface CallContext {
  /**
   * Aborted when nobody waits for the answer any more. It ends waiting (`waitMs`) early and nothing else: what was
   * accepted stays accepted, and no run is cancelled. An operation that is long (`isLong`) ends unanswered.
   */
  readonly signal?: AbortSignal | undefined
  /** Hears how far an operation is that is long, where it is asked for in this process. */
  readonly onProgress?: ((progress: { readonly records: number; readonly steps: number }) => void) | undefined
}

export interface Operation<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodObject = z.ZodObject> {
  /** One sentence on what it does. */
  readonly doc: string
  readonly input: Input
  readonly output: Output
  /** It takes as long as there is to do, and ends when nobody waits for its answer any more. */
  readonly isLong: boolean
  /** Checks the parameters, then asks the runtime. Fails with a `MeerkatError`. */
  call(runtime: RuntimeApi, params: unknown, context?: CallContext): Promise<Answer<Output>>
}

/** A result as the runtime may give it: read-only all the way down. */
export type Answer<Output extends z.ZodType> = ReadonlyDeep<z.output<Output>>

export type ReadonlyDeep<T> = unknown extends T
  ? T
  : T extends readonly (infer Item)[]
    ? readonly ReadonlyDeep<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: ReadonlyDeep<T[Key]> }
      : T

export interface OperationSpec<Input extends z.ZodObject, Output extends z.ZodObject> {
  readonly doc: string
  readonly input: Input
  readonly output: Output
  readonly isLong?: true
  handle(runtime: RuntimeApi, params: z.output<Input>, context: CallContext): Answer<Output> | Promise<Answer<Output>>
}

export function operation<Input extends z.ZodObject, Output extends z.ZodObject>(
  spec: OperationSpec<Input, Output>,
): Operation<Input, Output> {
  const { doc, input, output } = spec
  return {
    doc,
    input,
    output,
    isLong: spec.isLong === true,
    call: async (runtime, params, context = {}) => spec.handle(runtime, parseParams(input, params), context),
  }
}

/** The refusal of a name that no operation has; it says which ones its family has. */
export function unknownOperation(name: unknown, names: readonly string[]): MeerkatError {
  const operation = (typeof name === 'string' ? name : messageOf(name)).slice(0, 100)
  const known = names.filter(other => other.startsWith(`${operation.split('/', 1)[0] ?? ''}/`))
  const hint = known.length > 0 ? `there are ${known.join(', ')}` : 'docs/operations.md and /openapi.json list all'
  const message = `there is no operation ${JSON.stringify(operation)}: ${hint}`
  return new MeerkatError('unknown-operation', message, { details: { operation, known } })
}
