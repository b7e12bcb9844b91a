/**
 * The history of a runtime as seen from outside: the requests of its clients with their answers, the content of its store
 * afterwards, and the calls of its tools. `checkHistory` judges it.
 */

import type { EventView } from '../../events.ts'
import type { CallPolicy } from '../../kernel/regions/calls/state.ts'
import type { InputStatus, RunResult } from '../../session/views.ts'
import type { EndedRecord, InputRecord } from '../../store/records.ts'

/** A request of a client or an answer to it, in the order in which they happened. */
export type Told =
  /** A send was answered. */
  | {
      readonly type: 'accepted'
      readonly session: string
      readonly outcome: 'accepted' | 'deduplicated'
      readonly inputId: string
      readonly content: string
      readonly key?: string
    }
  /** A wait or a query was answered with the status of an input. */
  | {
      readonly type: 'status'
      readonly session: string
      readonly inputId: string
      readonly status: InputStatus
      readonly result?: RunResult
    }
  /** A cancel was requested; without an answer its outcome is unknown. */
  | {
      readonly type: 'cancel'
      readonly session: string
      /** The run that was named; absent for the current one. */
      readonly named?: string
      readonly answer?: { readonly cancelled: boolean; readonly runId?: string }
      /** Why it was refused, if that is certain. */
      readonly refused?: string
    }
  /** A lifecycle operation was requested. */
  | { readonly type: 'control'; readonly session: string; readonly operation: string }
  /** A withdrawal was answered. */
  | { readonly type: 'withdrawn'; readonly session: string; readonly inputId: string; readonly withdrawn: boolean }
  /** A decision on a lost call was requested. */
  | { readonly type: 'resolve'; readonly session: string; readonly callId: string; readonly resolution: string }
  /** One reader's events, in the order in which it read them: recorded events by cursor, streamed ones by text. */
  | {
      readonly type: 'read'
      readonly session: string
      readonly reader: string
      readonly cursors: readonly string[]
      readonly said?: ReadonlyMap<string, string>
    }
  /** While there were no faults, a session could have started a run and had not. */
  | { readonly type: 'runnable'; readonly session: string; readonly at: number; readonly runs: number }
  /** A request failed in a way in which none may. */
  | { readonly type: 'fault'; readonly what: string }

/** A tool was actually called. */
export interface Effect {
  readonly session: string
  readonly runId: string
  readonly callId: string
  readonly tool: string
  readonly policy: CallPolicy
  /** The newest position of the store then. */
  readonly position: number
}

/** A session, as read from the store. */
export interface SessionHistory {
  readonly id: string
  /** All of them, as a reader with a cursor got them. */
  readonly events: readonly EventView[]
  readonly inputs: readonly (InputRecord & { readonly position: number })[]
  readonly ended: readonly (EndedRecord & { readonly position: number; readonly text?: string })[]
}

export interface History {
  readonly told: readonly Told[]
  readonly sessions: readonly SessionHistory[]
  readonly effects: readonly Effect[]
  /** Whether all work had the time to end: then none may be unfinished. */
  readonly settled: boolean
  /** Sessions that may have unfinished work even then: stopped or parked for good. */
  readonly excused?: readonly string[]
  /** How long a session that can run may take to start, ms. */
  readonly startWithinMs: number
}

export type Rule =
  | 'acknowledged-lost'
  | 'accepted-twice'
  | 'key-rebound'
  | 'content-changed'
  | 'ended-twice'
  | 'never-ended'
  | 'answer-differs'
  | 'withdrawn-ran'
  | 'overtaken'
  | 'runs-overlap'
  | 'run-not-ended'
  | 'receipts-gap'
  | 'cancel-hit-another'
  | 'wake-up-lost'
  | 'effect-repeated'
  | 'effect-unannounced'
  | 'cursor-gap'
  | 'fault'

export interface Violation {
  readonly rule: Rule
  readonly text: string
}
