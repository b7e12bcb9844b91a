/**
 * Node's `fetch` without its time limits, and with a way past its streams.
 *
 * It gives up after five minutes without a header, or without a byte of the body. A model may think for longer, and the
 * call has limits of its own; so each request says that it has none. It goes to whatever dispatcher the process uses, a
 * proxy for instance.
 *
 * A byte stream of `fetch` costs more for every token than all that is done with the token. Where the dispatcher lets
 * them be seen, the bytes of an answer are therefore taken where they come off the connection.
 */
import { isRecord } from '../agent/parts.ts'

type Fetch = typeof globalThis.fetch

/** What takes the bytes of a body as they come off the connection. */
export interface Sink {
  /** Answers whether more is taken now; where it is not, `resume` says when. */
  push(bytes: Uint8Array): boolean
  end(): void
  fail(error: unknown): void
  /** How the connection is told that bytes are taken again. */
  resumeBy(resume: () => void): void
}

/** Asked once the head of a successful answer is here: a sink takes the body, and the response's own stays empty. */
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

/** What of undici's dispatcher is used here. */
interface Dispatcher {
  dispatch(options: object, handler: unknown): boolean
}

/** Where undici keeps it, for all of its copies in a process. */
function globalDispatcher(): Dispatcher | undefined {
  const value: unknown = Reflect.get(globalThis, Symbol.for('undici.globalDispatcher.1'))
  return isDispatcher(value) ? value : undefined
}

function isDispatcher(value: unknown): value is Dispatcher {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'dispatch') === 'function'
}

/** How undici tells `fetch` of an answer. */
interface Handler {
  onHeaders(status: number, rawHeaders: readonly unknown[], resume: () => void, statusText: string): boolean
  onData(bytes: Uint8Array): boolean
  onComplete(trailers: unknown): void
  onError(error: unknown): void
}

function isHandler(value: unknown): value is Handler {
  if (!isRecord(value)) return false
  return ['onHeaders', 'onData', 'onComplete', 'onError'].every(name => typeof value[name] === 'function')
}

/** The handler, with a tap on it. One of another form stays as it is: its bodies are read as streams. */
function tapped(handler: unknown, tap: Tap): unknown {
  if (!isHandler(handler)) return handler
  let sink: Sink | undefined
  const own: Handler = {
    onHeaders(status, rawHeaders, resume, statusText) {
      sink = status >= 200 && status < 300 ? tap(headOf(rawHeaders)) : undefined
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
      // As a stream of `fetch` breaks.
      sink?.fail(new TypeError('terminated', { cause: error }))
      handler.onError.call(this, error)
    },
  }
  return Object.setPrototypeOf(own, handler) as unknown
}

/** Headers come as they were sent: a name, its value or values, the next name. */
function headOf(rawHeaders: readonly unknown[]): Parameters<Tap>[0] {
  const valueOf = (name: string): string => {
    const at = rawHeaders.findIndex((value, index) => index % 2 === 0 && String(value).toLowerCase() === name)
    return at === -1 ? '' : String(rawHeaders[at + 1])
  }
  return { contentType: valueOf('content-type'), isEncoded: !/^(?:identity)?$/i.test(valueOf('content-encoding')) }
}
