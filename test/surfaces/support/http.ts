/** Requests as only a hostile or broken client sends them: any header, any bytes. */
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { ErrorBody } from '../../../src/errors.ts'

export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface RawRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Without a content-length each piece goes as a chunk of its own. */
  readonly body?: string | readonly string[]
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** Sends a request with the headers as given, `Host` and `Origin` too. */
export async function send(url: string, { method, headers = {}, body = [] }: RawRequest = {}): Promise<RawAnswer> {
  const pieces = typeof body === 'string' ? [body] : body
  const asked = httpRequest(url, { method: method ?? (pieces.length > 0 ? 'POST' : 'GET'), headers, agent: false })
  const answered = once(asked, 'response')
  // A server that refuses early may close before all was sent; the answer tells why.
  asked.on('error', () => {})
  if (typeof body === 'string') asked.end(body)
  else {
    for (const piece of pieces) asked.write(piece)
    asked.end()
  }
  const [response] = (await answered) as [IncomingMessage]
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) }
}

export function sendJson(
  url: string,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  return send(url, { headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(value) })
}

/** The error in an answer. */
export function errorOf({ body }: RawAnswer): ErrorBody {
  return (JSON.parse(body) as { readonly error: ErrorBody }).error
}

/** A bare connection. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port })
  await once(socket, 'connect')
  return socket
}
