/**
 * The `fetch` under the models of provider packages.
 *
 * Enforces: an answer ends when its protocol says so; what comes from a provider is bounded, whatever it sends; no time
 * limits act but those of the call.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { answerBody } from './answer-body.ts'
import { WIRE_LIMITS } from './fault.ts'
import { shortBody } from './short-body.ts'
import type { WireCall } from './wire-call.ts'

export type Fetch = typeof globalThis.fetch

const current = new AsyncLocalStorage<WireCall>()

/** Does the work of a model call: requests made in it have its limits. */
export function withWireCall<T>(call: WireCall, work: () => T): T {
  return current.run(call, work)
}

const ALONE: WireCall = { limits: WIRE_LIMITS, toolNames: [], heard: () => {} }

/** A `fetch` that reads answers as servers really send them; over another one where it is given. */
export function wireFetch(inner?: Fetch): Fetch {
  return async (input, init) => {
    const response = await (inner ?? patientFetch)(input, init)
    if (response.body === null) return response
    if (!response.ok) return withBody(response, shortBody(response.body))
    if (!isAnswer(response, input, init)) return response
    const isChat = /\/chat\/completions(?:\?|$)/.test(urlOf(input))
    const call = current.getStore() ?? ALONE
    return withBody(response, answerBody(response.body, { ...call, isChat }), 'text/event-stream')
  }
}

/** Whether it is an event stream, or stands where one was asked for. Binary streams are the package's own business. */
function isAnswer(response: Response, input: Parameters<Fetch>[0], init: RequestInit | undefined): boolean {
  const type = response.headers.get('content-type') ?? ''
  if (/\bevent-stream\b/i.test(type)) return true
  if (type !== '' && !/json|^text\//i.test(type)) return false
  const { body } = init ?? {}
  return /[?&]alt=sse\b/.test(urlOf(input)) || (typeof body === 'string' && /"stream":\s*true/.test(body))
}

function urlOf(input: Parameters<Fetch>[0]): string {
  return typeof input === 'string' ? input : input instanceof URL ? input.href : input.url
}

function withBody(response: Response, body: ReadableStream<Uint8Array>, contentType?: string): Response {
  const headers = new Headers(response.headers)
  // They speak of the bytes that were sent.
  for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) headers.delete(name)
  if (contentType !== undefined) headers.set('content-type', contentType)
  const { status, statusText } = response
  return new Response(body, { status, statusText, headers })
}

/** What of undici's dispatcher is used here. */
interface Dispatcher {
  dispatch(options: object, handler: unknown): boolean
}

/**
 * Node's `fetch` gives up after five minutes without a header, or without a byte of the body. A model may think for
 * longer, and the call has limits of its own; so each request says that it has none. It goes to whatever dispatcher the
 * process uses, a proxy for instance.
 */
const patientFetch: Fetch = (input, init) => {
  const dispatcher: Dispatcher = {
    dispatch(options, handler) {
      const target = globalDispatcher()
      if (target === undefined) throw new TypeError('this fetch has no dispatcher')
      return target.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler)
    },
  }
  const patient: object = { dispatcher }
  return globalThis.fetch(input, { ...init, ...patient })
}

/** Where undici keeps it, for all of its copies in a process. */
function globalDispatcher(): Dispatcher | undefined {
  const value: unknown = Reflect.get(globalThis, Symbol.for('undici.globalDispatcher.1'))
  return isDispatcher(value) ? value : undefined
}

function isDispatcher(value: unknown): value is Dispatcher {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'dispatch') === 'function'
}
