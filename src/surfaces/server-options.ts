/** What `serve` and `fetchHandler` take, as data: for themselves, and for config files that give the same options. */
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

export interface ServeOptions extends HandlerOptions {
  /** Where it listens; 127.0.0.1 unless told. Callers from elsewhere have to show who they are. */
  readonly host?: string
  /** 4747 unless told; 0 takes a free one. */
  readonly port?: number
  /** How long a client may take to send a request. */
  readonly requestTimeoutMs?: number
  /** How long requests under way may take when the server closes. */
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
