/**
 * Crash points: every place at which it makes a difference whether the process ends there.
 *
 * A test passes a function that ends the process (or throws, or waits) at the point it wants; production passes none. A
 * point is named by what has just happened or is about to.
 */
export type FaultPoint =
  /** The driver has made a transaction; nothing is written yet. */
  | 'driver.staged'
  /** The store has answered; neither callers nor subscribers have been told. */
  | 'driver.committed'
  /** Callers and subscribers have been told. */
  | 'driver.published'
  /** The run is durable; the executor has not been called. */
  | 'loop.dispatch'
  /** The executor has returned; its output is not written yet. */
  | 'loop.returned'
  /** A session was claimed and read; the work it owes has not been resumed. */
  | 'session.loaded'
  /** The input is durable; its caller is about to be told. */
  | 'session.acknowledge'
  /** A letter is about to be answered: it is performed, and its sender does not know. */
  | 'mail.answer'

/** Called at every point. What it throws is thrown there; a promise is awaited there. */
export type Faults = (point: FaultPoint) => void | Promise<void>
