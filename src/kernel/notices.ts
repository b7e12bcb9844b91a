/** Notices that go with one request to the model only; neither journal nor transcript has them. */
import { unmarked } from './marks.ts'
import { pendingServers } from './regions/mcp-servers/table.ts'
import { pendingSurfaces } from './regions/tool-surfaces/state.ts'
import type { MeerkatState } from './state.ts'

/** The notices that hold now. */
export function noticesOf(state: Pick<MeerkatState, 'mcpServers' | 'toolSurfaces'>): readonly string[] {
  const names = new Set<string>([...pendingServers(state.mcpServers), ...pendingSurfaces(state.toolSurfaces)])
  if (names.size === 0) return []
  const list = [...names].toSorted().map(unmarked).join(', ')
  return [
    `[SYSTEM NOTICE][MCP_PENDING] Servers that are still connecting: ${list}. Their tools will be available later.`,
  ]
}
