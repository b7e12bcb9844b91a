/**
 * The HTTP server: REST on a socket, with guards.
 *
 * Enforces: it listens on this machine only, unless an option says otherwise, and then not without a token; what a
 * client sends is bounded in size and in time; closing ends streams, lets requests finish, and takes no longer than its
 * grace.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { MeerkatError } from '../errors.ts'
import { checkOptions } from '../options.ts'
import { MAX_TIMER_MS, systemClock } from '../time.ts'
import { guarded } from './handler.ts'
import { writeStream } from './http/direct-stream.ts'
import { errorResponse } from './http/error-response.ts'
import { textsOf } from './http/event-stream.ts'
import { inUrl, isLoopback, unbracketed } from './http/hosts.ts'
import { Sockets } from './http/sockets.ts'
import type { RestApp } from './rest.ts'
import { SERVE_OPTIONS, type ServeOptions } from './server-options.ts'

export interface RunningServer extends AsyncDisposable {
  readonly url: string
  readonly host: string
  readonly port: number
  /** Stops accepting, ends streams and waits for current requests within the grace. May be called twice. */
  readonly close: () => Promise<void>
}

export async function serve(options: ServeOptions): Promise<RunningServer> {
  checkOptions('serve', options, SERVE_OPTIONS)
  const { host = '127.0.0.1', port = 4747, graceMs = 5000 } = options
  checkReach(host, options)
  const closing = new AbortController()
  const app = guarded({ ...options, closing: closing.signal }, host)
  const server = createHttpServer(app, Math.min(Math.ceil(options.requestTimeoutMs ?? 30_000), MAX_TIMER_MS))
  const sockets = new Sockets(server)
  const bound = await bind(server, unbracketed(host), port)
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => (closed ??= shut(server, sockets, closing, graceMs))
  return { url: `http://${inUrl(host)}:${bound}`, host, port: bound, close, [Symbol.asyncDispose]: close }
}

function checkReach(host: string, { token, authorize }: ServeOptions): void {
  if (token !== undefined || authorize !== undefined || isLoopback(host)) return
  throw new MeerkatError(
    'invalid-params',
    `token is missing: on ${host} other machines reach this server. Give --token, or listen on 127.0.0.1`,
    { details: { issues: [{ path: 'token', message: `is missing for host ${host}` }] } },
  )
}

/** A node server for the app; its limits keep slow senders from occupying sockets. */
function createHttpServer(app: RestApp, requestTimeoutMs: number): Server {
  const answer = async (request: Request, { outgoing }: HttpBindings): Promise<Response> => {
    const response = await app.fetch(request)
    const texts = textsOf(response)
    if (texts === undefined) return response
    void writeStream(outgoing, response, texts)
    return RESPONSE_ALREADY_SENT
  }
  const listener = getRequestListener((request, env) => answer(request, env as HttpBindings), {
    // The globals belong to the program, which embeds the server.
    overrideGlobalObjects: false,
    errorHandler: error =>
      errorResponse(new MeerkatError('invalid-request', 'the request line or a header is not valid', { cause: error })),
  })
  return createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: Math.min(requestTimeoutMs, 10_000),
      connectionsCheckingInterval: Math.min(requestTimeoutMs, 2000),
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
  )
}

async function bind(server: Server, host: string, port: number): Promise<number> {
  server.listen({ host, port })
  try {
    await once(server, 'listening')
  } catch (error) {
    throw bindError(error, host, port)
  }
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

function bindError(error: unknown, host: string, port: number): MeerkatError {
  const why = error instanceof Error && 'code' in error ? error.code : undefined
  const options = { cause: error, details: { host, port, cause: String(why) } }
  switch (why) {
    case 'EADDRINUSE':
      return new MeerkatError(
        'conflict',
        `port ${port} on ${host} is taken: stop what listens there, or choose another with --port (0 takes a free one)`,
        options,
      )
    case 'EACCES':
      return new MeerkatError('forbidden', `port ${port} needs more rights: choose one above 1023 with --port`, options)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new MeerkatError('invalid-params', `host ${host} is no address of this machine`, options)
    default:
      return new MeerkatError('internal', `can't listen on ${host} port ${port}: ${String(why ?? error)}`, options)
  }
}

async function shut(server: Server, sockets: Sockets, closing: AbortController, graceMs: number): Promise<void> {
  const ended = once(server, 'close')
  server.close()
  closing.abort()
  sockets.endWhenIdle()
  const callOff = systemClock.after(graceMs, () => server.closeAllConnections())
  await ended
  callOff()
}
