/** `meerkat-ts/server`: sessions over HTTP, as a server of its own or as a handler in one of yours. */
export type { FaultLog } from './surfaces/fault.ts'
export { fetchHandler, type HandlerOptions } from './surfaces/handler.ts'
export type { Authorize } from './surfaces/http/guards.ts'
export { type RunningServer, type ServeOptions, serve } from './surfaces/server.ts'
