import type { Standing } from '../standing.ts'
import type { McpServers } from './state.ts'

/** What the region `mcp-servers` looks at: its own slice and how the session stands. */
export interface Sees extends Standing {
  readonly mcpServers: McpServers
}
