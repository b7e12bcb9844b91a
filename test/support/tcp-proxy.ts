/** A TCP proxy between a client and a server of a test, through which the network between them can fail. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  /** The server's URL, through the proxy. */
  readonly url: string
  /** Ends every connection, and refuses new ones until `restore`. */
  cut(): void
  /** Keeps what is sent in either direction, as a cable does that was pulled, until `restore`. New connections hang. */
  stall(): void
  /** Passes requests on and swallows answers. Resolves when the server has answered something, which nobody got. */
  swallowAnswers(): Promise<void>
  /** One connection, by its port on the server's side, passes nothing on any more, and neither end hears of it. */
  halfOpen(serverSidePort: number): void
  restore(): void
  close(): Promise<void>
}

type Mode = 'open' | 'cut' | 'stalled' | 'deaf'

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

export async function tcpProxy(target: string): Promise<TcpProxy> {
  const wires = new Wires(new URL(target))
  const listener = createServer(client => wires.add(client))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const through = new URL(target)
  through.host = `127.0.0.1:${address.port}`
  return {
    url: through.href,
    cut: () => wires.cut(),
    stall: () => wires.stall(),
    swallowAnswers: () => wires.swallowAnswers(),
    halfOpen: port => wires.halfOpen(port),
    restore: () => wires.restore(),
    close: async () => {
      wires.cut()
      const closed = once(listener, 'close')
      listener.close()
      await closed
    },
  }
}

/** The connections that pass through, and what the network does to them. */
class Wires {
  readonly #target: URL
  readonly #pairs = new Set<Pair>()
  #mode: Mode = 'open'
  #swallowed: (() => void) | undefined

  constructor(target: URL) {
    this.#target = target
  }

  add(client: Socket): void {
    if (this.#mode === 'cut') return void client.destroy()
    const server = connect(Number(this.#target.port), this.#target.hostname)
    const pair: Pair = { client, server }
    this.#pairs.add(pair)
    const end = (): void => {
      this.#pairs.delete(pair)
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) socket.setNoDelay(true).on('error', end).on('close', end)
    client.on('data', chunk => server.write(chunk))
    server.on('data', chunk => {
      if (this.#mode !== 'deaf') return void client.write(chunk)
      this.#swallowed?.()
    })
    if (this.#mode === 'stalled') hold(pair)
  }

  cut(): void {
    this.#mode = 'cut'
    for (const { client, server } of this.#pairs) {
      client.destroy()
      server.destroy()
    }
  }

  stall(): void {
    this.#mode = 'stalled'
    for (const pair of this.#pairs) hold(pair)
  }

  halfOpen(serverSidePort: number): void {
    for (const pair of this.#pairs) if (pair.server.localPort === serverSidePort) hold(pair)
  }

  swallowAnswers(): Promise<void> {
    this.#mode = 'deaf'
    return new Promise(resolve => {
      this.#swallowed = resolve
    })
  }

  restore(): void {
    this.#mode = 'open'
    for (const { client, server } of this.#pairs) {
      client.resume()
      server.resume()
    }
  }
}

function hold({ client, server }: Pair): void {
  client.pause()
  server.pause()
}
