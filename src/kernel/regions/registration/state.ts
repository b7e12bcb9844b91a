/** What the region `registration` holds. */
import type { SessionId } from '../../ids.ts'

/** An obligation of the drain window. `forced`: closed, but by abort. */
export type Obligation = 'open' | 'closed' | 'forced'

/** The unregister drain window. */
export interface Drain {
  readonly loop: Obligation
  readonly comms: Obligation
  readonly waiters: Obligation
  /** The teardown keeps the operations' snapshot instead of deleting it. */
  readonly retainsSnapshot: boolean
}

export interface Identity {
  readonly sessionId?: SessionId
  /** Peer intents that are recorded without starting a turn. */
  readonly silentIntents: readonly string[]
  /** Whether waiting prompts may share a run. */
  readonly merge: boolean
}

export type Registration =
  /** No executor serves the session. */
  | (Identity & { readonly phase: 'queuing' })
  | (Identity & { readonly phase: 'active' })
  | (Identity & { readonly phase: 'draining'; readonly drain: Drain })
