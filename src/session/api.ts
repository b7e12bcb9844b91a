/**
 * Parameters as the library takes them; the operations table checks them as on every surface. Durations end in `Ms`.
 */
import type { Content, SessionOptions } from '../store/records.ts'
import type { ScheduleTimes } from './schedule-times.ts'
import type { MisfirePolicy, OverlapPolicy } from './views.ts'

/** What `update` may change of a session; `null` removes a field. */
export type SessionChanges = {
  readonly [Field in 'title' | 'labels' | 'model' | 'system' | 'tools' | 'budget']?: SessionOptions[Field] | null
}

/**
 * What opening an existing session with other options does. `refuse` (default): fails with `session-conflict`.
 * `keep`: answers the session as it is. `update`: changes the options that were given and differ.
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
  /**
   * A W3C `traceparent`: the span that becomes the parent of the run's. Default, where the runtime is traced: the
   * active span.
   */
  readonly traceparent?: string
  /** Answers only after the input ended, or after this time; the run goes on meanwhile. */
  readonly waitMs?: number
  /** Revives the session if it is stopped. */
  readonly resume?: boolean
}

export interface ScheduleParams extends ScheduleTimes {
  readonly content: Content
  readonly title?: string
  /** What happens at a due time while the input of the time before is unfinished. Default `skip`. */
  readonly overlap?: OverlapPolicy
  /** What happens to due times that passed while no process could fire the schedule. Default `once`. */
  readonly misfire?: MisfirePolicy
  /** A second call with the same key answers the first schedule instead of making another one, for ever. */
  readonly idempotencyKey?: string
}

export type ControlOperation = 'stop' | 'resume' | 'retire' | 'reset' | 'recycle' | 'destroy'
