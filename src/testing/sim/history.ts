/**
 * What was seen of a runtime from outside: what its clients asked and were told, what its store says afterwards, and
 * what its tools did to the world. `checkHistory` judges it.
 */

import type { EventView } from '../../events.ts'
import type { CallPolicy } from '../../kernel/regions/calls/state.ts'
import type { InputStatus, RunResult } from '../../session/views.ts'
import type { EndedRecord, InputRecord } from '../../store/records.ts'

/** Something a client asked for or was told, in the order in which it happened. */
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
  /** A wait or a look told how an input stands. */
  | {
      readonly type: 'status'
      readonly session: string
      readonly inputId: string
      readonly status: InputStatus
      readonly result?: RunResult
    }
  /** A cancel was asked for; without an answer nobody knows what became of it. */
  | {
      readonly type: 'cancel'
      readonly session: string
      /** The run that was named; absent for the current one. */
      readonly named?: string
      readonly answer?: { readonly cancelled: boolean; readonly runId?: string }
      /** Why it was refused, where that is certain. */
      readonly refused?: string
    }
  /** A lifecycle operation was asked for. */
  | { readonly type: 'control'; readonly session: string; readonly operation: string }
  /** A withdrawal was answered. */
  | { readonly type: 'withdrawn'; readonly session: string; readonly inputId: string; readonly withdrawn: boolean }
  /** A lost call was to be settled. */
  | { readonly type: 'resolve'; readonly session: string; readonly callId: string; readonly resolution: string }
  /** One reader's pages of events, in the order in which it read them: facts by their cursors, the rest as it was said. */
  | {
      readonly type: 'read'
      readonly session: string
      readonly reader: string
      readonly cursors: readonly string[]
      readonly said?: ReadonlyMap<string, string>
    }
  /** In a time without faults a session was seen that could run and did not. */
  | { readonly type: 'runnable'; readonly session: string; readonly at: number; readonly runs: number }
  /** A request failed as none may. */
  | { readonly type: 'fault'; readonly what: string }

/** A tool was called for real. */
export interface Effect {
  readonly session: string
  readonly runId: string
  readonly callId: string
  readonly tool: string
  readonly policy: CallPolicy
  /** The newest position of the store then. */
  readonly position: number
}

/** What the store says of a session. */
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
  /** Whether everything had the time to end: then nothing may be owed. */
  readonly settled: boolean
  /** Sessions that may still owe something then: stopped or parked for good. */
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
