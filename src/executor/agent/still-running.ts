/** The answer of a tool whose work goes on afterwards. */
import { cutText, jsonOf, wellFormed } from '../../foreign.ts'
import { aDuration, checkOptions, type Fields, invalidOption, optional } from '../../options.ts'

export interface StillRunningOptions<Output> {
  /** The name of the work, for people: `build #42`. */
  readonly title: string
  /**
   * Resolves with the result, where this process will know it. Without it, the end is reported from outside
   * (`operation/finish`).
   */
  readonly finish?: PromiseLike<Output>
  /** What `resume` needs to continue after a restart: any JSON value of up to 64 Ki characters. */
  readonly handle?: unknown
  /**
   * How long the work may take, across restarts; default one day, and no limit where its end is reported from outside.
   * Then the operation has failed (`timed-out`).
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

/** What a tool returns whose work goes on afterwards. Made by `stillRunning`. */
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

/** Recognised by identity, because reading a tool's answer must not run the tool's code. */
const MADE = new WeakSet<object>()

export function isStillRunning(value: unknown): value is StillRunning<unknown> {
  return typeof value === 'object' && value !== null && MADE.has(value)
}

function promised<Output>(finish: PromiseLike<Output>): Promise<Output> {
  const promise = Promise.resolve(finish)
  // The code that waits for the operation handles a rejection; until then it must not count as unhandled.
  promise.catch(() => {})
  return promise
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Answers a tool call whose work goes on in the background. */
export function stillRunning<Output>(options: StillRunningOptions<Output>): StillRunning<Output> {
  return new StillRunning(options)
}
