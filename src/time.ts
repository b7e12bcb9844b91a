/**
 * Time: one clock, and one deadline that every wait of a run inherits.
 *
 * Nothing waits without a deadline, and only a clock reads the time, so tests can control both.
 *
 * 1. The time of day (`now`) and the time that passed (`monotonic`) are different: people and suspended machines change
 *    the first, never the second. Deadlines, graces, retries and durations use the second.
 * 2. A timer is only a hint. Code that waits for a time of day reads the clock again every `LOOK_EVERY_MS`.
 * 3. A clock that a program passes in is foreign code: whatever it answers or throws, `soundClock` answers a time.
 */
import { MeerkatError } from './errors.ts'
import { messageOf, unheard } from './foreign.ts'

/** A clock and its timers. */
export interface Clock {
  /** Milliseconds since the epoch. It may jump, in either direction. */
  now(): number
  /** Milliseconds since some moment: it never falls, even where the time of day is changed. */
  monotonic(): number
  /**
   * Calls back once, `delayMs` from now; answers a function that cancels this. With `background` it does not keep the
   * process alive.
   */
  after(delayMs: number, callback: () => void, options?: { readonly background?: boolean }): () => void
}

/** A clock that a program may pass in: without `monotonic`, steps back of `now` don't count as time that passes. */
export type ClockSource = Pick<Clock, 'now' | 'after'> & Partial<Pick<Clock, 'monotonic'>>

/** Longer delays overflow the platform's timers and would fire at once. */
export const MAX_TIMER_MS = 2_147_483_647
/** How often code that waits for a time of day reads the clock again. */
export const LOOK_EVERY_MS = 2_000
/** The end of the year 9999: the last moment that ISO text, or an id, can hold. */
export const LATEST_TIME = 253_402_300_799_999
/** The longest duration that may be asked for: 100 years. Every moment that it leads to can be written. */
export const LONGEST_MS = 3_155_760_000_000

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback, options) {
    const end = performance.now() + Math.max(0, delayMs)
    let timer: NodeJS.Timeout
    const wait = (leftMs: number): void => {
      const isLast = leftMs <= MAX_TIMER_MS
      const next = isLast ? callback : () => wait(end - performance.now())
      timer = setTimeout(next, isLast ? leftMs : MAX_TIMER_MS)
      if (options?.background === true) timer.unref()
    }
    wait(Number.isNaN(delayMs) ? 0 : Math.max(0, delayMs))
    return () => clearTimeout(timer)
  },
}

/** Whether it is a number of milliseconds in the range. */
export function isDuration(value: unknown, leastMs: number = 0, mostMs: number = LONGEST_MS): value is number {
  return typeof value === 'number' && value >= leastMs && value <= mostMs
}

/**
 * Checks durations by their names; absent ones are fine.
 *
 * @throws {MeerkatError} `invalid-params`, with the name of the first that is no number of milliseconds in the range.
 */
export function demandDurations(
  given: Readonly<Record<string, unknown>>,
  { leastMs = 0, mostMs = LONGEST_MS }: { readonly leastMs?: number; readonly mostMs?: number } = {},
): void {
  for (const [path, value] of Object.entries(given)) {
    if (value === undefined || isDuration(value, leastMs, mostMs)) continue
    const message = `must be a number of milliseconds from ${leastMs} to ${mostMs}, not ${messageOf(value)}`
    throw new MeerkatError('invalid-params', `${path} ${message}`, { details: { issues: [{ path, message }] } })
  }
}

/**
 * Wraps a clock so that the runtime can rely on it: it answers whole milliseconds of this era, its monotonic time never
 * falls, and a timer fires at most once and never before `after` has answered. Where the given clock fails, the
 * machine's clock is used.
 *
 * @throws {MeerkatError} `invalid-params` if it is no clock at all.
 */
export function soundClock(given: ClockSource | undefined): Clock {
  if (given === undefined || given === systemClock) return systemClock
  if (SoundClock.is(given)) return given
  demandClock(given)
  return new SoundClock(given)
}

/** Why the clock's last answer was not used; undefined: it was. */
export function clockFault(clock: Clock): string | undefined {
  return clock instanceof SoundClock ? clock.fault : undefined
}

function demandClock(given: ClockSource): void {
  const problem = clockProblem(given)
  if (problem === undefined) return
  throw new MeerkatError('invalid-params', `clock ${problem}`, {
    details: { issues: [{ path: 'clock', message: problem }] },
  })
}

function clockProblem(given: unknown): string | undefined {
  try {
    const { now, after, monotonic } = given as Readonly<Record<string, unknown>>
    if (typeof now !== 'function') return 'must have a function now()'
    if (typeof after !== 'function') return 'must have a function after(delayMs, callback)'
    if (monotonic !== undefined && typeof monotonic !== 'function') return 'has a monotonic that is no function'
    return timeProblem((given as ClockSource).now())
  } catch (error) {
    return `throws: ${messageOf(error)}`
  }
}

