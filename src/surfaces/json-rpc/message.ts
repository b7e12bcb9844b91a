/** Parses and writes JSON-RPC 2.0. Pure. */
import { ERROR_CODES, MeerkatError } from '../../errors.ts'

export type RpcId = string | number | null

/** A request; a notification where `id` is absent. */
export interface RpcRequest {
  readonly id?: RpcId
  readonly method: string
  readonly params: unknown
}

/** One element of a message. A `reply` answers a question that we never ask, and is dropped. */
export type RpcElement =
  | { readonly type: 'request'; readonly request: RpcRequest }
  | { readonly type: 'reply' }
  | { readonly type: 'invalid'; readonly id: RpcId; readonly error: MeerkatError }

export function parseMessage(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new MeerkatError('parse-error', 'the message is not valid JSON', { cause: error })
  }
}

export function readElement(value: unknown): RpcElement {
  if (!isObject(value)) return invalid(null, 'it is not an object')
  const { id, method, params } = value
  if (method === undefined && ('result' in value || 'error' in value)) return { type: 'reply' }
  if (id !== undefined && !isRpcId(id)) return invalid(null, '"id" must be a string, a number or null')
  const to = id ?? null
  if (value.jsonrpc !== '2.0') return invalid(to, '"jsonrpc" must be "2.0"')
  if (typeof method !== 'string') return invalid(to, '"method" must be a string')
  if (params !== undefined && !isParams(params)) return invalid(to, '"params" must be an object')
  const request = { method, params: params ?? {} }
  return { type: 'request', request: id === undefined ? request : { id, ...request } }
}

interface Fields {
  readonly jsonrpc?: unknown
  readonly id?: unknown
  readonly method?: unknown
  readonly params?: unknown
}

function isObject(value: unknown): value is Fields {
  return isParams(value) && !Array.isArray(value)
}

/** JSON-RPC allows parameters by position; `invalid-params` says that ours go by name. */
function isParams(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isRpcId(id: unknown): id is RpcId {
  return typeof id === 'string' || typeof id === 'number' || id === null
}

function invalid(id: RpcId, why: string): RpcElement {
  return { type: 'invalid', id, error: new MeerkatError('invalid-request', `not a JSON-RPC 2.0 request: ${why}`) }
}

export function resultText(id: RpcId, result: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result })
}

export function errorText(id: RpcId, error: MeerkatError): string {
  const { message, ...data } = error.toJSON()
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code: ERROR_CODES[error.code].jsonRpc, message, data } })
}

export function notificationText(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params })
}
