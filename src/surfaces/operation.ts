/** What surfaces know of an operation, and what they ask it of. */
import type { z } from 'zod'
import { MeerkatError } from '../errors.ts'
import { messageOf } from '../foreign.ts'

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

/** Answers operations by their names, and checks their parameters itself: a runtime, or what stands for one. */
export interface Callable {
  /** Fails with a `MeerkatError`. */
  call(name: string, params: unknown, context?: CallContext): Promise<object>
  /** Opens a feed of events. Where it is absent, the feed asks for each page. */
  follow?(place: FeedPlace, options: FeedOptions): Promise<EventFeed<object>>
}

/** Where a feed begins. */
export interface FeedPlace {
  readonly sessionId?: string
  readonly after?: string
  readonly limit?: number
}

export interface FeedOptions {
  /** How long a page is waited for before an empty one is given, in milliseconds. */
  readonly idleMs?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Events as pages. A feed reads the next page only when the one before was taken, so a slow reader slows the reading and
 * never makes anything pile up.
 */
export interface EventFeed<Page> {
  /** The next page; an empty one where nothing came for long, undefined once the feed is closed or its signal aborted. */
  next(): Promise<Page | undefined>
  close(): void
}

/** The column of the operations table that takes long to load: what an operation takes and answers. */
export interface OperationSchemas {
  /** One sentence on what it does. */
  readonly doc: string
  readonly input: z.ZodObject
  readonly output: z.ZodObject
  /** It takes as long as there is to do, and ends when nobody waits for its answer any more. */
  readonly isLong?: true
}

/** An operation as surfaces offer it. */
export interface Operation extends OperationSchemas {
  /** Asks the runtime. */
  readonly call: (runtime: Callable, params: unknown, context?: CallContext) => Promise<object>
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

/** The refusal of a name that no operation has; it says which ones its family has. */
export function unknownOperation(name: unknown, names: readonly string[]): MeerkatError {
  const operation = (typeof name === 'string' ? name : messageOf(name)).slice(0, 100)
  const known = names.filter(other => other.startsWith(`${operation.split('/', 1)[0] ?? ''}/`))
  const hint = known.length > 0 ? `there are ${known.join(', ')}` : 'docs/operations.md and /openapi.json list all'
  const message = `there is no operation ${JSON.stringify(operation)}: ${hint}`
  return new MeerkatError('unknown-operation', message, { details: { operation, known } })
}
