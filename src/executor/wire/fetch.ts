/**
 * The `fetch` that models of provider packages use.
 *
 * Enforces: an answer ends when its protocol says so; what a provider sends is bounded; no time limits apply but those
 * of the call.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { AnswerBody, answerBody } from './answer-body.ts'
import { WIRE_LIMITS } from './fault.ts'
import { patientFetch, type Tap } from './patient-fetch.ts'
import { shortBody } from './short-body.ts'
import type { WireCall } from './wire-call.ts'

export type Fetch = typeof globalThis.fetch

const current = new AsyncLocalStorage<WireCall>()

/** Performs a model call: requests made during it get its limits. */
export function withWireCall<T>(call: WireCall, work: () => T): T {
  return current.run(call, work)
}

const ALONE: WireCall = { limits: WIRE_LIMITS, toolNames: [], heard: () => {} }

/** A `fetch` that tolerates what servers really send; around another `fetch` where one is given. */
export function wireFetch(inner?: Fetch): Fetch {
  return async (input, init) => {
    const call = current.getStore() ?? ALONE
    const isChat = /\/chat\/completions(?:\?|$)/.test(urlOf(input))
    const options = { ...call, isChat }
    let direct: AnswerBody | undefined
    const tap: Tap = ({ contentType, isEncoded }) => {
      direct = isEncoded || !isAnswer(contentType, input, init) ? undefined : new AnswerBody(options)
      return direct
    }
    const response = await (inner ?? ((...given) => patientFetch(tap, ...given)))(input, init)
    const { body, ok, headers } = response
    if (body === null) return response
    if (!ok) return withBody(response, shortBody(body))
    if (direct !== undefined) {
      // The bytes bypass this stream, which has to be kept all the same: when it is garbage-collected, it is cancelled.
      const held = body.getReader()
      direct.from(reason => held.cancel(reason))
      return withBody(response, direct.stream, 'text/event-stream')
    }
    if (!isAnswer(headers.get('content-type') ?? '', input, init)) return response
    return withBody(response, answerBody(body, options), 'text/event-stream')
  }
}

/** Whether it is an event stream, or stands where one was asked for. Binary streams are left to the package. */
function isAnswer(type: string, input: Parameters<Fetch>[0], init: RequestInit | undefined): boolean {
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
  // These headers describe the bytes that were sent, and not the ones that are passed on.
  for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) headers.delete(name)
  if (contentType !== undefined) headers.set('content-type', contentType)
  const { status, statusText } = response
  return new Response(body, { status, statusText, headers })
}
