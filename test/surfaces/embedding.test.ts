// The server in a program of one's own: who may call it, and what its headers mean.
import { afterEach, expect, test } from 'vitest'
import { MeerkatError } from '../../src/errors.ts'
import { fetchHandler, type HandlerOptions, serve } from '../../src/server.ts'
import { createRuntime } from '../../src/session/create-runtime.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closers.splice(0).map(close => close()))
})

type Call = (path: string, body: unknown, headers?: Readonly<Record<string, string>>) => Promise<Response>

async function handled(options: Partial<HandlerOptions> = {}, host = 'localhost'): Promise<Call> {
  const runtime = await createRuntime()
  closers.push(() => runtime.close())
  await runtime.open({ sessionId: 's' })
  const handler = fetchHandler({ runtime, ...options })
  return (path, body, headers = {}) =>
    handler(
      new Request(`http://${host}${path}`, {
        method: 'POST',
        headers: { host, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    )
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { readonly error: { readonly code: string } }).error.code
}

test('authorize decides of each request, and a probe learns the status only', async () => {
  const asked: string[] = []
  const call = await handled({
    authorize: request => {
      asked.push(new URL(request.url).pathname)
      return request.headers.get('x-team') === 'ops'
    },
  })
  expect((await call('/v1/runtime/info', {})).status).toBe(401)
  expect((await call('/v1/runtime/info', {}, { 'x-team': 'ops' })).status).toBe(200)
  expect(asked).toEqual(['/v1/runtime/info', '/v1/runtime/info'])
})

test('authorize that throws lets nobody in, and is told to the log', async () => {
  const faults: unknown[] = []
  const call = await handled({
    authorize: () => {
      throw new Error('no directory')
    },
    log: ({ error }) => faults.push(error),
  })
  const answer = await call('/v1/runtime/info', {})
  expect(answer.status).toBe(500)
  expect(await answer.text()).not.toContain('directory')
  expect(faults).toMatchObject([{ message: 'no directory' }])
})

test('a handler that lets everybody in answers for this machine only, or for the hosts that it is given', async () => {
  expect((await (await handled({}, 'meerkat.example'))('/v1/runtime/info', {})).status).toBe(403)
  const named = await handled({ allowedHosts: ['meerkat.example'] }, 'meerkat.example')
  expect((await named('/v1/runtime/info', {})).status).toBe(200)
})

test('pages of an allowed origin may call, and no others', async () => {
  const call = await handled({ allowedOrigins: ['https://console.example'] })
  expect((await call('/v1/runtime/info', {}, { origin: 'https://evil.example' })).status).toBe(403)
  const answer = await call('/v1/runtime/info', {}, { origin: 'https://console.example' })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('access-control-allow-origin')).toBe('https://console.example')
})

test('a token and authorize are not given both; other machines need one of them', async () => {
  const runtime = await createRuntime()
  closers.push(() => runtime.close())
  const refused = (make: () => unknown): string | undefined => {
    try {
      make()
      return undefined
    } catch (error) {
      return error instanceof MeerkatError ? error.code : String(error)
    }
  }
  expect(refused(() => fetchHandler({ runtime, token: 'x', authorize: () => true }))).toBe('invalid-params')
  await expect(serve({ runtime, host: '0.0.0.0', port: 0 })).rejects.toMatchObject({ code: 'invalid-params' })
  const open = await serve({ runtime, host: '0.0.0.0', port: 0, authorize: () => true })
  await open.close()
})

test('the header Idempotency-Key counts like the field', async () => {
  const call = await handled()
  const send = (content: string, headers: Record<string, string>, more: object = {}): Promise<Response> =>
    call('/v1/sessions/s/inputs', { content, ...more }, headers)
  const first = (await (await send('x', { 'idempotency-key': 'k' })).json()) as { inputId: string; outcome: string }
  expect(first.outcome).toBe('accepted')
  const again = { outcome: 'deduplicated', inputId: first.inputId }
  expect(await (await send('x', { 'idempotency-key': 'k' })).json()).toMatchObject(again)
  expect(await (await send('x', { 'idempotency-key': '"k"' })).json()).toMatchObject(again)
  expect(await (await send('x', {}, { idempotencyKey: 'k' })).json()).toMatchObject(again)
  expect(await (await send('x', { 'idempotency-key': 'k' }, { idempotencyKey: 'k' })).json()).toMatchObject(again)
  expect(await codeOf(await send('y', { 'idempotency-key': 'k' }))).toBe('idempotency-conflict')
  expect(await codeOf(await send('x', { 'idempotency-key': 'k' }, { idempotencyKey: 'other' }))).toBe('conflict')
  expect(await codeOf(await send('x', { 'idempotency-key': '' }))).toBe('invalid-params')
  const unread = await call('/v1/session/fork', { sessionId: 's' }, { 'idempotency-key': 'k' })
  expect([unread.status, await codeOf(unread)]).toEqual([501, 'unsupported'])
})
