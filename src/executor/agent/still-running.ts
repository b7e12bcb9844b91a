/** The answer of a tool whose work goes on behind it. */
import { cutText, jsonOf, wellFormed } from '../../foreign.ts'
import { aDuration, checkOptions, type Fields, invalidOption, optional } from '../../options.ts'

export interface StillRunningOptions<Output> {
  /** What runs, for people: `build #42`. */
  readonly title: string
  /** How it ends, where this process will know. Without it somebody outside says so (`operation/finish`). */
  readonly finish?: PromiseLike<Output>
  /** What `resume` needs to take it up again after a restart: anything JSON can hold, up to 64 Ki characters. */
  readonly handle?: unknown
  /**
   * How long it may take, across restarts: a day unless told, and any time where somebody outside says how it ends. Then
   * it has failed (`timed-out`).
   */
  readonly maxMs?: number
}

const OPTIONS: Fields<StillRunningOptions<unknown>> = {
  title: { wanted: 'a text that is not empty', fits: value => typeof value === 'string' && value !== '' },
  finish: optional({ wanted: 'a promise', fits: isThenable }),
  handle: optional({ wanted: 'anything', fits: () => true }),
  maxMs: optional(aDuration),
}

const MAX_TITLE_CHARS = 200
const MAX_HANDLE_CHARS = 64 * 1024

/** What a tool returns whose work goes on behind its answer. Made by `stillRunning`. */
export class StillRunning<Output> {
  readonly title: string
  readonly finish: Promise<Output> | undefined
  readonly handle: unknown
  readonly maxMs: number | undefined

  constructor(options: StillRunningOptions<Output>) {
    checkOptions('stillRunning', options, OPTIONS)
    const { title, finish, handle, maxMs } = options
    this.finish = finish === undefined ? undefined : promised(finish)
    this.title = wellFormed(cutText(title, MAX_TITLE_CHARS))
    const json = handle === undefined ? undefined : jsonOf(handle, MAX_HANDLE_CHARS)
    if (json !== undefined && 'problem' in json)
      throw invalidOption('stillRunning', 'handle', `can't be kept as JSON: ${json.problem}`)
    this.handle = json?.value
    this.maxMs = maxMs
    Object.freeze(this)
    MADE.add(this)
  }
}

/** Known by identity: whoever looks at what a tool answered must not run the tool's code by it. */
const MADE = new WeakSet<object>()

export function isStillRunning(value: unknown): value is StillRunning<unknown> {
  return typeof value === 'object' && value !== null && MADE.has(value)
}

function promised<Output>(finish: PromiseLike<Output>): Promise<Output> {
  const promise = Promise.resolve(finish)
  // Whoever watches hears of it; until then it is nobody's unhandled rejection.
  promise.catch(() => {})
  return promise
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Answers a call whose work goes on in the background. */
export function stillRunning<Output>(options: StillRunningOptions<Output>): StillRunning<Output> {
  return new StillRunning(options)
}
