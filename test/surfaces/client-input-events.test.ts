/** The client's events of one input, from a real runtime behind a real server. */
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { echo } from '../../src/executor/echo.ts'
import { createRuntime } from '../../src/index.ts'
import { serve } from '../../src/surfaces/server.ts'

test('they begin with its acceptance and end with it', async () => {
  const runtime = await createRuntime({ executor: echo() })
  const server = await serve({ runtime, port: 0, log: () => {} })
  onTestFinished(async () => {
    await server.close()
    await runtime.close()
  })
  const client = createClient({ url: server.url })
  await client.call('session/open', { sessionId: 'a' })
  const { inputId, cursor } = await client.call('input/send', { sessionId: 'a', content: 'hello' })
  const types: string[] = []
  for await (const event of client.inputEvents({ sessionId: 'a', inputId, after: cursor })) types.push(event.type)
  expect(types[0]).toBe('input.accepted')
  expect(types.filter(type => type === 'input.consumed')).toHaveLength(1)

  const gone = client.inputEvents({ sessionId: 'a', inputId: 'no-such-input' })[Symbol.asyncIterator]()
  await expect(gone.next()).rejects.toMatchObject({ code: 'input-not-found' })
})
