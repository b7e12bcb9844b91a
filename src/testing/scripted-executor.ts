/**
 * An executor that a test drives, call by call.
 *
 * Without a script each `apply` is given to the test by `next()` and waits until the test ends it; a run that the test
 * never ends is an executor that hangs and ignores its abort signal. With a script every `apply` runs the script.
 */
import { defined } from '../defined.ts'
import type { ApplyOutput, BoundaryAnswer, CoreExecutor, RunPort } from '../executor/executor.ts'
import type { CallId } from '../kernel/ids.ts'
import type { CallIntent } from '../kernel/regions/calls/input.ts'
import type { CallPolicy } from '../kernel/regions/calls/state.ts'
import { aBoolean, aFunction, checkArgument, checkOptions, optional } from '../options.ts'
import type { MessagePart, UsageRecord } from '../store/records.ts'

/** A tool call as a test asks for it. */
export interface ScriptedCall {
  readonly id: string
  /** Default `tool`. */
  readonly tool?: string
  /** Default `ask`. */
  readonly policy?: CallPolicy
  readonly needsApproval?: boolean
  readonly expiry?: CallIntent['expiry']
  readonly args?: unknown
}

/** The answer of a script: an output, or a text that completes the run. */
export type ScriptedAnswer = ApplyOutput | string

/** One `apply`, driven by the test. */
export class ScriptedRun {
  readonly port: RunPort
  /** The texts of the run's inputs, one a line. */
  readonly said: string
  readonly #ending = Promise.withResolvers<ApplyOutput>()
  #turn: number

  constructor(port: RunPort) {
    this.port = port
    this.said = port.inputs.map(({ content }) => (typeof content === 'string' ? content : '')).join('\n')
    this.#turn = port.turnsSoFar + 1
  }

  /** Streams a piece of the turn's text. */
  stream(text: string): void {
    this.port.stream({ type: 'text.delta', turn: this.#turn, text })
  }

  /** The model asks for tools; resolves when the intents are recorded. */
  async ask(calls: readonly ScriptedCall[], text: string = '', usage?: UsageRecord): Promise<void> {
    const requests = calls.map(
      ({ id, tool = 'tool', args = {} }): MessagePart => ({ type: 'tool-call', callId: id, name: tool, args }),
    )
    const said: readonly MessagePart[] = text === '' ? [] : [{ type: 'text', text }]
    await this.port.intend({
      turn: this.#turn,
      message: { role: 'assistant', content: [...said, ...requests] },
      ...(usage && { usage }),
      calls: calls.map(({ id, tool = 'tool', policy = 'ask', needsApproval, expiry }) => ({
        callId: id as CallId,
        tool,
        policy,
        ...(needsApproval === true && { needsApproval }),
        ...(expiry && { expiry }),
      })),
    })
  }

  /** Dispatches owed calls again. */
  async dispatch(...ids: readonly string[]): Promise<void> {
    await this.port.dispatch(ids as readonly CallId[])
  }

  /** Reports the outcome of a call. */
  async outcome(id: string, output: unknown = 'ok', ok: boolean = true): Promise<void> {
    const name = this.port.calls().find(call => call.id === id)?.tool ?? 'tool'
    await this.port.outcomes([{ callId: id as CallId, name, ok, output }])
  }

  /** Commits the boundary once every call has an outcome; the next turn begins. */
  async boundary(): Promise<BoundaryAnswer> {
    const answer = await this.port.boundary({ turn: this.#turn })
    this.#turn++
    return answer
  }

  /** Asks for one tool, gets its outcome and commits the boundary. */
  async useTool(call: ScriptedCall, output: unknown = 'ok'): Promise<BoundaryAnswer> {
    await this.ask([call])
    await this.outcome(call.id, output)
    return this.boundary()
  }

  /** Ends the run with an answer. */
  answer(text: string, more: { readonly output?: unknown; readonly usage?: UsageRecord } = {}): void {
    this.end(textOutput(text, this.#turn, more))
  }

  /** Makes `apply` throw, so that the attempt fails. */
  throw(error: unknown): void {
    this.#ending.reject(error)
  }

  /** Ends the run. */
  end(output: ApplyOutput): void {
    this.#ending.resolve(output)
  }

  /** The promise that `apply` returns. */
  get ended(): Promise<ApplyOutput> {
    return this.#ending.promise
  }
}

export interface ScriptedExecutor extends CoreExecutor {
  /** The next `apply` that the test has not taken yet, in the order of the calls. */
  next(): Promise<ScriptedRun>
  /** All runs so far, taken by `next()` or not. */
  readonly applied: readonly ScriptedRun[]
}

/** An executor that plays a script, or waits for the test to drive each run. */
export function scriptedExecutor(
  script?: (run: ScriptedRun) => ScriptedAnswer | Promise<ScriptedAnswer>,
  options: { readonly hearsWhileParked?: boolean } = {},
): ScriptedExecutor {
  if (script !== undefined) checkArgument('scriptedExecutor', 'script', script, aFunction)
  checkOptions('scriptedExecutor', options, { hearsWhileParked: optional(aBoolean) })
  const { hearsWhileParked = false } = options
  const applied: ScriptedRun[] = []
  const untaken: ScriptedRun[] = []
  const takers: ((run: ScriptedRun) => void)[] = []
  return {
    name: 'scripted',
    hearsWhileParked: () => hearsWhileParked,
    applied,
    async apply(port) {
      const run = new ScriptedRun(port)
      applied.push(run)
      if (script !== undefined) {
        const answer = await script(run)
        return typeof answer === 'string' ? textOutput(answer, undefined) : answer
      }
      const taker = takers.shift()
      if (taker === undefined) untaken.push(run)
      else taker(run)
      return run.ended
    },
    next() {
      const run = untaken.shift()
      if (run !== undefined) return Promise.resolve(run)
      return new Promise(resolve => {
        takers.push(resolve)
      })
    },
  }
}

function textOutput(
  text: string,
  turn: number | undefined,
  more: { readonly output?: unknown; readonly usage?: UsageRecord } = {},
): ApplyOutput {
  const message = { role: 'assistant', content: text } as const
  return { type: 'completed', message, ...defined({ turn }), ...more }
}
