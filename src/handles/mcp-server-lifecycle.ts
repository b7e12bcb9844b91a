/** The state of the connection to each MCP server, as the code that holds the connections reports it. */
import type { McpServerId } from '../kernel/ids.ts'
import { mapGet } from '../kernel/persistent-map.ts'
import type { McpServerState } from '../kernel/regions/mcp-servers/state.ts'
import { pendingServers } from '../kernel/regions/mcp-servers/table.ts'
import { refuseUnreadable } from '../unreadable.ts'
import type { HandleDslAuthority } from './dsl-authority.ts'

/** Reports may come in any order; the last one counts. Refusals are `DslTransitionError`s. */
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
  /** `error` is for people: observers get it, and it is not stored. */
  applyFailed(serverId: McpServerId, error: string): Promise<void> {
    return this.#authority.applyInput({ type: 'McpServerFailed', serverId, error })
  }
  applyDisconnected(serverId: McpServerId): Promise<void> {
    return this.#authority.applyInput({ type: 'McpServerDisconnected', serverId })
  }
  /** A new connection is being made: the server is pending until it is up. */
  applyReload(serverId: McpServerId): Promise<void> {
    return this.#authority.applyInput({ type: 'McpServerReload', serverId })
  }

  /** Undefined: the server was never named. */
  serverState(serverId: McpServerId): McpServerState | undefined {
    return mapGet(this.#authority.snapshotState().mcpServers.states, serverId)
  }
  /** The names of the servers that are still being connected; the model is told to expect them. */
  pendingServerIds(): readonly McpServerId[] {
    return pendingServers(this.#authority.snapshotState().mcpServers)
  }
}
refuseUnreadable(McpServerLifecycleHandle)
