/**
 * MCP servers: the state of the connection to each, by which the model gets notices and tools are offered.
 *
 * Enforces: only a registered session accepts reports about its servers. No order is enforced among the states: the host
 * holds the connection, and its last report counts.
 */

import type { ConditionSatellite } from '../../core.ts'
import type { McpServerId } from '../../ids.ts'
import { emptyMap, mapEntries, mapSet } from '../../persistent-map.ts'
import { isUnregistered } from '../conditions.ts'
import { isRegistered } from '../guards.ts'
import { resetTo } from '../lifetimes.ts'
import { LEFT, SERVED } from '../phases.ts'
import type { McpServerEffect } from './effect.ts'
import type { McpServersInput } from './input.ts'
import type { Sees } from './sees.ts'
import type { McpServerState, McpServers } from './state.ts'

type WithServer = { readonly serverId: McpServerId; readonly error?: string }

/** The servers that are being connected, in the order of their names. */
export function pendingServers({ states }: McpServers): readonly McpServerId[] {
  return [...mapEntries(states)].flatMap(([id, state]) => (state === 'PendingConnect' ? [id] : [])).sort()
}

const stateChanged =
  (state: McpServerState) =>
  (_: Sees, { serverId, error }: WithServer): McpServerEffect => ({
    type: 'McpServerStateChanged',
    serverId,
    state,
    ...(error !== undefined && { error }),
  })
function reloadRequested(_: Sees, { serverId }: WithServer): McpServerEffect {
  return { type: 'McpServerReloadRequested', serverId }
}

const stateRows = (state: McpServerState, first: readonly (typeof reloadRequested)[] = []) => [
  { name: 'late', from: LEFT, when: [isUnregistered] } as const,
  {
    name: 'told',
    from: SERVED,
    when: [isRegistered],
    then: ({ states }: McpServers, { serverId }: WithServer): McpServers => ({
      states: mapSet(states, serverId, state),
    }),
    emit: [...first, stateChanged(state)],
  },
]

const NONE: McpServers = { states: emptyMap() }

function holdsConnection({ states }: McpServers): boolean {
  for (const [, state] of mapEntries(states)) if (state === 'PendingConnect' || state === 'Connected') return true
  return false
}

export const mcpServers: ConditionSatellite<Sees, McpServersInput, McpServerEffect, 'mcpServers'> = {
  name: 'mcpServers',
  about: 'How the connection to each MCP server stands.',
  initial: NONE,
  condition: { atRest: slice => !holdsConnection(slice) },
  phaseOf: state => state.lifecycle.phase,
  phases: SERVED,
  on: {
    McpServerConnectPending: stateRows('PendingConnect'),
    McpServerConnected: stateRows('Connected'),
    McpServerFailed: stateRows('Failed'),
    McpServerDisconnected: stateRows('Disconnected'),
    McpServerReload: stateRows('PendingConnect', [reloadRequested]),
  },
  lives: { process: resetTo(NONE) },
  follow: {},
  invariants: [
    {
      id: 'mcp-servers-need-a-registered-session',
      text: 'an unregistered or destroyed session has no MCP server',
      holds: s => s.mcpServers.states.size === 0 || (isRegistered(s) && s.lifecycle.phase !== 'destroyed'),
    },
  ],
}
