/** The effects of the region `mcp-servers`. */
import type { OfServer } from './input.ts'
import type { McpServerState } from './state.ts'

export type McpServerEffect =
  | (OfServer<'McpServerStateChanged'> & { readonly state: McpServerState; readonly error?: string })
  | OfServer<'McpServerReloadRequested'>
