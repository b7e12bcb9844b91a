/**
 * The sockets of a server, and how many requests are being answered on each.
 *
 * For Node a connection is busy until its first request. Browsers and clients open some in advance that they may never
 * use, and closing would wait for them.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export class Sockets {
  /** How many requests are being answered on each open socket. */
  readonly #requests = new Map<Socket, number>()
  #closing = false

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#requests.set(socket, 0)
      socket.once('close', () => this.#requests.delete(socket))
    })
    server.on('request', ({ socket }: IncomingMessage, answer: ServerResponse) => {
      this.#count(socket, 1)
      answer.once('close', () => this.#count(socket, -1))
    })
  }

  /** Ends every socket as soon as no request is being answered on it. */
  endWhenIdle(): void {
    this.#closing = true
    for (const [socket, requests] of this.#requests) if (requests === 0) socket.destroySoon()
  }

  #count(socket: Socket, change: 1 | -1): void {
    const requests = this.#requests.get(socket)
    if (requests === undefined) return
    this.#requests.set(socket, requests + change)
    if (this.#closing && requests + change === 0) socket.destroySoon()
  }
}
