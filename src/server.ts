/**
 * `meerkat-ts/server`: sessions over HTTP, as a server or as a handler within another server, or over a pair of
 * streams.
 */
export type { FaultLog } from './surfaces/fault.ts'
export { fetchHandler } from './surfaces/handler.ts'
export type { Authorize } from './surfaces/http/guards.ts'
export { type RunningServer, serve } from './surfaces/server.ts'
export type { HandlerOptions, ServeOptions } from './surfaces/server-options.ts'
export { type StdioOptions, serveStdio } from './surfaces/stdio.ts'
