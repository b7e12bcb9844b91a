/** Performs one reply on one HTTP response. Every wait also ends when the connection does. */
import type { ServerResponse } from 'node:http'
import type { Gate } from './gate.ts'
import type { Answer, HttpReply, Reply } from './reply.ts'
import { completionOf, type Envelope, framesOf, sse } from './wire.ts'

export interface Exchange {
  readonly response: ServerResponse
  /** Resolves when the connection is gone or the response is complete. */
  readonly closed: Promise<void>
  /** Destroys the connection on purpose. */
  readonly cut: () => void
  readonly stream: boolean
  readonly envelope: Envelope
}

export async function respond(reply: Reply, exchange: Exchange): Promise<void> {
  if (reply.firstByteAfter !== undefined) await pass(reply.firstByteAfter, exchange)
  if (exchange.response.destroyed) return
  switch (reply.type) {
    case 'drop':
      return exchange.cut()
    case 'http':
      return sendHttp(reply, exchange.response)
    case 'answer':
      return exchange.stream ? sendEvents(reply, exchange) : sendCompletion(reply, exchange)
  }
}

async function pass(gate: Gate, { closed }: Exchange): Promise<void> {
  gate.markReached()
  await Promise.race([gate.opened, closed])
}

/** Resolves when the bytes are with the operating system, so that a cut after it loses nothing of them. */
function write(response: ServerResponse, data: string): Promise<void> {
  return new Promise(resolve => {
    response.write(data, () => resolve())
  })
}

function sendHttp({ status, headers, body }: HttpReply, response: ServerResponse): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

async function sendEvents(answer: Answer, exchange: Exchange): Promise<void> {
  const { response } = exchange
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' })
  for (const frame of framesOf(answer, exchange.envelope)) {
    if (frame.type === 'wait') await pass(frame.gate, exchange)
    if (response.destroyed) return
    if (frame.type === 'event') await write(response, sse(frame.data))
  }
  await finish(answer, exchange)
}

/** What a cut, a stall or an early end leaves of a completion is its first half. */
async function sendCompletion(answer: Answer, exchange: Exchange): Promise<void> {
  for (const step of answer.steps) if (step.type === 'wait') await pass(step.gate, exchange)
  const { response, envelope } = exchange
  if (response.destroyed) return
  const body = completionOf(answer, envelope)
  response.writeHead(200, { 'content-type': 'application/json' })
  await write(response, answer.ending === 'done' ? body : body.slice(0, body.length / 2))
  await finish(answer, exchange)
}

async function finish({ ending }: Answer, { response, closed, cut }: Exchange): Promise<void> {
  switch (ending) {
    case 'done':
    case 'eof':
      response.end()
      return
    case 'cut':
      return cut()
    case 'stall':
      return closed
  }
}
