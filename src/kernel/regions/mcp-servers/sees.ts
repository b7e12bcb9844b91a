import type { Standing } from '../standing.ts'
import type { McpServers } from './state.ts'

/** What the region `mcp-servers` sees: its own slice and the session's standing. */
export interface Sees extends Standing {
  readonly mcpServers: McpServers
}
