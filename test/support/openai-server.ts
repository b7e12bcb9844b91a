/**
 * A real HTTP server on 127.0.0.1 that speaks OpenAI's chat-completions protocol from a script. It does not decide
 * anything itself: each request gets the next scripted reply, in order of arrival.
 *
 * Invariants
 * 1. Nothing is forgiven silently: a request that breaks the protocol, finds no reply or makes a reply function throw is
 *    in `violations`. Tests assert that it is empty.
 * 2. `close()` ends every socket, whatever a reply waits for, and returns when the last exchange is over.
 * 3. No timers: what is delayed is held by a gate that the test opens.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { checkRequest } from './openai/check-request.ts'
import { status } from './openai/failure.ts'
import { isRecord } from './openai/is-record.ts'
import type { Reply, ScriptedReply } from './openai/reply.ts'
import type { ChatRequest, ExchangeEnd, RecordedRequest } from './openai/request.ts'
import { type Exchange, respond } from './openai/respond.ts'
import type { Envelope } from './openai/wire.ts'

export {
  contentFiltered,
  contextLengthExceeded,
  cut,
  drop,
  endEarly,
  errorChunk,
  htmlPage,
  invalidJsonArgs,
  lengthLimited,
  malformedBody,
  malformedChunk,
  quotaExceeded,
  schemaViolation,
  stall,
  status,
  unknownTool,
} from './openai/failure.ts'
export { gate } from './openai/gate.ts'
export {
  echo,
  empty,
  fragments,
  json,
  type Reply,
  refusal,
  type ScriptedReply,
  slow,
  text,
  toolCalls,
} from './openai/reply.ts'
export {
  type ChatRequest,
  lastUserText,
  type RecordedRequest,
  trailingToolResults,
} from './openai/request.ts'

export interface OpenAiServerOptions {
  /** 0, a free port, unless told. */
  readonly port?: number
  /** What `GET /v1/models` lists; a completion may name any model. */
  readonly models?: readonly string[]
  /** Answers once no script has a reply left; without it such a request is a violation. */
  readonly fallback?: ScriptedReply
  /** False answers 401 and uses up no reply; the request is recorded all the same. */
  readonly authorize?: (headers: IncomingMessage['headers']) => boolean
}

export async function startOpenAiServer(options: OpenAiServerOptions = {}): Promise<OpenAiServer> {
  const server = new OpenAiServer(options)
  await server.listen(options.port ?? 0)
  return server
}

type Matcher = (request: RecordedRequest) => boolean

interface Script {
  readonly matches: Matcher
  readonly replies: ScriptedReply[]
}

interface Waiter {
  readonly count: number
  readonly resolve: (requests: readonly RecordedRequest[]) => void
  readonly reject: (error: Error) => void
}

const NO_REPLY: Reply = status(400, { message: 'test server: no scripted reply left', code: 'script_exhausted' })

export class OpenAiServer {
  /** Chat completions in order of arrival; nothing else. */
  readonly requests: RecordedRequest[] = []
  readonly violations: string[] = []
  readonly #options: OpenAiServerOptions
  readonly #http: Server
  readonly #scripts: Script[] = []
  readonly #exchanges: Set<Promise<void>> = new Set()
  #waiters: readonly Waiter[] = []
  #closing = false
  #url = ''

  constructor(options: OpenAiServerOptions) {
    this.#options = options
    this.#http = createServer((incoming, response) => this.#track(this.#serve(incoming, response)))
  }

  /** The base URL for a provider: `http://127.0.0.1:PORT/v1`. */
  get url(): string {
    return this.#url
  }

