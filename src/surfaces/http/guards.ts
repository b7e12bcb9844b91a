/**
 * Which callers may talk to a server on a socket.
 *
 * Any page in a browser can send requests to 127.0.0.1. Enforces: a request for an unknown host is refused (by DNS
 * rebinding a foreign page can look like one of this server); a request from a page of another origin is refused; and
 * where a token is set, only the health probe is answered without it.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { MeerkatError } from '../../errors.ts'
import type { RestVariables } from '../rest.ts'
import { errorResponse } from './error-response.ts'
import { hostName, isLoopback, isWildcard, unbracketed } from './hosts.ts'

type Guard = MiddlewareHandler<RestVariables>

/** Passes requests that name a host of this server. */
export function guardHost(boundTo: string, allowed: readonly string[]): Guard {
  // A server on every interface can't list its names; it has a token, which no foreign page knows.
  const open = isWildcard(boundTo) && allowed.length === 0
  const ours = new Set([...allowed, boundTo].map(host => unbracketed(host).toLowerCase()))
  return async (c, next) => {
    const given = c.req.header('host')
    const host = hostName(given)
    const known = host !== undefined && (open || ours.has(host) || (isLoopback(boundTo) && isLoopback(host)))
    if (known) return next()
    const text = `this server does not answer for the host ${JSON.stringify(given?.slice(0, 200) ?? '')}`
    return errorResponse(
      new MeerkatError('forbidden', `${text}: use its own address, or name the host in allowedHosts (--allow-host)`, {
        details: { header: 'host' },
      }),
    )
  }
}

/** Passes requests that come from no page, from a page of this server, or from an allowed origin. */
export function guardOrigin(allowed: readonly string[]): Guard {
  return async (c, next) => {
    const origin = c.req.header('origin')
    if (origin === undefined || allowed.includes(origin) || isOwn(origin, c.req.header('host'))) return next()
    const text = `pages of ${JSON.stringify(origin.slice(0, 200))} may not talk to this server`
    return errorResponse(
      new MeerkatError('forbidden', `${text}: name the origin in allowedOrigins (--allow-origin) to let them`, {
        details: { header: 'origin' },
      }),
    )
  }
}

function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && URL.parse(origin)?.host === URL.parse(`http://${host}`)?.host
}

/** Whether a request may be answered. */
export type Authorize = (request: Request) => boolean | Promise<boolean>

/** Passes authorized requests. A probe of `/healthz` passes without, and learns little. */
export function guardCaller(isAllowed: Authorize, hint: string): Guard {
  return async (c, next) => {
    if ((await isAllowed(c.req.raw)) === true) return next()
    if (c.req.path === '/healthz') {
      c.set('anonymous', true)
      return next()
    }
    const isShown = c.req.header('authorization') !== undefined
    const text = isShown ? 'the token is not the one this server was given' : 'this server wants a token'
    return errorResponse(new MeerkatError('unauthorized', `${text}: ${hint}`), { 'www-authenticate': 'Bearer' })
  }
}

/** Whether a request carries the token. */
export function hasToken(token: string): Authorize {
  const wanted = digest(token)
  return request => {
    const given = /^bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    // Digests have one length, so the time of the comparison tells nothing about the token.
    return given !== undefined && timingSafeEqual(digest(given), wanted)
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Headers of every answer: answers are no pages, and must not be cached. */
export const safeHeaders: Guard = async (c, next) => {
  await next()
  c.res.headers.set('x-content-type-options', 'nosniff')
  if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store')
}
