/** A typed client for a meerkat server. It needs only `fetch`, so it runs in browsers too. */
import { jsonOf } from '../foreign.ts'
import { eventsOfInput, FINAL_INPUT_EVENTS } from '../input-events.ts'
import {
  aFunction,
  aSignal,
  aText,
  aToken,
  aWord,
  checkArgument,
  checkOptions,
  type Field,
  type Fields,
  invalidOption,
  optional,
} from '../options.ts'
import type { OperationName, OperationParams, OperationResult } from '../surfaces/operations.ts'
import { type ClientEvent, follow, persist } from './follow.ts'
import { foreignError, responseError, unreachable } from './wire-error.ts'

export interface ClientOptions {
  /** The address of the server, such as `http://127.0.0.1:4747`. */
  readonly url: string | URL
  readonly token?: string
  /** Used in the place of the global `fetch`. */
  readonly fetch?: typeof fetch
  /** The wait before attempt 1, 2, … to follow events again. */
  readonly retryDelayMs?: (attempt: number) => number
}

export interface EventsOptions {
  /** Only events of this session; default: of all sessions. */
  readonly sessionId?: string
  /** Only events behind this cursor; default: from the first event on. */
  readonly after?: string
  /** Ends the iteration. */
  readonly signal?: AbortSignal
}

export interface InputEventsOptions {
  readonly sessionId: string
  readonly inputId: string
  /** The cursor that `input/send` answered. Default: the whole log is searched. */
  readonly after?: string
  /** Ends the iteration. */
  readonly signal?: AbortSignal
}

export interface Client {
  /** Calls an operation. Fails with a `MeerkatError`; its `retryable` says whether the same call may succeed later. */
  readonly call: <Name extends OperationName>(
    name: Name,
    params: OperationParams<Name>,
    options?: { readonly signal?: AbortSignal },
  ) => Promise<OperationResult<Name>>
  /** Events as they happen, each exactly once and in order, over as many connections as that takes. */
  readonly events: (options?: EventsOptions) => AsyncIterable<ClientEvent>
  /** The events about one input; the iteration ends when the input ends, in whatever way. */
  readonly inputEvents: (options: InputEventsOptions) => AsyncIterable<ClientEvent>
}

/** How many events are read at once. */
const PAGE = 200
/** A stream counts as dead after missing three of the server's heartbeats. */
const SILENCE_MS = 50_000

const aServer: Field = {
  wanted: 'where the server is, such as http://127.0.0.1:4747',
  fits: value => {
    const url = typeof value === 'string' || value instanceof URL ? URL.parse(String(value)) : null
    return url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.search}${url.hash}` === ''
  },
}
const CLIENT: Fields<ClientOptions> = {
  url: aServer,
  token: optional(aToken),
  fetch: optional(aFunction),
  retryDelayMs: optional(aFunction),
}
const CALL = { signal: optional(aSignal) }
const EVENTS: Fields<EventsOptions> = { sessionId: optional(aWord), after: optional(aText), ...CALL }
const INPUT_EVENTS: Fields<InputEventsOptions> = {
  sessionId: aWord,
  inputId: aWord,
  after: optional(aText),
  ...CALL,
}

export function createClient(options: ClientOptions): Client {
  checkOptions('createClient', options, CLIENT)
  const base = String(options.url).replace(/\/+$/, '')
  const request = (path: string, init: RequestInit): Promise<Response> => send(options, base + path, init)
  const client: Client = {
    async call<Name extends OperationName>(
      name: Name,
      params: OperationParams<Name>,
      called: { readonly signal?: AbortSignal } = {},
    ) {
      checkOptions('call', called, CALL)
      checkArgument('call', 'name', name, anOperation)
      const { signal } = called
      const response = await request(`/v1/${name}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: bodyOf(params),
        ...(signal === undefined ? {} : { signal }),
      })
      return readResult<Name>(response)
    },
    events(given = {}) {
      checkOptions('events', given, EVENTS)
      const { sessionId, ...rest } = given
      return follow({
        ...rest,
        open: (after, signal) => request(eventsPath(sessionId, after), { signal }),
        retryDelayMs: options.retryDelayMs ?? backOff,
        silenceMs: SILENCE_MS,
      })
    },
    inputEvents(given) {
      checkOptions('inputEvents', given, INPUT_EVENTS)
      return inputEvents(client, given, options.retryDelayMs ?? backOff)
    },
  }
  return client
}

const anOperation: Field = {
  wanted: 'the name of an operation, such as session/get',
  fits: value => typeof value === 'string' && /^[\w/-]+$/.test(value),
}

/** The server checks parameters; here they only have to be what JSON can carry. */
function bodyOf(params: unknown): string {
  const json = jsonOf(params)
  if ('problem' in json) throw invalidOption('call', 'params', `can't be sent as JSON: ${json.problem}`)
  return json.text
}

/** Asks again while the server can't be reached, because the input goes on without its reader. */
function inputEvents(
  client: Client,
  { sessionId, inputId, after = '0', signal }: InputEventsOptions,
  retryDelayMs: (attempt: number) => number,
): AsyncIterable<ClientEvent> {
  const options = signal === undefined ? {} : { signal }
  const again = <T>(ask: () => Promise<T>, ifAborted: T): Promise<T> =>
    persist(ask, { ifAborted, signal, retryDelayMs })
  return eventsOfInput<ClientEvent>({
    inputId,
    after,
    signal,
    read: async (from, waitMs) => {
      const ask = () => client.call('events/read', { sessionId, after: from, limit: PAGE, waitMs }, options)
      const page = await again(ask, { events: [], cursor: from })
      // A server writes events of this type.
      return page as unknown as { readonly events: readonly ClientEvent[]; readonly cursor: string }
    },
    isOpen: () =>
      again(async () => {
        const { status } = await client.call('input/wait', { sessionId, inputId, waitMs: 0 }, options)
        return !FINAL_INPUT_EVENTS.has(`input.${status}`)
      }, false),
  })
}

/** The result in an answer. The server checked it against the table that the type comes from. */
async function readResult<Name extends OperationName>(response: Response): Promise<OperationResult<Name>> {
  if (!response.headers.get('content-type')?.startsWith('application/json')) throw foreignError(response)
  try {
    return (await response.json()) as OperationResult<Name>
  } catch (error) {
    throw unreachable(response.url, error)
  }
}

async function send({ token, fetch: ask = fetch }: ClientOptions, url: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  let response: Response
  try {
    // Redirects are refused: they would carry the token and the prompt to another place.
    response = await ask(url, { ...init, headers, redirect: 'error' })
  } catch (error) {
    if (init.signal?.aborted === true) throw error
    throw unreachable(url, error)
  }
  if (response.ok) return response
  throw await responseError(response)
}

function eventsPath(sessionId: string | undefined, after: string | undefined): string {
  const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`
  return sessionId === undefined ? `/v1/events${query}` : `/v1/sessions/${encodeURIComponent(sessionId)}/events${query}`
}

/** A quarter of a second, doubled at each attempt up to five seconds. */
function backOff(attempt: number): number {
  return Math.min(5000, 250 * 2 ** Math.min(attempt - 1, 10))
}
