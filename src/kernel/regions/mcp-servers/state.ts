/** The slice of the region `mcp-servers`. */

import type { McpServerId } from '../../ids.ts'
import type { PersistentMap } from '../../persistent-map.ts'

export type McpServerState = 'PendingConnect' | 'Connected' | 'Failed' | 'Disconnected'

export interface McpServers {
  readonly states: PersistentMap<McpServerId, McpServerState>
}
