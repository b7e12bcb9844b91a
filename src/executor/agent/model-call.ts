/**
 * One call of a model: reads the stream to its end, or to the failure, timeout or abort that ends it.
 *
 * Every wait is bounded: the time to the first content, the gap between two parts, and the whole call.
 */
import type { CallId } from '../../kernel/ids.ts'
import { carried, tell, within } from '../../observer.ts'
import type { MessagePart, UsageRecord } from '../../store/records.ts'
import { Turns } from '../../turns.ts'
import { UNMEASURED } from '../../usage.ts'
import type { AbortCause, RunPort } from '../executor.ts'
import type { WireLimits } from '../wire/fault.ts'
import { withWireCall } from '../wire/fetch.ts'
import type { WireCall } from '../wire/wire-call.ts'
import { Collector, type FinishReason, withCallsCutOff } from './collect.ts'
import type { CallOptions, StreamingModel, StreamPart } from './model.ts'
import {
  contextFull,
  emptyAnswer,
  type ModelFailure,
  modelFailure,
  tooSlow,
  unfinishedStream,
} from './model-failure.ts'
import { saysTooLong } from './overflow.ts'
import { Stage, Stopped } from './stage.ts'

export interface CallLimits extends WireLimits {
  /** The limit between two parts of the stream. */
  readonly streamStallMs: number
  /** The limit until the first content; models that think first are silent for long. */
  readonly firstContentMs: number
  /** The limit of the whole call. */
  readonly callTimeoutMs: number
}

interface Said {
  readonly turn: number
  readonly parts: readonly MessagePart[]
  readonly usage?: UsageRecord
}

export type CallEnd =
  | (Said & { readonly type: 'reply'; readonly finish: FinishReason })
  | (Said & { readonly type: 'failed'; readonly failure: ModelFailure })
  | (Said & { readonly type: 'stopped'; readonly cause: AbortCause })

export interface ModelCall {
  readonly model: StreamingModel
  readonly options: CallOptions
  readonly turn: number
  readonly limits: CallLimits
  readonly newCallId: () => CallId
}

/** The part of a run's port that a model call uses. */
export type CallPort = Pick<RunPort, 'signal' | 'deadline' | 'clock' | 'stream' | 'sessionId' | 'runId' | 'observer'>

/** Beginning a request takes a millisecond or two: where many begin at once, streams are read in between. */
const beginnings = new Turns()

/** Makes one call and announces its deltas. Never throws because of a model or provider. */
export async function callModel(
  port: CallPort,
  { model, options, turn, limits, newCallId }: ModelCall,
): Promise<CallEnd> {
  const collector = new Collector({ turn, newCallId, limits, stream: event => port.stream(event) })
  const stage = new Stage(port, limits.callTimeoutMs)
  const silence = new Silence(port.clock, limits, collector, () => stage.stop('timeout'))
  const at = port.clock.now()
  const since = port.clock.monotonic()
  port.stream({ type: 'turn.started', turn })
  const toolNames = (options.tools ?? []).map(({ name }) => name)
  let isRead = false
  const said: WireCall['said'] = (kind, text, owed) => {
    silence.heard()
    return !isRead && collector.ahead(kind, text, owed)
  }
  const wire = { limits, toolNames, heard: () => silence.heard(), said }
  const { provider, modelId } = model
  const { sessionId, runId } = port
  const observed = { kind: 'model', sessionId, runId, turn, provider, model: modelId, at } as const
  const begin = (): ReturnType<StreamingModel['doStream']> => {
    const trace = carried(port.observer)
    const headers = trace.traceparent === undefined ? {} : { headers: { ...options.headers, ...trace } }
    return model.doStream({ ...options, ...headers, abortSignal: stage.signal })
  }
  const thrown = await read(
    stage,
    async () => {
      await beginnings.next()
      return await withWireCall(wire, () => within(port.observer, observed, begin))
    },
    part => {
      silence.heard()
      collector.add(part)
      return collector.finish !== undefined || collector.error !== undefined
    },
  )
  isRead = true
  collector.end()
  silence.end()
  stage.end()
  const end = judge(port, model, turn, { stage, silence, collector, thrown })
  port.stream({ type: 'turn.ended', turn, finish: finishOf(end), ...usageField(collector.usage) })
  tell(port.observer, 'modelCalled', () => ({
    sessionId: port.sessionId,
    runId: port.runId,
    turn,
    provider: model.provider,
    model: model.modelId,
    at,
    durationMs: Math.round(port.clock.monotonic() - since),
    finish: finishOf(end),
    failed: end.type === 'failed',
    ...usageField(collector.usage),
  }))
  for (const message of collector.warnings) port.stream({ type: 'notice', code: 'model-warning', message })
  return end
}

interface Thrown {
  readonly error: unknown
}

/**
 * Reads all parts without waiting in between, because a stream that fails drops the parts that were not read. Ends with
 * the part that says so, not with the connection.
 *
 * @param onPart Answers whether this was the last part.
 */
