/** Operations as surfaces see them, and what answers them. */
import type { z } from 'zod'
import { MeerkatError } from '../errors.ts'
import { messageOf } from '../foreign.ts'

/** What a surface knows of a call besides its parameters. */
export interface CallContext {
  /**
   * Aborted when the caller does not wait for the answer any more. It ends waits (`waitMs`) early and nothing else:
   * what was accepted stays accepted, and no run is cancelled. A long operation (`isLong`) ends without an answer.
   */
  readonly signal?: AbortSignal | undefined
  /** Called with the progress of a long operation, where it is performed in this process. */
  readonly onProgress?: ((progress: { readonly records: number; readonly steps: number }) => void) | undefined
}

/**
 * Answers operations by their names, and checks their parameters itself: a runtime, or something with the same methods.
 */
export interface Callable {
  /** Fails with a `MeerkatError`. */
  call(name: string, params: unknown, context?: CallContext): Promise<object>
  /** Opens a feed of events. Absent: the feed calls `events/read` for each page. */
  follow?(place: FeedPlace, options: FeedOptions): Promise<EventFeed<object>>
}

/** Where a feed begins. */
export interface FeedPlace {
  readonly sessionId?: string
  readonly after?: string
  readonly limit?: number
}

export interface FeedOptions {
  /** How long to wait for a page before an empty one is answered, in milliseconds. */
  readonly idleMs?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Events as pages. A feed reads the next page only when the one before was taken, so a slow reader slows the reading
 * and nothing piles up.
 */
export interface EventFeed<Page> {
  /**
   * The next page; an empty one where nothing came within `idleMs`; undefined once the feed is closed or its signal
   * aborted.
   */
  next(): Promise<Page | undefined>
  close(): void
}

/** The schemas of an operation: the part of the operations table that takes long to load. */
export interface OperationSchemas {
  /** One sentence on what it does. */
  readonly doc: string
  readonly input: z.ZodObject
  readonly output: z.ZodObject
  /** It may take long, and ends when its caller does not wait for the answer any more. */
  readonly isLong?: true
}

/** An operation as surfaces offer it. */
export interface Operation extends OperationSchemas {
  /** Calls the operation on a runtime. */
  readonly call: (runtime: Callable, params: unknown, context?: CallContext) => Promise<object>
}

/** A result as the runtime answers it: deeply read-only. */
export type Answer<Output extends z.ZodType> = ReadonlyDeep<z.output<Output>>

export type ReadonlyDeep<T> = unknown extends T
  ? T
  : T extends readonly (infer Item)[]
    ? readonly ReadonlyDeep<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: ReadonlyDeep<T[Key]> }
      : T

/** The refusal of an unknown name; it lists the operations of the same family. */
export function unknownOperation(name: unknown, names: readonly string[]): MeerkatError {
  const operation = (typeof name === 'string' ? name : messageOf(name)).slice(0, 100)
  const known = names.filter(other => other.startsWith(`${operation.split('/', 1)[0] ?? ''}/`))
  const hint = known.length > 0 ? `there are ${known.join(', ')}` : 'docs/operations.md and /openapi.json list all'
  const message = `there is no operation ${JSON.stringify(operation)}: ${hint}`
  return new MeerkatError('unknown-operation', message, { details: { operation, known } })
}
