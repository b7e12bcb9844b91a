import type { WireLimits } from './fault.ts'

/** What a model call gives to the requests that are made for it. */
export interface WireCall {
  readonly limits: WireLimits
  /** The names of the tools that the request offers. */
  readonly toolNames: readonly string[]
  /** Called for data that comes but is not yet part of the model's stream. */
  readonly heard: () => void
  /**
   * Called with pieces of text and reasoning as they come, before the package has them, which then gets them in larger
   * pieces. Answers whether it took the piece; otherwise the piece goes to the package at once.
   *
   * @param owed How many characters went to the package before without being taken.
   */
  readonly said?: (kind: 'text' | 'reasoning', text: string, owed: number) => boolean
}
