/** How a runtime is made. */

import type { CoreExecutor } from '../executor/executor.ts'
import type { Faults } from '../faults.ts'
import type { Ids } from '../ids.ts'
import { demandCount, type RunLimits, runLimits } from '../loop/slots.ts'
import type { RuntimeObserver } from '../observer.ts'
import type { StoreSource } from '../store/store.ts'
import { invalidParams, type Problem } from '../surfaces/invalid-params.ts'
import { type ClockSource, demandDurations, soundClock } from '../time.ts'
import { fieldsOf, read } from './door.ts'
import { demandRetention, type RetentionPolicy } from './retention/policy.ts'

export interface RuntimeOptions {
  /** Where sessions live; default: memory, gone with the process. */
  readonly store?: StoreSource
  /**
   * Answers the inputs of every session that has no executor of its own (`Runtime.serve`). Without one the runtime admits
   * and reads, but runs nothing of theirs.
   */
  readonly executor?: CoreExecutor
  /** Whether inputs may carry files. Default true. */
  readonly takesFiles?: boolean
  /** Take up sessions that owe work as soon as the runtime starts. Default true. */
  readonly recover?: boolean
  /** Longest run where neither input nor session says otherwise. Default one hour. */
  readonly maxRunMs?: number
  /** How long an aborted executor may take to return before its run is given up. Default 5 s. */
  readonly abortGraceMs?: number
  /**
   * How long a store may refuse what a run reports (a full disk) before whoever waits for the run hears of it, as
   * `store-unavailable`. The work stays, and goes on once the store takes it. Default two minutes.
   */
  readonly storePatienceMs?: number
  /**
   * Runs at once in this process, oldest first: a number, or besides it a number for each value of a label, such as
   * `{ total: 50, perLabel: { tenant: 5 } }`. A run's time counts from when it begins. Default: no limit.
   */
  readonly maxConcurrentRuns?: number | RunLimits
  /** Unfinished inputs of a session, beyond which another one is refused as `overloaded`. Default 10,000. */
  readonly maxQueuedInputs?: number
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
  if (options.maxQueuedInputs !== undefined) demandCount('maxQueuedInputs', options.maxQueuedInputs)
  const { maxRunMs, abortGraceMs, storePatienceMs, idleMs, recoverEveryMs, retention } = options
  demandDurations({ maxRunMs, abortGraceMs, storePatienceMs, idleMs, recoverEveryMs })
  if (retention !== undefined) demandRetention(retention)
  return { ...options, clock: soundClock(options.clock) }
}

type Kind = readonly [isIt: (value: unknown) => boolean, words: string]

/** `soundOptions` judges it. */
const measured: Kind = [() => true, '']
const flag: Kind = [value => typeof value === 'boolean', 'true or false']
const callback: Kind = [value => typeof value === 'function', 'a function']
/** An object with these methods, and perhaps with those. */
const withMethods = (words: string, needed: readonly string[], possible: readonly string[] = []): Kind => [
  value =>
    typeof value === 'object' &&
    value !== null &&
    needed.every(name => typeof Reflect.get(value, name) === 'function') &&
    possible.every(name => ['function', 'undefined'].includes(typeof Reflect.get(value, name))),
  words,
]
const executor = withMethods(
  'an executor: an object with `name` and `apply`',
  ['apply'],
  ['tools', 'models', 'watch', 'close'],
)
const AGES: readonly string[] = ['deltasAfterMs', 'eventsAfterMs', 'destroyedAfterMs', 'retiredAfterMs']
const retention: Kind = [
  value => typeof value === 'object' && value !== null && Object.keys(value).every(name => AGES.includes(name)),
  `an object of ${AGES.join(', ')}`,
]
const isCount = (value: unknown): boolean =>
  value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && Number(value) >= 0)

const KINDS: { readonly [Name in keyof Required<RuntimeOptions>]: Kind } = {
  store: withMethods('a store, such as `sqlite("agents.db")`', ['open']),
  executor: [value => executor[0](value) && typeof Reflect.get(Object(value), 'name') === 'string', executor[1]],
  takesFiles: flag,
  recover: flag,
  maxRunMs: measured,
  abortGraceMs: measured,
  storePatienceMs: measured,
  keepIdle: [isCount, 'a whole number, at least 0'],
  idleMs: measured,
  maxConcurrentRuns: measured,
  maxQueuedInputs: measured,
  recoverEveryMs: [value => value !== 0, 'more than 0'],
  retention,
  observer: withMethods('an object', []),
  faults: callback,
  clock: measured,
  ids: withMethods('an object', ['session', 'input', 'run', 'call', 'epoch', 'operation', 'schedule']),
}

const isOption = (name: string): name is keyof RuntimeOptions => Object.hasOwn(KINDS, name)

/** The options of a runtime, or `invalid-params` that names what is wrong. */
export function checkedOptions(given: RuntimeOptions): RuntimeOptions {
  const problems: Problem[] = []
  for (const [name, value] of Object.entries(fieldsOf(given, 'options'))) {
    const kind = isOption(name) ? KINDS[name] : undefined
    if (kind === undefined) problems.push({ path: name, message: 'is no option of a runtime' })
    else if (value !== undefined && !read(() => kind[0](value)))
      problems.push({ path: name, message: `must be ${kind[1]}` })
  }
  if (problems.length > 0) throw invalidParams(problems)
  return given
}
