/** What a serving program gets wrong: refused before anything listens, and by its name. */
import { expect, onTestFinished, test } from 'vitest'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime } from '../../src/index.ts'
import { fetchHandler, serve } from '../../src/server.ts'
import { outcomeOf } from './try-door.ts'

async function closed(made: Promise<{ readonly close: () => Promise<void> }>): Promise<void> {
  await (await made).close()
}

/** What a serving program gets wrong, and the name that the refusal has to say. */
const WRONG: readonly (readonly [wrong: object, name: string])[] = [
  [{ runtime: {} }, 'runtime'],
  [{ runtime: undefined }, 'runtime'],
  [{ allowedHost: ['a'] }, 'allowedHost'],
  [{ allowedHosts: 'a.example' }, 'allowedHosts'],
  [{ allowedHosts: ['a.example:80'] }, 'allowedHosts'],
  [{ allowedHosts: ['https://a.example'] }, 'allowedHosts'],
  [{ allowedOrigins: ['a.example'] }, 'allowedOrigins'],
  [{ allowedOrigins: ['https://a.example/'] }, 'allowedOrigins'],
  [{ allowedOrigins: ['*'] }, 'allowedOrigins'],
  [{ token: '' }, 'token'],
  [{ token: 'a b' }, 'token'],
  [{ token: 42 }, 'token'],
  [{ authorize: true }, 'authorize'],
  [{ maxBodyBytes: '1mb' }, 'maxBodyBytes'],
  [{ heartbeatMs: 0 }, 'heartbeatMs'],
  [{ log: 'stderr' }, 'log'],
]

const WRONG_SOCKETS: readonly (readonly [wrong: object, name: string])[] = [
  [{ port: '80' }, 'port'],
  [{ port: 65_536 }, 'port'],
  [{ port: -1 }, 'port'],
  [{ host: '' }, 'host'],
  [{ host: 'http://127.0.0.1' }, 'host'],
  [{ host: 7 }, 'host'],
  [{ requestTimeoutMs: 0 }, 'requestTimeoutMs'],
  [{ graceMs: Number.NaN }, 'graceMs'],
]

test.each([...WRONG, ...WRONG_SOCKETS])('a server is not begun with %o', async (wrong, name) => {
  const runtime = await createRuntime({ executor: echo() })
  onTestFinished(() => runtime.close())
  await expect(closed(serve({ runtime, port: 0, ...wrong }))).rejects.toMatchObject({
    code: 'invalid-params',
    details: { issues: [{ path: name }] },
  })
})

test.each(WRONG)('a handler is not made with %o', async (wrong, name) => {
  const runtime = await createRuntime({ executor: echo() })
  onTestFinished(() => runtime.close())
  const made = outcomeOf(() => fetchHandler({ runtime, ...wrong }))
  expect(await made).toEqual({ type: 'refused', code: 'invalid-params' })
  expect(() => fetchHandler({ runtime, ...wrong })).toThrow(name)
})

test('a runtime given in the place of the options is refused, with what is missing', async () => {
  const runtime = await createRuntime({ executor: echo() })
  onTestFinished(() => runtime.close())
  await expect(closed(serve(runtime as never))).rejects.toThrow('runtime')
  expect(() => fetchHandler(runtime as never)).toThrow('runtime')
})

test('a server may be given as long as anybody may', async () => {
  const runtime = await createRuntime({ executor: echo() })
  onTestFinished(() => runtime.close())
  const longest = 3_155_760_000_000
  const server = await serve({ runtime, port: 0, requestTimeoutMs: longest, graceMs: longest, heartbeatMs: longest })
  const ended = server.close()
  expect(await outcomeOf(() => ended)).toMatchObject({ type: 'answered' })
})
