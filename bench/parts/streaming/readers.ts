/** Readers of event streams, each on a socket of its own: as little as a client can do. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Reader {
  /** Milliseconds from the provider to here, a token each, in their order. */
  readonly latencies: readonly number[]
  /** Resolves when so many tokens were read. */
  readonly done: Promise<void>
  close(): void
}

/** Reads the events of a session until it has its tokens. Throws where one is missing, doubled or out of its place. */
export async function read(url: string, session: string, tokens: number): Promise<Reader> {
  const { hostname, port } = new URL(url)
  const socket: Socket = connect(Number(port), hostname)
  const latencies: number[] = []
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  done.catch(() => {})
  let rest = ''
  socket.setEncoding('latin1')
  socket.on('error', reject)
  socket.on('data', (text: string) => {
    const now = Number(process.hrtime.bigint() / 1000n)
    const frames = (rest + text).split('\n\n')
    rest = frames.pop() ?? ''
    for (const frame of frames) {
      if (!frame.includes('event: text.delta')) continue
      for (const [, index, sent = ''] of frame.slice(frame.indexOf('data: ')).matchAll(/(\d+)\.([0-9a-z]+) /g)) {
        if (Number(index) !== latencies.length) {
          reject(new Error(`token ${index} of session ${session} came as number ${latencies.length}`))
          socket.destroy()
          return
        }
        latencies.push((now - Number.parseInt(sent, 36)) / 1000)
      }
    }
    if (latencies.length === tokens) resolve()
  })
  await once(socket, 'connect')
  socket.write(
    `GET /v1/sessions/${session}/events HTTP/1.1\r\nhost: ${hostname}:${port}\r\naccept: text/event-stream\r\n\r\n`,
  )
  await once(socket, 'data')
  return { latencies, done, close: () => socket.destroy() }
}
