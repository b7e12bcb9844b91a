/** `meerkat-ts/client`: the typed client, for programs and browsers. */
export { type ErrorCode, MeerkatError } from '../errors.ts'
export type { OperationName, OperationParams, OperationResult } from '../surfaces/operations.ts'
export { type Client, type ClientOptions, createClient, type EventsOptions, type InputEventsOptions } from './client.ts'
export type { ClientEvent } from './follow.ts'
