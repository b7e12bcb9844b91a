/** How a runtime is made. */
import type { CoreExecutor } from '../executor/executor.ts'
import type { Faults } from '../faults.ts'
import type { Ids } from '../ids.ts'
import type { SessionId } from '../kernel/ids.ts'
import { type RunLimits, runLimits } from '../loop/slots.ts'
import type { RuntimeObserver } from '../observer.ts'
import type { StoreSource } from '../store/store.ts'
import { type ClockSource, demandDurations, soundClock } from '../time.ts'
import { demandRetention, type RetentionPolicy } from './retention/policy.ts'

export interface RuntimeOptions {
  /** Where sessions live; default: memory, gone with the process. */
  readonly store?: StoreSource
  /** Who answers inputs. Without one the runtime admits and reads, but runs nothing. */
  readonly executor?: CoreExecutor
  /** Whether the executor serves a session, asked whenever one could run. Default: it serves all. */
  readonly serves?: (sessionId: SessionId) => boolean
  /** Whether a session that is in use here is kept from another process that asks for it. Default: all are. */
  readonly keeps?: (sessionId: SessionId) => boolean
  /** Whether inputs may carry files. Default true. */
  readonly takesFiles?: boolean
  /** Take up sessions that owe work as soon as the runtime starts. Default true. */
  readonly recover?: boolean
  /** Longest run where neither input nor session says otherwise. Default one hour. */
  readonly maxRunMs?: number
  /** How long an aborted executor may take to return before its run is given up. Default 5 s. */
  readonly abortGraceMs?: number
  /**
   * Runs at once in this process, oldest first: a number, or besides it a number for each value of a label, such as
   * `{ total: 50, perLabel: { tenant: 5 } }`. A run's time counts from when it begins. Default: no limit.
   */
  readonly maxConcurrentRuns?: number | RunLimits
  /** Idle sessions kept loaded. Default 1,000. */
  readonly keepIdle?: number
  /** How long an idle session stays loaded once there are more. Default 60 s. */
  readonly idleMs?: number
  /**
   * How often sessions that want an owner and have none alive are looked for. Default a third of the store's lease, at
   * most 15 s.
   */
  readonly recoverEveryMs?: number
  /** What may go, and when; done in the background. Default: everything is kept. */
  readonly retention?: RetentionPolicy
  /** Hears of what happens, for telemetry: see `meerkat-ts/telemetry`. */
  readonly observer?: RuntimeObserver
  /** Crash points for tests. */
  readonly faults?: Faults
  /** What time it is, and how it passes; default the machine's. */
  readonly clock?: ClockSource
  readonly ids?: Ids
}

/** The options as everything inside may trust them. `invalid-params` names the one that can't be. */
export function soundOptions<Options extends Omit<RuntimeOptions, 'store'>>(options: Options): Options {
  runLimits(options.maxConcurrentRuns)
  const { maxRunMs, abortGraceMs, idleMs, recoverEveryMs, retention } = options
  demandDurations({ maxRunMs, abortGraceMs, idleMs, recoverEveryMs })
  if (retention !== undefined) demandRetention(retention)
  return { ...options, clock: soundClock(options.clock) }
}
