import type { WireLimits } from './fault.ts'

/** What a model call lends the requests that are made for it. */
export interface WireCall {
  readonly limits: WireLimits
  /** The tools that the request offers. */
  readonly toolNames: readonly string[]
  /** Told of what comes but is no part of the model's stream yet. */
  readonly heard: () => void
  /**
   * Told of pieces of text and thought as they come, before the package has them, which gets them in larger pieces then.
   * Answers whether it took the piece; one that it did not take goes to the package at once.
   *
   * @param owed How many characters went to the package before without being taken.
   */
  readonly said?: (kind: 'text' | 'reasoning', text: string, owed: number) => boolean
}