  async listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#http.once('error', reject).listen(port, '127.0.0.1', resolve)
    await promise
    const address = this.#http.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no port')
    this.#url = `http://127.0.0.1:${address.port}/v1`
  }

  /**
   * Appends replies. With `matches` they go only to requests that it accepts (several sessions on one server); among the
   * scripts that accept a request the first with a reply left wins.
   */
  script(replies: readonly ScriptedReply[], matches: Matcher = () => true): void {
    this.#scripts.push({ matches, replies: [...replies] })
  }

  /** Throws if there are violations: for `afterEach`, where a bare `expect` has no test. */
  assertOrderly(): void {
    if (this.violations.length > 0) throw new Error(`the client broke the protocol:\n${this.violations.join('\n')}`)
  }

  /** How many scripted replies no request has fetched. */
  get unused(): number {
    return this.#scripts.reduce((sum, script) => sum + script.replies.length, 0)
  }

  /** Resolves when `count` completions have arrived since the start; rejects if the server closes before. */
  received(count: number): Promise<readonly RecordedRequest[]> {
    if (this.requests.length >= count) return Promise.resolve(this.requests)
    if (this.#closing) return Promise.reject(this.#closedBefore(count))
    return new Promise((resolve, reject) => {
      this.#waiters = [...this.#waiters, { count, resolve, reject }]
    })
  }

  async close(): Promise<void> {
    this.#closing = true
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#http.close(() => resolve())
    this.#http.closeAllConnections()
    for (const { count, reject } of this.#waiters) reject(this.#closedBefore(count))
    this.#waiters = []
    await promise
    await Promise.all(this.#exchanges)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #closedBefore(count: number): Error {
    return new Error(`the server closed after ${this.requests.length} of ${count} requests`)
  }

  #track(exchange: Promise<void>): void {
    this.#exchanges.add(exchange)
    void exchange.finally(() => this.#exchanges.delete(exchange))
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const closed = Promise.withResolvers<void>()
    response.once('close', () => closed.resolve())
    // A socket that breaks while we write is an ordinary end of an exchange.
    response.on('error', () => {})
    const route = `${incoming.method} ${incoming.url?.split('?')[0]}`
    const body = await readBody(incoming)
    if (body === undefined || response.destroyed) return
    const exchange = openExchange(response, closed.promise)
    try {
      if (route === 'POST /v1/chat/completions') await this.#complete(incoming, body, exchange)
      else if (route === 'GET /v1/models') await this.#plain(this.#models(incoming), exchange)
      else await this.#plain(this.#refuse(`${route} is not part of the protocol`, 404), exchange)
    } catch (error) {
      this.#violate(`the reply failed: ${error instanceof Error ? error.message : String(error)}`)
      response.destroy()
    }
  }

  #violate(text: string): void {
    this.violations.push(text)
  }

  #refuse(text: string, code = 400): Reply {
    this.#violate(text)
    return status(code, { message: text })
  }

  #plain(reply: Reply, open: OpenExchange): Promise<void> {
    return respond(reply, { ...open, stream: false, envelope: envelopeOf(0, 'none', false) })
  }

  async #complete(incoming: IncomingMessage, text: string, open: OpenExchange): Promise<void> {
    const body = parse(text)
    const index = this.requests.length
    const found = [...checkHeaders(incoming), ...checkRequest(body)]
    for (const violation of found) this.#violate(`request ${index}: ${violation}`)
    if (!isRecord(body)) return this.#plain(status(400), open)
    const request: RecordedRequest = {
      index,
      headers: incoming.headers,
      // The checks above are the validation; whoever reads further fields asserts empty violations.
      body: body as ChatRequest,
      at: Date.now(),
      ended: open.closed.then(() => this.#endOf(open)),
    }
    this.#admit(request)
    const reply = await Promise.race([this.#replyTo(request), open.closed])
    if (reply === undefined) return
    const includeUsage = isRecord(body['stream_options']) && body['stream_options']['include_usage'] === true
    const envelope = envelopeOf(index, String(body['model']), includeUsage)
    await respond(reply, { ...open, stream: body['stream'] === true, envelope })
  }

  #endOf({ response, wasCut }: OpenExchange): ExchangeEnd {
    if (response.writableFinished) return 'answered'
    if (wasCut()) return 'cut'
    return this.#closing ? 'server-closed' : 'client-closed'
  }

  #admit(request: RecordedRequest): void {
    this.requests.push(request)
    const isDue = ({ count }: Waiter): boolean => this.requests.length >= count
    for (const waiter of this.#waiters.filter(isDue)) waiter.resolve(this.requests)
    this.#waiters = this.#waiters.filter(waiter => !isDue(waiter))
  }

  async #replyTo(request: RecordedRequest): Promise<Reply> {
    if (!this.#isAuthorized(request)) return status(401)
    const script = this.#scripts.find(({ replies, matches }) => replies.length > 0 && matches(request))
    let reply = script?.replies.shift() ?? this.#options.fallback
    while (typeof reply === 'function') reply = await reply(request.body, request)
    if (reply !== undefined) return reply
    this.#violate(`request ${request.index}: no scripted reply left`)
    return NO_REPLY
  }

  #isAuthorized({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
    return this.#options.authorize?.(headers) ?? true
  }

  #models(incoming: IncomingMessage): Reply {
    if (!this.#isAuthorized(incoming)) return status(401)
    const created = Math.floor(Date.now() / 1000)
    const data = (this.#options.models ?? ['test-model']).map(id => ({
      id,
      object: 'model',
      created,
      owned_by: 'test',
    }))
    const body = JSON.stringify({ object: 'list', data })
    return { type: 'http', status: 200, headers: { 'content-type': 'application/json' }, body }
  }
}

interface OpenExchange extends Pick<Exchange, 'response' | 'closed' | 'cut'> {
  readonly wasCut: () => boolean
}

function openExchange(response: ServerResponse, closed: Promise<void>): OpenExchange {
  let isCut = false
  const cut = (): void => {
    isCut = true
    response.destroy()
  }
  return { response, closed, cut, wasCut: () => isCut }
}

function envelopeOf(index: number, model: string, includeUsage: boolean): Envelope {
  return { id: `chatcmpl-${index}`, created: Math.floor(Date.now() / 1000), model, includeUsage }
}

function checkHeaders({ headers }: IncomingMessage): string[] {
  return headers['content-type']?.startsWith('application/json') === true
    ? []
    : ['content-type is not application/json']
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `undefined` if the client went away while it sent. */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  try {
    const parts: Buffer[] = []
    for await (const part of incoming) parts.push(part as Buffer)
    return Buffer.concat(parts).toString('utf8')
  } catch {
    return undefined
  }
}
