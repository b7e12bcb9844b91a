/**
 * Node's `fetch` without its time limits, and with a way past its streams.
 *
 * It gives up after five minutes without a header, or without a byte of the body. A model may think longer, and a call
 * has limits of its own; so each request turns these off. It uses the process's dispatcher, for example a proxy's.
 *
 * A byte stream of `fetch` costs more for every token than all other work on the token. So where the dispatcher allows
 * it, the bytes of an answer are taken directly from the connection.
 */
import { isRecord } from '../agent/parts.ts'

type Fetch = typeof globalThis.fetch

/** Takes the bytes of a body as they come from the connection. */
export interface Sink {
  /** Answers whether it takes more now; otherwise it calls `resume` later. */
  push(bytes: Uint8Array): boolean
  end(): void
  fail(error: unknown): void
  /** Sets how to tell the connection that bytes are taken again. */
  resumeBy(resume: () => void): void
}

/**
 * Called with the head of a successful answer: where it answers a sink, that gets the body, and the response's own
 * stays empty.
 */
export type Tap = (head: { readonly contentType: string; readonly isEncoded: boolean }) => Sink | undefined

export const patientFetch = (tap: Tap, ...[input, init]: Parameters<Fetch>): ReturnType<Fetch> => {
  const dispatcher: Dispatcher = {
    dispatch(options, handler) {
      const target = globalDispatcher()
      if (target === undefined) throw new TypeError('this fetch has no dispatcher')
      return target.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, tapped(handler, tap))
    },
  }
  const patient: object = { dispatcher }
  return globalThis.fetch(input, { ...init, ...patient })
}

/** The part of undici's dispatcher that is used here. */
interface Dispatcher {
  dispatch(options: object, handler: unknown): boolean
}

/** Where undici keeps the dispatcher of all its copies in a process. */
function globalDispatcher(): Dispatcher | undefined {
  const value: unknown = Reflect.get(globalThis, Symbol.for('undici.globalDispatcher.1'))
  return isDispatcher(value) ? value : undefined
}

function isDispatcher(value: unknown): value is Dispatcher {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'dispatch') === 'function'
}

/** What the dispatchers up to undici 7 call with the parts of an answer. */
interface RawHandler {
  onHeaders(status: number, rawHeaders: readonly unknown[], resume: () => void, statusText: string): boolean
  onData(bytes: Uint8Array): boolean
  onComplete(trailers: unknown): void
  onError(error: unknown): void
}

/** What later dispatchers call. */
interface Handler {
  onResponseStart(controller: Controller, status: number, headers: Headers, statusText: string): void
  onResponseData(controller: Controller, bytes: Uint8Array): void
  onResponseEnd(controller: Controller, trailers: unknown): void
  onResponseError(controller: Controller, error: unknown): void
}

interface Controller {
  pause(): void
  resume(): void
}

type Headers = Readonly<Record<string, unknown>>

function has<T>(value: unknown, methods: readonly (keyof T & string)[]): value is T {
  return isRecord(value) && methods.every(name => typeof value[name] === 'function')
}

/** The handler with a tap. A handler of another form stays as it is, and bodies are read as streams. */
function tapped(handler: unknown, tap: Tap): unknown {
  if (has<Handler>(handler, ['onResponseStart', 'onResponseData', 'onResponseEnd', 'onResponseError'])) {
    return Object.setPrototypeOf(tappedHandler(handler, tap), handler) as unknown
  }
  if (has<RawHandler>(handler, ['onHeaders', 'onData', 'onComplete', 'onError'])) {
    return Object.setPrototypeOf(tappedRaw(handler, tap), handler) as unknown
  }
  return handler
}

function tappedHandler(handler: Handler, tap: Tap): Handler {
  let sink: Sink | undefined
  return {
    onResponseStart(controller, status, headers, statusText) {
      sink = sinkFor(tap, status, name => headers[name])
      sink?.resumeBy(() => controller.resume())
      handler.onResponseStart.call(this, controller, status, headers, statusText)
    },
    onResponseData(controller, bytes) {
      if (sink === undefined) handler.onResponseData.call(this, controller, bytes)
      else if (!sink.push(bytes)) controller.pause()
    },
    onResponseEnd(controller, trailers) {
      sink?.end()
      handler.onResponseEnd.call(this, controller, trailers)
    },
    onResponseError(controller, error) {
      sink?.fail(broken(error))
      handler.onResponseError.call(this, controller, error)
    },
  }
}

function tappedRaw(handler: RawHandler, tap: Tap): RawHandler {
  let sink: Sink | undefined
  return {
    onHeaders(status, rawHeaders, resume, statusText) {
      sink = sinkFor(tap, status, name => {
        // Raw headers are a list: a name, its value or values, the next name.
        const at = rawHeaders.findIndex((value, index) => index % 2 === 0 && textOf(value).toLowerCase() === name)
        return at === -1 ? undefined : rawHeaders[at + 1]
      })
      sink?.resumeBy(resume)
      return handler.onHeaders.call(this, status, rawHeaders, resume, statusText)
    },
    onData(bytes) {
      return sink === undefined ? handler.onData.call(this, bytes) : sink.push(bytes)
    },
    onComplete(trailers) {
      sink?.end()
      handler.onComplete.call(this, trailers)
    },
    onError(error) {
      sink?.fail(broken(error))
      handler.onError.call(this, error)
    },
  }
}

function sinkFor(tap: Tap, status: number, valueOf: (header: string) => unknown): Sink | undefined {
  if (status < 200 || status >= 300) return undefined
  const isEncoded = !/^(?:identity)?$/i.test(textOf(valueOf('content-encoding')))
  return tap({ contentType: textOf(valueOf('content-type')), isEncoded })
}

/** A header's value: text, bytes, or several of them. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(', ')
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  return typeof value === 'string' ? value : ''
}

/** The error with which a stream of `fetch` breaks. */
function broken(cause: unknown): TypeError {
  return new TypeError('terminated', { cause })
}
