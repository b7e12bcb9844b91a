/**
 * The conversation that each request of a run contains: the context and the run's own messages, shortened where they
 * are too long for the model.
 *
 * Enforces: an input that would fit the model by itself is never refused because of what came before it.
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
  /** How far it is shortened: not at all, long parts cut, or only a note of it. */
  #level: 0 | 1 | 2 = 0

  constructor(settings: Settings, port: RunPort, model: () => StreamingModel) {
    this.#settings = settings
    this.#port = port
    this.#model = model
  }

  async load(): Promise<void> {
    this.#context = await this.#port.context()
  }

  /** The messages of a request. */
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

  /** Summarises its beginning if it is longer than the options allow. */
  async compactIfLong(): Promise<void> {
    const { compaction } = this.#settings
    if (compaction === undefined || compaction === false) return
    await this.#reload(await compactIfLong(this.#compaction(), compaction))
  }

  /** Shortens it because the provider finds it too long. Answers whether that was possible. */
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

  /** Records its length: as the provider counts it, unless that number is implausible. */
  measure({ usage, parts }: Extract<CallEnd, { type: 'reply' }>): void {
    const guess = estimateTokens([...this.messages(), { role: 'assistant', content: whole(parts) }])
    const counted = usage?.inputTokens === undefined ? 0 : tokensOf(usage)
    // Some servers count nothing, or only what was not in their cache.
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

/** How much of a long result is kept, first and last. */
const SHORT_CHARS = 4000
const SHORTEST_CHARS = 400
