import type { WireLimits } from './fault.ts'

/** What a model call lends the requests that are made for it. */
export interface WireCall {
  readonly limits: WireLimits
  /** The tools that the request offers. */
  readonly toolNames: readonly string[]
  /** Told of what comes but is no part of the model's stream yet. */
  readonly heard: () => void
}
