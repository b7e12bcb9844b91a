/** Follows a server's events over as many connections as it takes. */
import { MeerkatError } from '../errors.ts'
import type { EventView } from '../events.ts'
import { SseParser } from './sse.ts'
import { foreignError } from './wire-error.ts'

/** An event as this release knows it; a newer server may send types that are not in the union. */
export type ClientEvent = EventView

export interface FollowOptions {
  /** Opens the stream behind a cursor; fails with a `MeerkatError`. */
  readonly open: (after: string | undefined, signal: AbortSignal) => Promise<Response>
  readonly after?: string
  readonly signal?: AbortSignal
  /** The wait before attempt 1, 2, … to connect again. */
  readonly retryDelayMs: (attempt: number) => number
  /** A stream that is silent for longer counts as dead; the server's heartbeats come more often. */
  readonly silenceMs: number
}

/**
 * Every event exactly once and in order: a connection that breaks is opened again behind the last event that was
 * delivered. Ends when the signal aborts. Fails where the first connection can't be made, and later only for a reason
 * that another attempt can't mend.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<ClientEvent, void, undefined> {
  const { signal = new AbortController().signal, retryDelayMs } = options
  let { after } = options
  let response: Response | 'aborted' | 'lost' = await connect(options, after, signal)
  for (let attempt = 1; response !== 'aborted'; attempt += 1) {
    if (response !== 'lost') {
      for await (const event of eventsOf(response, options.silenceMs)) {
        attempt = 1
        after = event.cursor
        yield event
      }
    }
    await pause(retryDelayMs(attempt), signal)
    response = await connect(options, after, signal).catch(lostIfRetryable)
  }
}

async function connect(
  { open }: FollowOptions,
  after: string | undefined,
  signal: AbortSignal,
): Promise<Response | 'aborted'> {
  if (signal.aborted) return 'aborted'
  try {
    const response = await open(after, signal)
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) return response
    throw foreignError(response)
  } catch (error) {
    if (isAborted(signal)) return 'aborted'
    throw error
  }
}

/**
 * Tries until there is an answer, or a failure that another attempt can't mend. Answers `ifAborted` once the signal
 * aborts.
 */
export async function persist<T>(
  ask: () => Promise<T>,
  {
    ifAborted,
    signal = new AbortController().signal,
    retryDelayMs,
  }: Pick<FollowOptions, 'retryDelayMs'> & { readonly ifAborted: T; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  for (let attempt = 1; !isAborted(signal); attempt += 1) {
    try {
      return await ask()
    } catch (error) {
      if (isAborted(signal)) break
      lostIfRetryable(error)
      await pause(retryDelayMs(attempt), signal)
    }
  }
  return ifAborted
}

function lostIfRetryable(error: unknown): 'lost' {
  if (error instanceof MeerkatError && error.retryable) return 'lost'
  throw error
}

/** A function, because the compiler assumes that a property stays the same across an `await`. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}

/** The events of one connection, until it ends or breaks. */
async function* eventsOf(response: Response, silenceMs: number): AsyncGenerator<ClientEvent, void, undefined> {
  if (response.body === null) return
  const parser = new SseParser()
  // Not every browser can iterate a stream, so it is read with a reader.
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  try {
    for (let bytes = await readWithin(reader, silenceMs); bytes; bytes = await readWithin(reader, silenceMs)) {
      for (const { data } of parser.push(decoder.decode(bytes, { stream: true }))) yield parseEvent(data, response)
    }
  } finally {
    // A stream that has failed can't be cancelled, and needs not be.
    await reader.cancel().catch(() => {})
  }
}

/** The next bytes; undefined where the stream ended, broke or was silent for too long. */
async function readWithin(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  silenceMs: number,
): Promise<Uint8Array | undefined> {
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), silenceMs)
  try {
    return (await reader.read()).value
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}

function parseEvent(data: string, response: Response): ClientEvent {
  try {
    // A server writes events of this type.
    return JSON.parse(data) as ClientEvent
  } catch {
    throw foreignError(response)
  }
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, delayMs)
  const stop = (): void => resolve()
  signal.addEventListener('abort', stop)
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', stop)
}
