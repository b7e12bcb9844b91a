/** The connections to MCP servers, as their holder reports them and the model is told. */
import { expect, test } from 'vitest'
import type { McpServerId } from '../../src/kernel/ids.ts'
import { ephemeral, S } from '../host/support/machines.ts'

const [A, B, C] = ['a', 'b', 'c'] as McpServerId[] as [McpServerId, McpServerId, McpServerId]

async function handle() {
  const machine = await ephemeral()
  const bindings = await machine.prepareBindings(S)
  return { machine, servers: bindings.mcpServerLifecycle }
}

test('those that are being connected are named in order, however they came', async () => {
  const { servers } = await handle()
  for (const id of [C, A, B]) await servers.applyConnectPending(id)
  expect(servers.pendingServerIds()).toEqual([A, B, C])
  await servers.applyConnected(A)
  await servers.applyFailed(B, 'no such host')
  expect(servers.pendingServerIds()).toEqual([C])
  await servers.applyDisconnected(C)
  expect(servers.pendingServerIds()).toEqual([])
  expect([A, B, C].map(id => servers.serverState(id))).toEqual(['Connected', 'Failed', 'Disconnected'])
})

test('a reload makes a server pending again, and any report may follow any other', async () => {
  const { servers } = await handle()
  await servers.applyConnected(A)
  await servers.applyReload(A)
  expect(servers.pendingServerIds()).toEqual([A])
  await servers.applyDisconnected(B)
  await servers.applyConnected(B)
  expect(servers.serverState(B)).toBe('Connected')
  expect(servers.serverState(C)).toBeUndefined()
})

test('what one handle says all handles of the session see', async () => {
  const { machine, servers } = await handle()
  await servers.applyConnectPending(A)
  const again = await machine.prepareBindings(S)
  expect(again.mcpServerLifecycle.pendingServerIds()).toEqual([A])
})

test('a torn down session takes no report, and is still read', async () => {
  const { machine, servers } = await handle()
  await servers.applyConnectPending(A)
  const before = servers.serverState(A)
  const ending = machine.unregisterSession(S)
  await ending
  await expect(servers.applyConnected(A)).rejects.toMatchObject({ kind: 'no-matching-transition' })
  expect([before, servers.serverState(A)]).toEqual(['PendingConnect', undefined])
})
