import { type McpServerId, type MeerkatInput, meerkat, pendingServers } from 'meerkat-ts/kernel'
import { describe, expect, test } from 'vitest'
import type { McpServersInput } from '../../src/kernel/regions/mcp-servers/input.ts'
import { all, outcomes } from './support/model-sessions.ts'
import { attached, kinds } from './support/play.ts'

const serverId = 'files' as McpServerId
const of = (type: Exclude<McpServersInput['type'], 'McpServerFailed'>, id = 'files'): MeerkatInput => ({
  type,
  serverId: id as McpServerId,
})

describe('an MCP server', () => {
  test('is told of with each change, and with the reason of a failure', () => {
    const play = attached()
    play.do(of('McpServerConnectPending'), of('McpServerConnected'))
    play.do({ type: 'McpServerFailed', serverId, error: 'refused' }, of('McpServerDisconnected'))
    expect(play.said('McpServerStateChanged')).toEqual([
      { type: 'McpServerStateChanged', serverId, state: 'PendingConnect' },
      { type: 'McpServerStateChanged', serverId, state: 'Connected' },
      { type: 'McpServerStateChanged', serverId, state: 'Failed', error: 'refused' },
      { type: 'McpServerStateChanged', serverId, state: 'Disconnected' },
    ])
  })

  test('that is to be reloaded is pending again, and asked for first', () => {
    const play = attached()
    play.do(of('McpServerConnected'))
    expect(kinds(play.do(of('McpServerReload')))).toEqual(['McpServerReloadRequested', 'McpServerStateChanged'])
    expect(pendingServers(play.state.mcpServers)).toEqual(['files'])
  })

  test('is among the pending ones, which are in order, until it is connected or fails', () => {
    const play = attached()
    for (const id of ['web', 'files', 'mail']) play.do(of('McpServerConnectPending', id))
    expect(pendingServers(play.state.mcpServers)).toEqual(['files', 'mail', 'web'])
    play.do(of('McpServerConnected', 'web'), { type: 'McpServerFailed', serverId, error: 'refused' })
    expect(pendingServers(play.state.mcpServers)).toEqual(['mail'])
  })

  test('keeps its session in memory while there is a connection or one is made', () => {
    const play = attached()
    expect(meerkat.atRest(play.state)).toBe(true)
    play.do(of('McpServerConnectPending'))
    expect(meerkat.atRest(play.state)).toBe(false)
    play.do(of('McpServerConnected'))
    expect(meerkat.atRest(play.state)).toBe(false)
    play.do(of('McpServerDisconnected'))
    expect(meerkat.atRest(play.state)).toBe(true)
  })

  test('is unknown to the next process', () => {
    const play = attached()
    play.do(of('McpServerConnected'), { type: 'Recover' })
    expect(play.state.mcpServers.states.size).toBe(0)
  })
})

test('every input in every phase', () => {
  const inputs: { readonly [Type in McpServersInput['type']]: MeerkatInput } = {
    McpServerConnectPending: of('McpServerConnectPending'),
    McpServerConnected: of('McpServerConnected'),
    McpServerFailed: { type: 'McpServerFailed', serverId, error: 'refused' },
    McpServerDisconnected: of('McpServerDisconnected'),
    McpServerReload: of('McpServerReload'),
  }
  const taken = all(inputs, 'taken')
  const never = all(inputs, 'no-matching-transition')
  expect(outcomes(inputs, [])).toEqual({
    initializing: never,
    idle: taken,
    attached: taken,
    running: taken,
    retired: taken,
    stopped: taken,
    destroyed: never,
  } satisfies ReturnType<typeof outcomes<McpServersInput['type']>>)
})
