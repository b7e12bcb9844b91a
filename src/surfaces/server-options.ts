/** The options of `serve` and `fetchHandler`, as data: for both, and for config files that give the same options. */
import {
  aCount,
  aDelay,
  aDuration,
  aFunction,
  aSignal,
  aToken,
  type Field,
  type Fields,
  optional,
  withMethods,
} from '../options.ts'
import type { FaultLog } from './fault.ts'
import type { Authorize } from './http/guards.ts'
import { isHost, isOrigin } from './http/hosts.ts'
import type { Callable } from './operation.ts'

export interface HandlerOptions {
  readonly runtime: Callable
  /** The token that callers have to send as `authorization: Bearer …`. */
  readonly token?: string
  /** Decides in the place of the token whether a request may be answered. If it throws, the request is refused. */
  readonly authorize?: Authorize
  /**
   * Host names by which this server is reached, besides those of this machine. Without any, a server that others can
   * reach and whose callers have to authenticate answers for every name.
   */
  readonly allowedHosts?: readonly string[]
  /** Origins whose pages may call, such as `https://console.example.org`. */
  readonly allowedOrigins?: readonly string[]
  /** The largest body that is accepted; default 1 MiB. */
  readonly maxBodyBytes?: number
  /** How often an idle event stream sends a heartbeat; default 15 s. */
  readonly heartbeatMs?: number
  readonly log?: FaultLog
}

export interface ServeOptions extends HandlerOptions {
  /** The address to listen on; default 127.0.0.1. On any other, callers have to authenticate. */
  readonly host?: string
  /** Default 4747; 0 takes a free port. */
  readonly port?: number
  /** How long a client may take to send a request. */
  readonly requestTimeoutMs?: number
  /** How long requests may go on when the server closes. */
  readonly graceMs?: number
}

const listOf = (wanted: string, fits: (one: string) => boolean): Field => ({
  wanted: `a list of ${wanted}`,
  fits: value => Array.isArray(value) && value.every(one => typeof one === 'string' && fits(one)),
})

const aHost: Field = {
  wanted: 'an address or a name of this machine, such as 127.0.0.1',
  fits: value => typeof value === 'string' && isHost(value),
}
const aPort: Field = {
  wanted: 'a whole number from 0 to 65535',
  fits: value => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535,
}

export const HANDLER_OPTIONS: Fields<HandlerOptions & { readonly closing?: AbortSignal }> = {
  runtime: withMethods('a runtime', 'call'),
  token: optional(aToken),
  authorize: optional(aFunction),
  allowedHosts: optional(listOf('host names without port, such as console.example.org', isHost)),
  allowedOrigins: optional(listOf('origins, such as https://console.example.org', isOrigin)),
  maxBodyBytes: optional(aCount),
  heartbeatMs: optional(aDuration),
  log: optional(aFunction),
  closing: optional(aSignal),
}

const { closing: _, ...ofHandler } = HANDLER_OPTIONS

export const SERVE_OPTIONS: Fields<ServeOptions> = {
  ...ofHandler,
  host: optional(aHost),
  port: optional(aPort),
  requestTimeoutMs: optional(aDuration),
  graceMs: optional(aDelay),
}
