/**
 * Crash points: every place at which it matters whether a process ends there.
 *
 * A test hands them in and ends the process (or throws, or waits) at the one it wants; production hands in none. A point
 * is named by what has just happened or is about to.
 */
export type FaultPoint =
  /** The mailbox has made a transaction; nothing is written yet. */
  | 'driver.staged'
  /** The store has answered; neither the callers nor the subscribers have heard. */
  | 'driver.committed'
  /** Callers and subscribers have heard. */
  | 'driver.published'
  /** The run is durable; the executor has not been called. */
  | 'loop.dispatch'
  /** The executor has returned; its output is not written yet. */
  | 'loop.returned'
  /** A session was claimed and read; what is owed has not been taken up. */
  | 'session.loaded'
  /** What was accepted is durable; the caller is about to be told. */
  | 'session.acknowledge'
  /** A request to another owner is about to be answered: done, but the sender does not know. */
  | 'mail.answer'

/** Called at every point. What it throws happens there; a promise holds things up there. */
export type Faults = (point: FaultPoint) => void | Promise<void>
