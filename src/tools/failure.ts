/** Failures of built-in tools with a code, by which callers tell them apart. */

/** A code of a failed call, as the outcome and `tool.failed` have it. */
export type ToolFailureCode =
  /** Against a rule: outside of the roots, a private address, a file that is no plain file. */
  | 'refused'
  | 'not-found'
  /** Something else is there than the call expects. */
  | 'conflict'
  | 'too-large'
  /** The file system, the network or a server said no. */
  | 'unavailable'

const codes = new WeakMap<Error, ToolFailureCode>()

/** An error that ends a tool's call with this code, and with this message for the model. */
export function toolFailure(code: ToolFailureCode, message: string, cause?: unknown): Error {
  const error = new Error(message, cause === undefined ? {} : { cause })
  codes.set(error, code)
  return error
}

/** The code of such an error; undefined for any other value. */
export function failureCode(thrown: unknown): ToolFailureCode | undefined {
  return typeof thrown === 'object' && thrown !== null ? codes.get(thrown as Error) : undefined
}
