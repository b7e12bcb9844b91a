/**
 * JSON-RPC 2.0 over anything that carries texts: batches, notifications, subscriptions, cancellation.
 *
 * Enforces: every request gets exactly one answer unless the peer left; the number of concurrent requests is bounded;
 * cancelling a request ends its wait and never a run; the first event of a subscription follows the answer that names
 * the subscription; a request finds the sessions that earlier requests of its connection opened.
 */
import { z } from 'zod'
import { MeerkatError } from '../errors.ts'
import { type FaultLog, logToStderr, publicError } from './fault.ts'
import { parseParams } from './invalid-params.ts'
import { errorText, parseMessage, type RpcId, type RpcRequest, readElement, resultText } from './json-rpc/message.ts'
import { SUBSCRIBE, Subscriptions, UNSUBSCRIBE } from './json-rpc/subscriptions.ts'
import type { Callable } from './operation.ts'
import { type OperationName, operationNamed } from './operations.ts'

export interface ConnectionOptions {
  /** How many requests may be answered at once; more are refused as `overloaded`. */
  readonly maxInFlight?: number
  readonly log?: FaultLog
}

export interface Connection {
  /** Takes one message: a request, a notification or a batch. Answers go to `send`. */
  receive(text: string): void
  /** Tells the peer about a message that could not be read. */
  refuse(error: MeerkatError): void
  /** Resolves when every message has been answered. */
  idle(): Promise<void>
  /** The peer has left: ends waits and subscriptions, and sends nothing more. What was accepted stays accepted. */
  close(): void
}

/** The methods by which a peer cancels a request; vscode-jsonrpc and its relatives use the second. */
const CANCEL: ReadonlySet<string> = new Set(['cancel', '$/cancelRequest'])
const cancelParams = z.strictObject({ id: z.union([z.string(), z.number()]) })

/** Requests that make a session which later requests name. */
const OPENING: ReadonlySet<string> = new Set<OperationName>(['session/open', 'session/fork'])

const RETRY_AFTER_MS = 1000

/** Serves a peer. `send` takes one message, and resolves when there is room for the next. */
export function connection(
  runtime: Callable,
  send: (text: string) => void | Promise<void>,
  options: ConnectionOptions = {},
): Connection {
  return new RpcConnection(runtime, send, options)
}

class RpcConnection implements Connection {
  readonly #runtime: Callable
  readonly #send: (text: string) => void | Promise<void>
  readonly #log: FaultLog
  readonly #maxInFlight: number
  readonly #subscriptions: Subscriptions
  /** One for each request being answered; those of notifications have no id. */
  readonly #inFlight = new Map<RpcId | symbol, AbortController>()
  readonly #unanswered = new Set<Promise<void>>()
  /** Settled when the sessions of earlier requests are open. */
  #opened: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(
    runtime: Callable,
    send: (text: string) => void | Promise<void>,
    { maxInFlight = 64, log = logToStderr }: ConnectionOptions,
  ) {
    this.#runtime = runtime
    this.#send = send
    this.#log = log
    this.#maxInFlight = maxInFlight
    this.#subscriptions = new Subscriptions({ runtime, log, send: text => this.#deliver(text) })
  }

  receive(text: string): void {
    if (!this.#closed) this.#track(this.#answerMessage(text))
  }

  refuse(error: MeerkatError): void {
    this.#track(this.#deliver(errorText(null, error)))
  }

  async idle(): Promise<void> {
    while (this.#unanswered.size > 0) await Promise.all(this.#unanswered)
  }

  close(): void {
    this.#closed = true
    this.#subscriptions.close()
    for (const controller of this.#inFlight.values()) controller.abort()
  }

  /** A failure to write means that the peer has left. */
  #track(work: Promise<void>): void {
    const watched: Promise<void> = work.catch(() => this.close()).finally(() => this.#unanswered.delete(watched))
    this.#unanswered.add(watched)
  }

  async #deliver(text: string): Promise<void> {
    if (!this.#closed) await this.#send(text)
  }

  async #answerMessage(text: string): Promise<void> {
    let message: unknown
    try {
      message = parseMessage(text)
    } catch (error) {
      return this.#deliver(errorText(null, publicError(error, this.#log)))
    }
    const afterwards: (() => void)[] = []
    const answer = Array.isArray(message)
      ? await this.#answerBatch(message, afterwards)
      : await this.#answerElement(message, afterwards)
    if (answer !== undefined) await this.#deliver(answer)
    for (const start of afterwards) start()
  }

  async #answerBatch(elements: readonly unknown[], afterwards: (() => void)[]): Promise<string | undefined> {
    if (elements.length === 0) return errorText(null, new MeerkatError('invalid-request', 'the batch is empty'))
    const answers = await Promise.all(elements.map(element => this.#answerElement(element, afterwards)))
    const given = answers.filter(answer => answer !== undefined)
    return given.length === 0 ? undefined : `[${given.join(',')}]`
  }

  async #answerElement(value: unknown, afterwards: (() => void)[]): Promise<string | undefined> {
    const element = readElement(value)
    if (element.type === 'reply') return undefined
    if (element.type === 'invalid') return errorText(element.id, element.error)
    const { request } = element
    const text = await this.#answerRequest(request, afterwards)
    return request.id === undefined ? undefined : text
  }

  async #answerRequest(request: RpcRequest, afterwards: (() => void)[]): Promise<string> {
    const { id = null, method, params } = request
    const key = request.id ?? Symbol(method)
    try {
      if (CANCEL.has(method)) return resultText(id, this.#cancel(params))
      const signal = this.#admit(key)
      try {
        return resultText(id, await this.#perform(request, signal, afterwards))
      } finally {
        this.#inFlight.delete(key)
      }
    } catch (error) {
      return errorText(id, publicError(error, this.#log))
    }
  }

  #admit(key: RpcId | symbol): AbortSignal {
    if (this.#inFlight.has(key)) {
      throw new MeerkatError('invalid-request', `a request with id ${JSON.stringify(key)} is under way already`)
    }
    if (this.#inFlight.size >= this.#maxInFlight) {
      throw new MeerkatError('overloaded', `${this.#maxInFlight} requests are under way: wait for one of them`, {
        details: { retryAfterMs: RETRY_AFTER_MS },
      })
    }
    const controller = new AbortController()
    this.#inFlight.set(key, controller)
    return controller.signal
  }

  /** Requests are performed side by side, but one may name a session that the line before it opens. */
  #perform(request: RpcRequest, signal: AbortSignal, afterwards: (() => void)[]): Promise<unknown> {
    const work = this.#opened.then(() => this.#start(request, signal, afterwards))
    // A session that could not be opened: the requests behind it find that out for themselves.
    if (OPENING.has(request.method)) this.#opened = work.catch(() => {})
    return work
  }

  async #start({ method, params }: RpcRequest, signal: AbortSignal, afterwards: (() => void)[]): Promise<unknown> {
    if (method === UNSUBSCRIBE) return this.#subscriptions.unsubscribe(params)
    if (method !== SUBSCRIBE) return operationNamed(method).call(this.#runtime, params, { signal })
    const { subscription, start } = await this.#subscriptions.subscribe(params)
    afterwards.push(start)
    return { subscription }
  }

  #cancel(params: unknown): { readonly cancelled: boolean } {
    const controller = this.#inFlight.get(parseParams(cancelParams, params).id)
    controller?.abort()
    return { cancelled: controller !== undefined }
  }
}
