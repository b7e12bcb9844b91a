/**
 * A server that says to each request exactly what a test tells it, byte by byte: for everything that real servers do and
 * no protocol allows.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RawRequest {
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
}

export type RawAnswer = (response: ServerResponse, request: RawRequest) => void | Promise<void>

export class RawProvider {
  readonly requests: RawRequest[] = []
  /** Resolves for each request, in order, when its connection is gone. */
  readonly gone: Promise<void>[] = []
  readonly #answers: RawAnswer[]
  readonly #server: Server

  /** The last answer is given again to every further request. */
  constructor(...answers: readonly RawAnswer[]) {
    this.#answers = [...answers]
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(...answers: readonly RawAnswer[]): Promise<RawProvider> {
    const provider = new RawProvider(...answers)
    await new Promise<void>(resolve => provider.#server.listen(0, '127.0.0.1', resolve))
    return provider
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get url(): string {
    return `${this.origin}/v1`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = Promise.withResolvers<void>()
    this.gone.push(gone.promise)
    response.once('close', () => gone.resolve())
    response.on('error', () => {})
    let text = ''
    for await (const part of request) text += String(part)
    const told = { path: request.url ?? '', body: JSON.parse(text) as RawRequest['body'], text }
    this.requests.push(told)
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]
    await answer?.(response, told)
  }
}

/** An event stream of these pieces, whose connection stays open. */
export function open(...pieces: readonly (string | Uint8Array)[]): RawAnswer {
  return response => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const piece of pieces) response.write(piece)
  }
}

/** The same, and then the connection ends. */
export function closed(...pieces: readonly (string | Uint8Array)[]): RawAnswer {
  return response => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const piece of pieces) response.write(piece)
    response.end()
  }
}

/** An event stream of these pieces, one at a time, and then the connection ends. */
export function paced(everyMs: number, pieces: readonly string[]): RawAnswer {
  return response => {
    const left = [...pieces]
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => {
      const piece = left.shift()
      if (piece !== undefined) response.write(piece)
      else response.end()
    }, everyMs)
    response.once('close', () => clearInterval(timer))
  }
}

/** A body in one piece. */
export function body(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): RawAnswer {
  return response => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(text)
  }
}

export const DONE = 'data: [DONE]\n\n'

/** One event with this data. */
export function event(data: unknown, type?: string): string {
  return `${type === undefined ? '' : `event: ${type}\n`}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

/** One event of the chat-completions protocol. */
export function delta(value: unknown, finishReason: string | null = null): string {
  const choices = [{ index: 0, delta: value, finish_reason: finishReason }]
  return event({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices })
}

export const say = (content: string): string => delta({ content })

export const finish = (reason: string = 'stop'): string => delta({}, reason)

export const usage = (input: number, output: number): string =>
  event({ id: 'c', choices: [], usage: { prompt_tokens: input, completion_tokens: output } })
