/** The event subscriptions of one connection. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { MeerkatError } from '../../errors.ts'
import { type EventFeed, openEventFeed } from '../event-feed.ts'
import { type FaultLog, publicError } from '../fault.ts'
import { parseParams } from '../invalid-params.ts'
import type { Callable } from '../operation.ts'
import { eventPosition } from '../operations/events.ts'
import { name } from '../operations/fields.ts'
import { notificationText } from './message.ts'

export const SUBSCRIBE = 'events/subscribe'
export const UNSUBSCRIBE = 'events/unsubscribe'

const subscribeParams = z.strictObject(eventPosition)
const unsubscribeParams = z.strictObject({ subscription: name() })

/** A subscription that gets no hint reads again after this time. */
const IDLE_MS = 30_000
const MAX_SUBSCRIPTIONS = 100

export interface SubscriptionsOptions {
  readonly runtime: Callable
  /** Resolves when the peer took the text: only then is the next event read. */
  readonly send: (text: string) => Promise<void>
  readonly log: FaultLog
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #open = new Map<string, AbortController>()

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  /** Answers the subscription and a function that starts it, to be called once the answer is sent. */
  async subscribe(params: unknown): Promise<{ readonly subscription: string; readonly start: () => void }> {
    const position = parseParams(subscribeParams, params)
    if (this.#open.size >= MAX_SUBSCRIPTIONS) {
      throw new MeerkatError('overloaded', `a connection holds at most ${MAX_SUBSCRIPTIONS} subscriptions`, {
        retryable: false,
      })
    }
    const subscription = randomUUID()
    const controller = new AbortController()
    this.#open.set(subscription, controller)
    const { signal } = controller
    try {
      const feed = await openEventFeed(this.#options.runtime, position, { idleMs: IDLE_MS, signal })
      return { subscription, start: () => void this.#deliver(subscription, feed, signal) }
    } catch (error) {
      this.#open.delete(subscription)
      throw error
    }
  }

  unsubscribe(params: unknown): { readonly unsubscribed: boolean } {
    const { subscription } = parseParams(unsubscribeParams, params)
    const controller = this.#open.get(subscription)
    this.#open.delete(subscription)
    controller?.abort()
    return { unsubscribed: controller !== undefined }
  }

  close(): void {
    for (const controller of this.#open.values()) controller.abort()
    this.#open.clear()
  }

  /**
   * Reads and sends until the subscription ends. A feed that fails is reported: silence would look like "nothing
   * happened".
   */
  async #deliver(subscription: string, feed: EventFeed, signal: AbortSignal): Promise<void> {
    const { send, log } = this.#options
    try {
      for (let page = await feed.next(); page !== undefined; page = await feed.next()) {
        const texts = page.events.map(event => notificationText('events/event', { subscription, event }))
        for (const text of texts) await (signal.aborted ? undefined : send(text))
      }
    } catch (error) {
      if (signal.aborted) return
      this.#open.delete(subscription)
      const ended = notificationText('events/ended', { subscription, error: publicError(error, log) })
      // A peer that can't be told has left, which the next write finds out.
      await send(ended).catch(() => {})
    }
  }
}
