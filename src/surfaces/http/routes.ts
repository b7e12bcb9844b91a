/** The resource routes that people expect besides `POST /v1/{operation}`: each is another spelling of an operation. */
import type { OperationName } from '../operations.ts'

export interface ResourceRoute {
  readonly method: 'get' | 'post'
  /** As Hono writes it; each parameter of the path is a parameter of the operation. */
  readonly path: string
  readonly operation: OperationName
}

export const resourceRoutes: readonly ResourceRoute[] = [
  { method: 'get', path: '/v1/sessions', operation: 'session/list' },
  { method: 'post', path: '/v1/sessions', operation: 'session/open' },
  { method: 'get', path: '/v1/sessions/:sessionId', operation: 'session/get' },
  { method: 'get', path: '/v1/sessions/:sessionId/history', operation: 'session/history' },
  { method: 'post', path: '/v1/sessions/:sessionId/inputs', operation: 'input/send' },
  { method: 'get', path: '/v1/sessions/:sessionId/inputs/:inputId', operation: 'input/get' },
  { method: 'post', path: '/v1/sessions/:sessionId/cancel', operation: 'run/cancel' },
]

/** The event streams: of one session, and of all. */
export const eventRoutes: readonly string[] = ['/v1/sessions/:sessionId/events', '/v1/events']

/** The names of the parameters in a path. */
export function pathParams(path: string): readonly string[] {
  return [...path.matchAll(/:(\w+)/g)].flatMap(([, name]) => name ?? [])
}
