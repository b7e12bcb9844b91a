/**
 * REST as a function from requests to answers, guarded: for any server that speaks fetch.
 *
 * Enforces: a request for a host that is not ours, or from a page of an origin that was not named, is refused; where
 * callers have to show who they are, nothing but the probe goes without.
 */
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { defined } from '../defined.ts'
import { MeerkatError } from '../errors.ts'
import type { RuntimeApi } from '../session/api.ts'
import { type FaultLog, logToStderr } from './fault.ts'
import { type Authorize, guardCaller, guardHost, guardOrigin, hasToken, safeHeaders } from './http/guards.ts'
import { isToken } from './http/hosts.ts'
import { type RestApp, type RestVariables, rest } from './rest.ts'

export interface HandlerOptions {
  readonly runtime: RuntimeApi
  /** What callers have to send as `authorization: Bearer …`. */
  readonly token?: string
  /** Whether a request may be answered, in place of the token. One that it throws at is not answered. */
  readonly authorize?: Authorize
  /**
   * Names this server is reached by, beside those of this machine. Without any, a server whose callers have to show who
   * they are answers for every name when it is reached by others.
   */
  readonly allowedHosts?: readonly string[]
  /** Origins whose pages may call, such as `https://console.example.org`. */
  readonly allowedOrigins?: readonly string[]
  /** Largest body taken; 1 MiB unless told. */
  readonly maxBodyBytes?: number
  /** An idle event stream gives a sign of life this often; 15 s unless told. */
  readonly heartbeatMs?: number
  readonly log?: FaultLog
}

/** Answers requests. `closing` ends streams and waiting when it is aborted. */
export function fetchHandler(
  options: HandlerOptions & { readonly closing?: AbortSignal },
): (request: Request) => Promise<Response> {
  const isShown = options.token !== undefined || options.authorize !== undefined
  const app = guarded(options, isShown ? '0.0.0.0' : '127.0.0.1')
  return async request => app.fetch(request)
}

/** The app behind its guards; `host` is where it listens. */
export function guarded(options: HandlerOptions & { readonly closing?: AbortSignal }, host: string): RestApp {
  checkCallers(options)
  const { runtime, token, authorize, allowedHosts = [], allowedOrigins = [] } = options
  const app: RestApp = new Hono<RestVariables>()
  app.use(safeHeaders, guardHost(host, allowedHosts), guardOrigin(allowedOrigins))
  if (allowedOrigins.length > 0) app.use(cors({ origin: [...allowedOrigins], maxAge: 600 }))
  if (token !== undefined) app.use(guardCaller(hasToken(token), 'send "authorization: Bearer <token>"'))
  else if (authorize !== undefined) app.use(guardCaller(authorize, 'this server does not take it as it is'))
  const { maxBodyBytes, heartbeatMs, closing, log = logToStderr } = options
  return rest({ runtime, log, ...defined({ maxBodyBytes, heartbeatMs, closing }) }, app)
}

function checkCallers({ token, authorize }: HandlerOptions): void {
  if (token !== undefined && !isToken(token)) {
    throw refused('token', 'must be printable ASCII without spaces')
  }
  if (token !== undefined && authorize !== undefined) {
    throw refused('authorize', 'decides in place of the token: give one of them')
  }
}

function refused(path: string, message: string): MeerkatError {
  return new MeerkatError('invalid-params', `${path} ${message}`, { details: { issues: [{ path, message }] } })
}
