/** The slice of the region `registration`. */
import type { SessionId } from '../../ids.ts'

/** The state of an obligation of the drain window. `forced`: closed by an abort. */
export type Obligation = 'open' | 'closed' | 'forced'

/** The unregister drain window. */
export interface DrainWindow {
  readonly loop: Obligation
  readonly comms: Obligation
  readonly waiters: Obligation
  /** Whether the teardown keeps the operations' snapshot instead of deleting it. */
  readonly retainsSnapshot: boolean
}

export interface Identity {
  readonly sessionId?: SessionId
  /** Intents of peer requests that are recorded without starting a turn. */
  readonly silentIntents: readonly string[]
  /** Whether waiting prompts may share a run. */
  readonly merge: boolean
}

export type Registration =
  /** No executor serves the session. */
  | (Identity & { readonly phase: 'queuing' })
  | (Identity & { readonly phase: 'active' })
  | (Identity & { readonly phase: 'draining'; readonly drain: DrainWindow })