async function read(
  stage: Stage,
  open: () => PromiseLike<{ readonly stream: ReadableStream<StreamPart> }>,
  onPart: (part: StreamPart) => boolean,
): Promise<Thrown | undefined> {
  let leave = (): void => {}
  let opening: PromiseLike<{ readonly stream: ReadableStream<StreamPart> }> | undefined
  try {
    opening = open()
    const { stream } = await stage.race(opening)
    opening = undefined
    const reader = stream.getReader()
    // A stream that has failed can't be cancelled, and needs not be.
    leave = () => void reader.cancel().catch(() => undefined)
    // Cancelling answers a pending read at once, even if the provider ignores its signal.
    stage.signal.addEventListener('abort', leave)
    for (let next = await reader.read(); !next.done; next = await reader.read()) if (onPart(next.value)) break
    leave()
    return undefined
  } catch (error) {
    leave()
    // A provider that ignores its signal may still open the stream, which is closed then unread.
    opening?.then(
      ({ stream }) => stream.cancel().catch(() => undefined),
      () => undefined,
    )
    return error instanceof Stopped ? undefined : { error }
  }
}

interface Ended {
  readonly stage: Stage
  readonly silence: Silence
  readonly collector: Collector
  readonly thrown: Thrown | undefined
}

function judge(
  port: CallPort,
  model: StreamingModel,
  turn: number,
  { stage, silence, collector, thrown }: Ended,
): CallEnd {
  const parts = collector.parts()
  const said: Said = { turn, parts, ...usageField(collector.usage) }
  const failed = (failure: ModelFailure): CallEnd => ({ ...said, type: 'failed', failure })
  // A finished answer stands, even if the run aborted a moment later.
  const { finish } = collector
  const whole = finish !== undefined && finish !== 'error' && finish !== 'interrupted' && collector.error === undefined
  if (!whole && stage.cause !== undefined) {
    return stage.cause === 'timeout'
      ? failed(tooSlow(model, silence.reason()))
      : { ...said, type: 'stopped', cause: stage.cause }
  }
  const error = collector.error === undefined ? thrown?.error : collector.error.value
  if (!whole && error !== undefined) return failed(modelFailure(error, model, port.clock.now()))
  if (!whole) return failed(unfinishedStream(model))
  const bad = wholeFailure(model, collector, parts)
  return bad === undefined
    ? { ...said, type: 'reply', finish, parts: finish === 'length' ? withCallsCutOff(parts) : parts }
    : failed(bad)
}

/** What is wrong with a complete answer; undefined: nothing. */
function wholeFailure(
  model: StreamingModel,
  { finish, rawFinish = '' }: Collector,
  parts: readonly MessagePart[],
): ModelFailure | undefined {
  if (finish === 'content-filter') {
    const message = `the provider's content filter stopped ${model.modelId}: put the request differently`
    return { code: 'content-filtered', message }
  }
  if (parts.some(part => part.type !== 'reasoning')) return undefined
  return saysTooLong('', [rawFinish]) ? contextFull(model) : emptyAnswer(model)
}

/** What a call cost. One that ended without a count did cost something, unless the model never read it. */
export function costOf(end: CallEnd): UsageRecord | undefined {
  if (end.usage !== undefined) return end.usage
  const isRefused = end.type === 'failed' && end.parts.length === 0 && REFUSED.has(end.failure.code)
  return isRefused ? undefined : { calls: 1, ...UNMEASURED }
}

/** Codes of failures that come in the place of an answer. */
const REFUSED: ReadonlySet<string> = new Set([
  'unauthorized',
  'unsupported',
  'quota-exhausted',
  'context-too-long',
  'model-not-found',
  'rate-limited',
  'bad-request',
  'provider-error',
  'provider-unreachable',
])

function finishOf(end: CallEnd): string {
  if (end.type === 'reply') return end.finish
  return end.type === 'failed' ? end.failure.code : end.cause
}

function usageField(usage: UsageRecord | undefined): { readonly usage?: UsageRecord } {
  return usage === undefined ? {} : { usage }
}

/** Watches a stream for silence, with one timer however many parts come. */
class Silence {
  readonly #clock: RunPort['clock']
  readonly #limits: CallLimits
  readonly #collector: Collector
  readonly #onTooLong: () => void
  #heardAt: number
  #tooLong = false
  #callOff: () => void = () => {}

  constructor(clock: RunPort['clock'], limits: CallLimits, collector: Collector, onTooLong: () => void) {
    this.#clock = clock
    this.#limits = limits
    this.#collector = collector
    this.#onTooLong = onTooLong
    this.#heardAt = clock.monotonic()
    this.#watch()
  }

  heard(): void {
    this.#heardAt = this.#clock.monotonic()
  }

  end(): void {
    this.#callOff()
  }

  /** What was too slow, after the stage has stopped because of it. */
  reason(): string {
    if (!this.#tooLong) return `was not done within ${seconds(this.#limits.callTimeoutMs)}`
    return this.#collector.begun
      ? `stopped in the middle of its answer for ${seconds(this.#limitMs)}`
      : `said nothing for ${seconds(this.#limitMs)}`
  }

  get #limitMs(): number {
    return this.#collector.begun ? this.#limits.streamStallMs : this.#limits.firstContentMs
  }

  #watch(): void {
    // The timer is set for the shorter limit; when it fires, the parts that came meanwhile decide.
    const leftMs = this.#heardAt + this.#limitMs - this.#clock.monotonic()
    if (leftMs <= 0) {
      this.#tooLong = true
      this.#onTooLong()
      return
    }
    const nextMs = Math.min(leftMs, this.#limits.streamStallMs)
    this.#callOff = this.#clock.after(nextMs, () => this.#watch())
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}
