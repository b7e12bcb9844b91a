/** The floor: one process that copies what a provider says to whoever listens, and keeps nothing. */
import { createServer, request, type ServerResponse } from 'node:http'
import { ready } from './child.ts'

const [provider = '', model = ''] = process.argv.slice(2)
const listeners = new Map<string, ServerResponse>()

function relay(session: string): void {
  const asked = request(`${provider}/v1/chat/completions`, { method: 'POST' }, answer => {
    const listener = listeners.get(session)
    let rest = ''
    answer.setEncoding('utf8')
    answer.on('data', (text: string) => {
      const frames = (rest + text).split('\n\n')
      rest = frames.pop() ?? ''
      for (const frame of frames) copy(frame, listener)
    })
  })
  asked.end(JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Go on.' }] }))
}

function copy(frame: string, listener: ServerResponse | undefined): void {
  const data = frame.slice('data: '.length)
  if (data === '[DONE]') return
  const { choices } = JSON.parse(data) as {
    readonly choices: readonly { readonly delta: { readonly content?: string } }[]
  }
  const text = choices[0]?.delta.content
  if (text)
    listener?.write(`event: text.delta\ndata: ${JSON.stringify({ type: 'text.delta', session: 's', text })}\n\n`)
}

const server = createServer((incoming, response) => {
  const [, , , session = '', what] = (incoming.url ?? '').split('/')
  if (what === 'events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    listeners.set(session, response)
    return
  }
  incoming.resume()
  incoming.on('end', () => {
    relay(session)
    response.end('{}')
  })
})
ready(server)
