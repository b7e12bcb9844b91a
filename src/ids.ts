/**
 * UUID v7 identifiers, which rise within a process even within one millisecond.
 *
 * Rising ids are cheap to index, because a store appends them. The generator is passed in, so tests and the simulator
 * can make the same ids again from a seed.
 */
import type { CallId, InputId, OperationId, RunId, RuntimeEpochId, ScheduleId, SessionId } from './kernel/ids.ts'
import { aFunction, checkArgument, withMethods } from './options.ts'
import type { Clock } from './time.ts'

/** Makes new ids. */
export interface Ids {
  session(): SessionId
  input(): InputId
  run(): RunId
  call(): CallId
  epoch(): RuntimeEpochId
  operation(): OperationId
  schedule(): ScheduleId
}

/** Fills the array with random bytes. */
export type RandomBytes = (into: Uint8Array<ArrayBuffer>) => unknown

const POOL = 8 * 512

/** Ids from a clock and a source of randomness. */
export function uuidIds(clock: Pick<Clock, 'now'>, random: RandomBytes = into => crypto.getRandomValues(into)): Ids {
  checkArgument('uuidIds', 'clock', clock, withMethods('a clock', 'now'))
  checkArgument('uuidIds', 'random', random, aFunction)
  const pool = new Uint8Array(POOL)
  let used = POOL
  let lastMs = 0
  let sequence = 0

  const next = (): string => {
    if (used + 8 > POOL) {
      random(pool)
      used = 0
    }
    const now = clock.now()
    if (now > lastMs) {
      lastMs = now
      sequence = ((pool[used] ?? 0) << 3) & 0x7ff
    } else if (++sequence > 0xfff) {
      // The counter is full, or the clock went back: take the next millisecond.
      lastMs++
      sequence = 0
    }
    const time = lastMs.toString(16).padStart(12, '0')
    const variant = (0x80 | ((pool[used] ?? 0) & 0x3f)).toString(16)
    let tail = ''
    for (let index = 1; index < 8; index++) tail += HEX[pool[used + index] ?? 0] ?? '00'
    used += 8
    const counter = sequence.toString(16).padStart(3, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-${variant}${tail.slice(0, 2)}-${tail.slice(2)}`
  }

  return {
    session: () => next() as SessionId,
    input: () => next() as InputId,
    run: () => next() as RunId,
    call: () => next() as CallId,
    epoch: () => next() as RuntimeEpochId,
    operation: () => next() as OperationId,
    schedule: () => next() as ScheduleId,
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
