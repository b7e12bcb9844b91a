/** How the connection to each MCP server stands, as whoever holds the connections reports it. */
import type { McpServerId } from '../kernel/ids.ts'
import { mapGet } from '../kernel/persistent-map.ts'
import type { McpServerState } from '../kernel/regions/mcp-servers/state.ts'
import { pendingServers } from '../kernel/regions/mcp-servers/table.ts'
import type { HandleDslAuthority } from './dsl-authority.ts'
import { refuseUnreadable } from './unreadable.ts'

/** No order is asked for: any report may follow any other, and the last one counts. Refusals are `DslTransitionError`s. */
export class McpServerLifecycleHandle {
  readonly #authority: HandleDslAuthority

  constructor(authority: HandleDslAuthority) {
    this.#authority = authority
  }

  applyConnectPending(serverId: McpServerId): Promise<void> {
    return this.#authority.applyInput({ type: 'McpServerConnectPending', serverId })
  }
  applyConnected(serverId: McpServerId): Promise<void> {
    return this.#authority.applyInput({ type: 'McpServerConnected', serverId })
  }
  /** `error` is for people; it is told of and not kept. */
  applyFailed(serverId: McpServerId, error: string): Promise<void> {
    return this.#authority.applyInput({ type: 'McpServerFailed', serverId, error })
  }
  applyDisconnected(serverId: McpServerId): Promise<void> {
    return this.#authority.applyInput({ type: 'McpServerDisconnected', serverId })
  }
  /** A new connection is asked for: the server is pending until it stands. */
  applyReload(serverId: McpServerId): Promise<void> {
    return this.#authority.applyInput({ type: 'McpServerReload', serverId })
  }

  /** Absent: nobody has named the server. */
  serverState(serverId: McpServerId): McpServerState | undefined {
    return mapGet(this.#authority.snapshotState().mcpServers.states, serverId)
  }
  /** The servers that are still being connected, by name: what the model is told to expect. */
  pendingServerIds(): readonly McpServerId[] {
    return pendingServers(this.#authority.snapshotState().mcpServers)
  }
}
refuseUnreadable(McpServerLifecycleHandle)
