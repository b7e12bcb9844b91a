/**
 * An OpenAI-protocol server that says as many tokens as the model's name asks for, `say-200`, at 50 a second. A token
 * says its number and when it was sent, on the clock that all processes of a machine share.
 */
import { createServer, type ServerResponse } from 'node:http'
import { ready } from './child.ts'

const EVERY_MS = 20
/** `quickly-1000`: the same at 200 a second. */
const QUICKLY_MS = 5

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'say', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`

function say(response: ServerResponse, tokens: number, everyMs: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(chunk({ role: 'assistant', content: '' }))
  let next = 0
  const timer = setInterval(() => {
    if (next < tokens) {
      response.write(chunk({ content: `${next++}.${(process.hrtime.bigint() / 1000n).toString(36)} ` }))
      return
    }
    clearInterval(timer)
    response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`)
  }, everyMs)
  response.on('close', () => clearInterval(timer))
}

const server = createServer((request, response) => {
  const body: Buffer[] = []
  request.on('data', (part: Buffer) => body.push(part))
  request.on('end', () => {
    const { model } = JSON.parse(Buffer.concat(body).toString()) as { readonly model: string }
    const [pace, tokens] = model.split('-')
    say(response, Number(tokens), pace === 'quickly' ? QUICKLY_MS : EVERY_MS)
  })
})
ready(server)
