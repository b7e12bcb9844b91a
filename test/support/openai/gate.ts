/**
 * A gate stops the server at a place of a reply until the test opens it: order without sleeps. The test can wait until
 * the server stands at the gate (`reached`), so "abort in the middle of the stream" is a fact and not a race.
 */
export interface Gate {
  readonly type: 'gate'
  /** Resolves once the server has come to the gate for the first time. */
  readonly reached: Promise<void>
  /** Resolves once the gate is open; it stays open. */
  readonly opened: Promise<void>
  open(): void
  /** Called by the server. */
  markReached(): void
}

export function gate(): Gate {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  return {
    type: 'gate',
    reached: reached.promise,
    opened: opened.promise,
    open: () => opened.resolve(),
    markReached: () => reached.resolve(),
  }
}
