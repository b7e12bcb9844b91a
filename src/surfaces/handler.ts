/**
 * REST as a function from requests to answers, with its guards: for any server that speaks fetch.
 *
 * Enforces: a request for an unknown host, or from a page of an origin that was not named, is refused; where callers
 * have to authenticate, only the health probe is answered without.
 */
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { defined } from '../defined.ts'
import { checkOptions, invalidOption } from '../options.ts'
import { logToStderr } from './fault.ts'
import { guardCaller, guardHost, guardOrigin, hasToken, safeHeaders } from './http/guards.ts'
import { type RestApp, type RestVariables, rest } from './rest.ts'
import { HANDLER_OPTIONS, type HandlerOptions } from './server-options.ts'

/** Answers requests. Aborting `closing` ends streams and waits. */
export function fetchHandler(
  options: HandlerOptions & { readonly closing?: AbortSignal },
): (request: Request) => Promise<Response> {
  checkOptions('fetchHandler', options, HANDLER_OPTIONS)
  const isShown = options.token !== undefined || options.authorize !== undefined
  const app = guarded(options, isShown ? '0.0.0.0' : '127.0.0.1')
  return async request => app.fetch(request)
}

/** The app behind its guards, for options that were checked; `host` is where it listens. */
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
  if (token === undefined || authorize === undefined) return
  throw invalidOption('the server', 'authorize', 'decides in place of the token: give one of them')
}
