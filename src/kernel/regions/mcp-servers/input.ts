/** The inputs that the region `mcp-servers` decides on. */
import type { McpServerId } from '../../ids.ts'

export type OfServer<Type extends string> = { readonly type: Type; readonly serverId: McpServerId }

export type McpServersInput =
  | OfServer<'McpServerConnectPending'>
  | OfServer<'McpServerConnected'>
  /** `error` is for people; the state does not keep it. */
  | (OfServer<'McpServerFailed'> & { readonly error: string })
  | OfServer<'McpServerDisconnected'>
  /** Asks for a new connection in place of the present one. */
  | OfServer<'McpServerReload'>