function timeProblem(time: unknown): string | undefined {
  if (typeof time === 'number' && time >= 0 && time <= LATEST_TIME) return undefined
  unheard(time)
  return `answers ${messageOf(time)}, which is no time in milliseconds since 1970`
}

class SoundClock implements Clock {
  /** Touches nothing of the object: a caller's object may throw when it is read. */
  static is(given: unknown): given is SoundClock {
    return typeof given === 'object' && given !== null && #given in given
  }

  readonly #given: ClockSource
  #fault: string | undefined
  /** The newest time that was accepted, and when that was on the machine's clock. */
  #known: { readonly at: number; readonly since: number }
  /** The last answer of `monotonic`, and the given clock's own answer then. */
  #passed = 0
  #answered: number

  constructor(given: ClockSource) {
    this.#given = given
    this.#known = { at: Math.floor(given.now()), since: performance.now() }
    this.#answered = this.#tell() ?? 0
  }

  get fault(): string | undefined {
    this.now()
    return this.#fault
  }

  now(): number {
    const since = performance.now()
    try {
      const time = this.#given.now()
      this.#fault = timeProblem(time)
      if (this.#fault === undefined) this.#known = { at: Math.floor(time), since }
    } catch (error) {
      this.#fault = `throws: ${messageOf(error)}`
    }
    return this.#fault === undefined ? this.#known.at : Math.floor(this.#known.at + since - this.#known.since)
  }

  monotonic(): number {
    const answer = this.#tell()
    if (answer !== undefined) {
      this.#passed += Math.max(0, answer - this.#answered)
      this.#answered = answer
    }
    return this.#passed
  }

  after(delayMs: number, callback: () => void, options?: { readonly background?: boolean }): () => void {
    let isOver = false
    let isSet = false
    const fire = (): void => {
      if (isOver) return
      isOver = true
      if (isSet) callback()
      else systemClock.after(0, callback, options)
    }
    const off = this.#set(delayMs, fire, options)
    isSet = true
    return () => {
      isOver = true
      off()
    }
  }

  #set(delayMs: number, fire: () => void, options?: { readonly background?: boolean }): () => void {
    try {
      const off: unknown = this.#given.after(Number.isNaN(delayMs) ? 0 : Math.max(0, delayMs), fire, options)
      return () => callOff(off)
    } catch (error) {
      this.#fault = `throws: ${messageOf(error)}`
      return systemClock.after(delayMs, fire, options)
    }
  }

  #tell(): number | undefined {
    const { monotonic } = this.#given
    if (monotonic === undefined) return this.now()
    try {
      const answer: unknown = monotonic.call(this.#given)
      return typeof answer === 'number' && Number.isFinite(answer) ? answer : undefined
    } catch {
      return undefined
    }
  }
}

/** A timer that can't be cancelled calls nothing when it fires. */
function callOff(off: unknown): void {
  if (typeof off !== 'function') return
  try {
    Reflect.apply(off, undefined, [])
  } catch {
    // The caller has cancelled it, whatever the clock says.
  }
}

/** A point in time by which something has to have happened, and the deadlines derived from it. */
export class Deadline {
  readonly #clock: Clock
  /** On the monotonic clock; Infinity for none. */
  readonly #at: number

  private constructor(clock: Clock, at: number) {
    this.#clock = clock
    this.#at = at
  }

  /** A deadline `timeoutMs` from now. */
  static in(clock: Clock, timeoutMs: number): Deadline {
    if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs)) demandDurations({ timeoutMs })
    const sound = soundClock(clock)
    return new Deadline(sound, sound.monotonic() + timeoutMs)
  }

  /** The same from a caller's value: an object with one duration, which `invalid-params` names where it is none. */
  static asked(clock: Clock, named: Readonly<Record<string, unknown>>): Deadline {
    demandDurations(named)
    const [timeoutMs] = Object.values(named)
    return Deadline.in(clock, Number(timeoutMs))
  }

  /** The time of day of the deadline by the present clock, milliseconds since the epoch; Infinity: none. */
  get at(): number {
    return this.#clock.now() + this.remainingMs
  }

  /** Milliseconds left, at least 0. */
  get remainingMs(): number {
    const leftMs = this.#at - this.#clock.monotonic()
    // Platforms fire timers up to a millisecond early: the callback must find the deadline passed.
    return leftMs < 1 ? 0 : Math.ceil(leftMs)
  }

  get passed(): boolean {
    return this.remainingMs === 0
  }

  /**
   * The nearer of this deadline and `timeoutMs` from now: a stage can shorten the run's deadline, never lengthen it.
   */
  within(timeoutMs: number): Deadline {
    return new Deadline(this.#clock, Math.min(this.#at, this.#clock.monotonic() + timeoutMs))
  }

  isBefore(other: Deadline): boolean {
    return this.#at < other.#at
  }

  /** Calls back when the deadline passes; answers a function that cancels this. */
  onPassed(callback: () => void): () => void {
    return this.#at === Number.POSITIVE_INFINITY ? () => {} : this.#clock.after(this.remainingMs, callback)
  }
}
