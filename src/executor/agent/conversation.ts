/**
 * What the requests of one run hold of the conversation: its context and the run's own messages, shorter where they are too
 * long for the model.
 *
 * Enforces: an input that the model could take by itself is not kept from it by what was said before.
 */
import { whole } from '../../store/blobs.ts'
import type { ContextMessage, RunPort } from '../executor.ts'
import { type Compaction, compactAll, compactIfLong, estimateTokens } from './compact.ts'
import type { StreamingModel } from './model.ts'
import type { CallEnd } from './model-call.ts'
import { lengthOf } from './prompt.ts'
import type { Settings } from './settings.ts'
import { inShort, withShortParts, withShortResults } from './shorten.ts'
import { tokensOf } from './usage.ts'

export class Conversation {
  readonly #settings: Settings
  readonly #port: RunPort
  readonly #model: () => StreamingModel
  #context: readonly ContextMessage[] = []
  /** How much shorter than it is: not at all, its long parts cut, or no more than a note of it. */
  #level: 0 | 1 | 2 = 0

  constructor(settings: Settings, port: RunPort, model: () => StreamingModel) {
    this.#settings = settings
    this.#port = port
    this.#model = model
  }

  async load(): Promise<void> {
    this.#context = await this.#port.context()
  }

  /** What a request holds, with the messages of the run. */
  messages(own: readonly ContextMessage[] = this.#port.journal()): readonly ContextMessage[] {
    switch (this.#level) {
      case 0:
        return [...this.#context, ...own]
      case 1:
        return [...withShortParts(this.#context), ...withShortResults(own, SHORT_CHARS)]
      case 2:
        return [...inShort(this.#context), ...withShortResults(own, SHORTEST_CHARS)]
    }
  }

  /** Sums up its beginning if it is longer than it may be. */
  async compactIfLong(): Promise<void> {
    const { compaction } = this.#settings
    if (compaction === undefined || compaction === false) return
    await this.#reload(await compactIfLong(this.#compaction(), compaction))
  }

  /** Makes it shorter, because the provider finds it too long. Answers whether it could. */
  async shorten(): Promise<boolean> {
    const before = lengthOf(this.messages())
    if (this.#level === 0) {
      this.#level = 1
      if (this.#settings.compaction !== false) await this.#reload(await compactAll(this.#compaction()))
      if (lengthOf(this.messages()) < before) return true
    }
    this.#level = 2
    return lengthOf(this.messages()) < before
  }

  /** Notes how long it is now: as the provider counts, unless that can't be. */
  measure({ usage, parts }: Extract<CallEnd, { type: 'reply' }>): void {
    const guess = estimateTokens([...this.messages(), { role: 'assistant', content: whole(parts) }])
    const counted = usage?.inputTokens === undefined ? 0 : tokensOf(usage)
    // Some servers count nothing, or only what they did not have in their cache.
    this.#settings.measured.set(this.#port.sessionId, counted >= guess / 2 ? counted : guess)
  }

  #compaction(): Compaction {
    const { limits, measured } = this.#settings
    const port = this.#port
    const before = measured.get(port.sessionId) ?? estimateTokens(this.#context)
    const tokens = before + estimateTokens(port.journal())
    return { port, model: this.#model(), limits, context: this.#context, tokens }
  }

  async #reload(isCompacted: boolean): Promise<void> {
    if (!isCompacted) return
    this.#settings.measured.forget(this.#port.sessionId)
    await this.load()
  }
}

/** What is left of a long result, at first and at last. */
const SHORT_CHARS = 4000
const SHORTEST_CHARS = 400
