/** Parameters as the library speaks them; the operations table checks them as it does on every surface. Durations end in `Ms`. */
import type { Content, SessionOptions } from '../store/records.ts'
import type { ScheduleTimes } from './schedule-times.ts'
import type { MisfirePolicy, OverlapPolicy } from './views.ts'

/** What may be changed of a session; `null` takes a field away. */
export type SessionChanges = {
  readonly [Field in 'title' | 'labels' | 'model' | 'system' | 'tools' | 'budget']?: SessionOptions[Field] | null
}

/**
 * What opening an existing session with other options does. `refuse` (default): `session-conflict`. `keep`: answers it
 * as it is. `update`: changes what was given and is different.
 */
export type OnConflict = 'keep' | 'update' | 'refuse'

export interface SendParams {
  readonly content: Content
  readonly mode?: 'queue' | 'steer' | 'supersede'
  readonly idempotencyKey?: string
  readonly supersessionKey?: string
  /** JSON Schema of the answer, or a schema that has one: Zod's, or any other Standard Schema's. */
  readonly outputSchema?: unknown
  readonly model?: string
  readonly maxRunMs?: number
  /** The span that it is sent in, a W3C `traceparent`: parent of its run. The active one unless told, where traced. */
  readonly traceparent?: string
  /** Answer only after the input ended, or this time passed; the run goes on. */
  readonly waitMs?: number
  /** Revive a stopped session. */
  readonly resume?: boolean
}

export interface ScheduleParams extends ScheduleTimes {
  readonly content: Content
  readonly title?: string
  /** What happens when it is due while the input it gave last is unfinished. Default `skip`. */
  readonly overlap?: OverlapPolicy
  /** What happens to times that passed while nobody could fire it. Default `once`. */
  readonly misfire?: MisfirePolicy
  /** Asking again with it answers the first schedule instead of making a second one, for ever. */
  readonly idempotencyKey?: string
}

export type ControlOperation = 'stop' | 'resume' | 'retire' | 'reset' | 'recycle' | 'destroy'
