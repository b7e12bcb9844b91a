/** docs/texts.md: its example is this one; and what a host takes in for a session of a runtime, the runtime's agent is told. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { agent } from '../../src/executor/agent/index.ts'
import { MeerkatMachine } from '../../src/host/meerkat-machine.ts'
import { createRuntime } from '../../src/index.ts'
import type { McpServerId } from '../../src/kernel/ids.ts'
import { textsSentTo } from '../executor/support/sent.ts'
import { scriptOf } from '../support/scripted-model.ts'
import { toldExecutor } from './examples/told-executor.ts'
import { ephemeral, S } from './support/machines.ts'

const read = (...path: readonly string[]): string => readFileSync(join(import.meta.dirname, ...path), 'utf8')

test('the page shows the example that is tested here', () => {
  expect(read('../../docs/texts.md')).toContain(`\`\`\`ts\n${read('examples/told-executor.ts')}\`\`\``)
})

test('its model is told what peers say, and of servers that connect, each once', async () => {
  const asked: (readonly unknown[])[] = []
  const machine = await ephemeral()
  const ask = async (messages: readonly { readonly content: unknown }[]): Promise<string> => {
    asked.push(messages.map(({ content }) => content))
    return 'heard'
  }
  await machine.registerSessionWithExecutor(S, toldExecutor(ask))
  const { mcpServerLifecycle: servers } = await machine.prepareBindings(S)
  await servers.applyConnectPending('files' as McpServerId)
  const say = async (content: string): Promise<unknown> =>
    (await machine.acceptInputWithCompletion(S, { peer: { type: 'Message', peerId: 'ada' }, content })).completion
  await say('Are you there?')
  await servers.applyConnected('files' as McpServerId)
  await say('And now?')
  const said = '[COMMS MESSAGE from ada]\nAre you there?'
  const notice =
    '[SYSTEM NOTICE][MCP_PENDING] Servers that are still connecting: files. Their tools will be available later.'
  expect(asked).toEqual([
    [said, notice],
    [said, 'heard', '[COMMS MESSAGE from ada]\nAnd now?'],
  ])
})

test('a session of a runtime hears its peers through the machine over it, and users through the runtime', async () => {
  const model = scriptOf([{ say: 'heard' }])
  await using runtime = await createRuntime({ executor: agent({ model }) })
  const machine = await MeerkatMachine.over(runtime)
  await machine.registerSession(S)
  await runtime.send(S, { content: 'hello', waitMs: 15_000 })
  const peer = { type: 'Request', peerId: 'ada', requestId: 'r', intent: 'review' } as const
  const { inputId } = await machine.acceptInput(S, { peer })
  expect(await runtime.wait(S, inputId, 15_000)).toMatchObject({ status: 'consumed', result: { text: 'heard' } })
  expect(textsSentTo(model).at(-1)).toMatchObject([
    'hello',
    expect.stringMatching(/^\[SYSTEM NOTICE\]\[PEER_REQUEST\] /) as unknown,
  ])
  expect(await runtime.input(S, { inputId })).toMatchObject({ kind: 'peer-request' })
})
