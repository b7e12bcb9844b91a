/** The other end of a JSON-RPC connection: asks, and keeps what comes unasked. */
import { type ErrorCode, MeerkatError } from '../../../src/errors.ts'

export interface WireError {
  readonly code: number
  readonly message: string
  readonly data: { readonly code: ErrorCode; readonly retryable: boolean; readonly details?: Record<string, unknown> }
}

export interface WireMessage {
  readonly jsonrpc: '2.0'
  readonly id?: string | number | null
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown>
  readonly error?: WireError
}

export class RpcPeer {
  readonly #send: (text: string) => void
  readonly #asked = new Map<unknown, (message: WireMessage) => void>()
  readonly #unasked: unknown[] = []
  readonly #hearers: ((message: unknown) => void)[] = []
  #lastId = 0

  constructor(send: (text: string) => void) {
    this.#send = send
  }

  /** Takes what the server sent. */
  take(text: string): void {
    const message = JSON.parse(text) as WireMessage
    const answered = this.#asked.get(message.id)
    if (message.id !== undefined && message.id !== null && answered !== undefined) {
      this.#asked.delete(message.id)
      answered(message)
      return
    }
    const hearer = this.#hearers.shift()
    if (hearer === undefined) this.#unasked.push(message)
    else hearer(message)
  }

  /** Sends a text as it is. */
  say(message: unknown): void {
    this.#send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** The next message that answers nothing that `ask` asked. */
  async heard<T = WireMessage>(): Promise<T> {
    if (this.#unasked.length > 0) return this.#unasked.shift() as T
    return new Promise<T>(resolve => this.#hearers.push(message => resolve(message as T)))
  }

  ask(method: string, params?: unknown): Promise<WireMessage> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise(resolve => {
      this.#asked.set(id, resolve)
      this.say({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) })
    })
  }

  /** The result, or the error as the project's own. */
  async call(method: string, params?: unknown): Promise<Record<string, unknown>> {
    const { result, error } = await this.ask(method, params)
    if (error === undefined) return result ?? {}
    const { code, retryable, details } = error.data
    throw new MeerkatError(code, error.message, { retryable, ...(details === undefined ? {} : { details }) })
  }
}
