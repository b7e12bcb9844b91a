/**
 * REST: every operation as `POST /v1/{operation}`, the resource routes, events as streams, and the document that
 * describes them. It is a Hono app, so it runs under any server that speaks fetch; `serve` guards it on a socket.
 */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { MeerkatError } from '../errors.ts'
import { isTraceparent } from '../observer.ts'
import { openEventFeed } from './event-feed.ts'
import { type FaultLog, logToStderr, publicError } from './fault.ts'
import { readJson } from './http/body.ts'
import { errorResponse } from './http/error-response.ts'
import { eventStream } from './http/event-stream.ts'
import { withHeaderKey } from './http/idempotency-key.ts'
import { openApi } from './http/openapi.ts'
import { queryParams } from './http/query.ts'
import { eventRoutes, type ResourceRoute, resourceRoutes } from './http/routes.ts'
import { invalidParams, parseParams } from './invalid-params.ts'
import type { Callable, CallContext, Operation } from './operation.ts'
import { eventPosition } from './operations/events.ts'
import { callOperation, operationNamed } from './operations.ts'

export interface RestOptions {
  readonly runtime: Callable
  /** The largest body that is accepted. */
  readonly maxBodyBytes?: number
  /** How often an idle event stream sends a heartbeat. */
  readonly heartbeatMs?: number
  /** Aborted when the server closes: streams end, and waiting requests are answered. */
  readonly closing?: AbortSignal
  readonly log?: FaultLog
}

interface Rest extends Required<RestOptions> {}

/** Set by a guard where the caller has not authenticated; such a caller learns the status only. */
export interface RestVariables {
  readonly Variables: { readonly anonymous?: boolean }
}

export type RestApp = Hono<RestVariables>

/** Adds the routes to `app`, behind the guards that it has. */
export function rest(options: RestOptions, app: RestApp = new Hono<RestVariables>()): RestApp {
  const setup: Rest = {
    maxBodyBytes: 1_048_576,
    heartbeatMs: 15_000,
    closing: new AbortController().signal,
    log: logToStderr,
    ...options,
  }
  const { runtime } = setup
  app.get('/healthz', async c => {
    const health = await callOperation(runtime, 'runtime/health', {})
    return c.json(
      c.get('anonymous') === true ? { status: health.status } : health,
      health.status === 'failing' ? 503 : 200,
    )
  })
  app.get('/openapi.json', async c => c.json(openApi((await callOperation(runtime, 'runtime/info', {})).version)))
  for (const path of eventRoutes) app.get(path, c => streamEvents(setup, c))
  for (const route of resourceRoutes) app.on(route.method, route.path, c => answerResource(setup, route, c))
  app.post('/v1/:family/:verb', c => answerOperation(setup, c))
  app.notFound(c => errorResponse(noRoute(c)))
  app.onError(error => errorResponse(publicError(error, setup.log)))
  return app
}

async function answerOperation(setup: Rest, c: Context<RestVariables>): Promise<Response> {
  const operation = operationNamed(`${c.req.param('family')}/${c.req.param('verb')}`)
  const params = withTraceparent(operation, await bodyOf(operation, setup, c), c)
  return c.json(await operation.call(setup.runtime, params, contextOf(operation, setup, c)))
}

async function answerResource(setup: Rest, route: ResourceRoute, c: Context<RestVariables>): Promise<Response> {
  const operation = operationNamed(route.operation)
  const given =
    route.method === 'get'
      ? queryParams(operation.input, new URL(c.req.url).searchParams)
      : await bodyOf(operation, setup, c)
  const params = withTraceparent(operation, withPath(given, c.req.param()), c)
  return c.json(await operation.call(setup.runtime, params, contextOf(operation, setup, c)))
}

async function bodyOf(operation: Operation, setup: Rest, c: Context<RestVariables>): Promise<unknown> {
  const params = await readJson(c.req.raw, setup.maxBodyBytes)
  return withHeaderKey(operation, params, c.req.header('idempotency-key'))
}

/** Most operations neither wait nor take long, so they need no signal. */
function contextOf(operation: Operation, setup: Rest, c: Context<RestVariables>): CallContext {
  return operation.isLong || 'waitMs' in operation.input.shape ? { signal: callSignal(setup, c) } : {}
}

/** The sender's span, from the header that tracing clients send. A malformed header is ignored. */
function withTraceparent(operation: Operation, params: unknown, c: Context<RestVariables>): unknown {
  const traceparent = c.req.header('traceparent')
  if (!isTraceparent(traceparent) || !('traceparent' in operation.input.shape)) return params
  return typeof params === 'object' && params !== null && !Array.isArray(params) ? { traceparent, ...params } : params
}

/** A parameter of the path must not be given a second time. */
function withPath(given: unknown, path: Readonly<Record<string, string>>): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given
  const twice = Object.keys(path).filter(name => Object.hasOwn(given, name))
  if (twice.length > 0) throw invalidParams(twice.map(name => ({ path: name, message: 'stands in the path already' })))
  return { ...given, ...path }
}

const streamParams = z.strictObject(eventPosition)

async function streamEvents(setup: Rest, c: Context<RestVariables>): Promise<Response> {
  const query = queryParams(streamParams, new URL(c.req.url).searchParams)
  // A browser that reconnects sends the old URL and the id of the last event: the header is the newer of the two.
  const lastEventId = c.req.header('last-event-id')
  const resumed = lastEventId === undefined || lastEventId === '' ? query : { ...query, after: lastEventId }
  const position = parseParams(streamParams, withPath(resumed, c.req.param()))
  const left = new AbortController()
  const signal = AbortSignal.any([callSignal(setup, c), left.signal])
  const feed = await openEventFeed(setup.runtime, position, { idleMs: setup.heartbeatMs, signal })
  return new Response(
    eventStream(feed, setup.log, () => left.abort()),
    { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' } },
  )
}

/** Aborted when the answer is not wanted any more: the client left, or the server closes. */
function callSignal(setup: Rest, c: Context<RestVariables>): AbortSignal {
  return AbortSignal.any([c.req.raw.signal, setup.closing])
}

function noRoute(c: Context<RestVariables>): MeerkatError {
  const { method, path } = c.req
  const hint = 'operations are POST /v1/{operation}; GET /openapi.json lists everything'
  return new MeerkatError('not-found', `there is no ${method} ${path.slice(0, 200)}: ${hint}`)
}
