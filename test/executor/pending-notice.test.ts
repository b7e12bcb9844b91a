/** While tool servers are connecting the model is told so, with exactly the requests for which it is so. */
import { APICallError } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent, tool } from '../../src/executor/agent/index.ts'
import type { ContextMessage } from '../../src/executor/executor.ts'
import type { McpServerId, SurfaceId } from '../../src/kernel/ids.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { ephemeral, S } from '../host/support/machines.ts'
import { start } from '../support/agent-run.ts'
import { scriptOf } from '../support/scripted-model.ts'
import { textsSentTo } from './support/sent.ts'

const [FILES, SEARCH] = ['files', 'search'] as McpServerId[] as [McpServerId, McpServerId]
const pending = (names: string): string =>
  `[SYSTEM NOTICE][MCP_PENDING] Servers that are still connecting: ${names}. Their tools will be available later.`

describe('servers that are connecting', () => {
  test('are named to the model behind all else, and no more when they have connected', async () => {
    const model = scriptOf([{ call: 'look' }, { call: 'look' }, { say: 'done' }, { say: 'again' }])
    const machine = await ephemeral()
    await machine.registerSession(S)
    const { mcpServerLifecycle: servers } = await machine.prepareBindings(S)
    const steps = [() => servers.applyConnected(FILES), () => servers.applyFailed(SEARCH, 'no such host')]
    const execute = async (): Promise<string> => {
      await steps.shift()?.()
      return 'seen'
    }
    const look = tool({ name: 'look', description: 'Looks.', input: z.object({}), execute })
    await machine.registerSessionWithExecutor(S, agent({ model, tools: [look] }))
    await servers.applyConnectPending(SEARCH)
    await servers.applyConnectPending(FILES)
    await (await machine.acceptInputWithCompletion(S, { content: 'go' })).completion
    expect(textsSentTo(model)).toEqual([['go', pending('files, search')], ['go', pending('search')], ['go']])
    await servers.applyReload(FILES)
    await (await machine.acceptInputWithCompletion(S, { content: 'more' })).completion
    expect(textsSentTo(model).at(-1)).toEqual(['go', 'more', pending('files')])
    expect(JSON.stringify(await machine.runtime.history(S, {}))).not.toContain('MCP_PENDING')
  })

  test('are named once, whether as a server or as what offers tools', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S)
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const { mcpServerLifecycle: servers, externalToolSurface: surfaces } = await machine.prepareBindings(S)
    await servers.applyConnectPending(FILES)
    for (const [index, id] of (['files', 'mail'] as SurfaceId[]).entries()) {
      await surfaces.stageAdd(id)
      await surfaces.applyBoundary(id, { nowMs: 1, stagedIntentSequence: index + 1, appliedAtTurn: 1 })
    }
    await machine.acceptInput(S, { content: 'go' })
    const run = await executor.next()
    expect(run.port.notices()).toEqual([{ role: 'notice', content: pending('files, mail') }])
    expect(JSON.stringify([run.port.journal(), await run.port.context()])).not.toContain('MCP_PENDING')
    await servers.applyConnected(FILES)
    expect(run.port.notices()).toEqual([{ role: 'notice', content: pending('files, mail') }])
    run.answer('done')
  })

  test('that connect before a request is made again are not named to it', async () => {
    let notices: readonly ContextMessage[] = [{ role: 'notice', content: pending('files') }]
    const script = scriptOf([{ say: 'done' }])
    const asked: string[] = []
    const model = {
      ...script,
      doStream: (options: Parameters<typeof script.doStream>[0]) => {
        asked.push(JSON.stringify(options.prompt))
        if (asked.length > 1) return script.doStream(options)
        notices = []
        return Promise.reject(new APICallError({ message: 'busy', url: '', requestBodyValues: {}, statusCode: 503 }))
      },
    }
    const { output, clock, port } = start(agent({ model, random: () => 1 }), { notices: () => notices })
    await port.until(({ type }) => type === 'retrying')
    clock.advance(60_000)
    expect(await output).toMatchObject({ type: 'completed' })
    expect(asked.map(prompt => prompt.includes('MCP_PENDING'))).toEqual([true, false])
  })
})
