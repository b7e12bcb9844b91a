/** The options of a runtime. */

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
   * Performs the runs of every session that has no executor of its own (`Runtime.serve`). Without one the runtime
   * admits their inputs and reads them, and performs none of their runs.
   */
  readonly executor?: CoreExecutor
  /** Whether inputs may carry files. Default true. */
  readonly takesFiles?: boolean
  /** Whether to take up sessions that owe work as soon as the runtime starts. Default true. */
  readonly recover?: boolean
  /** The longest a run may take where neither the input nor the session says otherwise. Default one hour. */
  readonly maxRunMs?: number
  /** How long an aborted executor may take to return before its run is given up. Default 5 s. */
  readonly abortGraceMs?: number
  /**
   * How long the store may refuse what a run reports (a full disk) before callers that wait for the run get
   * `store-unavailable`. The work stays, and goes on once the store takes it. Default two minutes.
   */
  readonly storePatienceMs?: number
  /**
   * How many runs this process performs at once; the oldest go first. A number, or a number for each value of a label
   * besides, such as `{ total: 50, perLabel: { tenant: 5 } }`. A run's time counts from when it begins. Default: no
   * limit.
   */
  readonly maxConcurrentRuns?: number | RunLimits
  /** A session with this many unfinished inputs refuses another one as `overloaded`. Default 10,000. */
  readonly maxQueuedInputs?: number
  /** How many idle sessions stay loaded. Default 1,000. */
  readonly keepIdle?: number
  /** How long an idle session stays loaded once there are more than `keepIdle`. Default 60 s. */
  readonly idleMs?: number
  /**
   * How often the runtime looks for sessions that need an owner and have none alive. Default a third of the store's
   * lease, at most 15 s.
   */
  readonly recoverEveryMs?: number
  /** What is pruned in the background, and when. Default: everything is kept. */
  readonly retention?: RetentionPolicy
  /** Called with what happens, for telemetry: see `meerkat-ts/telemetry`. */
  readonly observer?: RuntimeObserver
  /** Crash points, for tests. */
  readonly faults?: Faults
  /** Tells the time and waits; default: the machine's clock. */
  readonly clock?: ClockSource
  readonly ids?: Ids
}

/** The options, checked and completed. `invalid-params` names the one that is wrong. */
export function soundOptions<Options extends Omit<RuntimeOptions, 'store'>>(options: Options): Options {
  runLimits(options.maxConcurrentRuns)
  if (options.maxQueuedInputs !== undefined) demandCount('maxQueuedInputs', options.maxQueuedInputs)
  const { maxRunMs, abortGraceMs, storePatienceMs, idleMs, recoverEveryMs, retention } = options
  demandDurations({ maxRunMs, abortGraceMs, storePatienceMs, idleMs, recoverEveryMs })
  if (retention !== undefined) demandRetention(retention)
  return { ...options, clock: soundClock(options.clock) }
}

type Kind = readonly [isIt: (value: unknown) => boolean, words: string]

/** A number that `soundOptions` checks. */
const measured: Kind = [() => true, '']
const flag: Kind = [value => typeof value === 'boolean', 'true or false']
const callback: Kind = [value => typeof value === 'function', 'a function']
/** An object that must have the first methods, and may have the others. */
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

/** The options of a runtime; `invalid-params` names what is wrong. */
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
