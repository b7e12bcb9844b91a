/** What the fleet's parent and its members tell each other. */

/** A member's orders, as JSON in its first argument. */
export interface MemberPlan {
  /** The store's address, through the member's own way to the database. */
  readonly url: string
  readonly schema: string
  readonly leaseMs: number
  /** Effects of tool calls, a line each. */
  readonly effects: string
  /** How often this member was started, for the effects' lines. */
  readonly round: number
}

export type Request =
  | { readonly id: number; readonly type: 'open'; readonly session: string }
  | {
      readonly id: number
      readonly type: 'send'
      readonly session: string
      readonly key: string
      readonly content: string
    }
  | { readonly id: number; readonly type: 'report' }
  | { readonly id: number; readonly type: 'drain' }

export type Reply =
  | { readonly type: 'ready' }
  | { readonly id: number; readonly type: 'value'; readonly value: unknown }
  | { readonly id: number; readonly type: 'error'; readonly code: string; readonly message: string }

/** What a member saw. */
export interface MemberReport {
  /** Commits that the fence refused. */
  readonly fenced: number
  /** Sessions that it holds now. */
  readonly held: number
  /** The release it runs. */
  readonly version: string
}
