/** What a campaign tells its workers, and what they tell back. */

/** A worker's orders, as JSON in its first argument. */
export interface WorkerPlan {
  readonly db: string
  /** Effects of tool calls: a line `CALL POLICY ROUND`, on disk before the call's outcome is reported. */
  readonly effects: string
  readonly sessions: readonly string[]
  readonly seed: number
  readonly round: number
  /** Sends of earlier rounds that were not answered: sent again, with the same key and content. */
  readonly unanswered: readonly Sending[]
  /** Sends that were answered: sent again they must come to the same input. */
  readonly known: readonly (Sending & { readonly inputId: string })[]
  /** Nobody will kill it: settle everything, ask every session once more, and end. */
  readonly finish: boolean
}

export interface Sending {
  readonly session: string
  readonly key: string
  readonly content: string
  readonly mode: 'queue' | 'steer' | 'supersede'
}

/** A line a worker prints. */
export type Line =
  | { readonly type: 'ready' }
  | ({ readonly type: 'sending' } & Sending)
  | { readonly type: 'accepted'; readonly key: string; readonly inputId: string }
  | { readonly type: 'resolved'; readonly callId: string; readonly resolution: string }
  | { readonly type: 'answered'; readonly session: string; readonly text: string }
  | { readonly type: 'wrong'; readonly what: string }
  | { readonly type: 'done' }

/** What an input asks of the worker's executor. */
export interface Task {
  /** Tool calls, one a turn. */
  readonly tools: readonly ('retry' | 'ask' | 'fail')[]
  /** Attempts that fail. */
  readonly failures: number
  readonly name: string
}

/** Numbers from a seed, in [0, 1): the same ones every time. */
export function randomFrom(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
