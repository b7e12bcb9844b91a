/** Finds the tools in a user's module or config file. */
import type { AgentTool } from '../../executor/agent/tool.ts'
import { usage } from './failure.ts'

/** A list or a record of tools as a list; anything else is refused, with its place. */
export function toolsIn(value: unknown, place: string): readonly AgentTool[] {
  const list: readonly unknown[] = Array.isArray(value)
    ? value
    : Object.values(typeof value === 'object' && value !== null ? value : {})
  const tools = list.filter(isTool)
  if (tools.length === list.length && list.length > 0) return tools
  if (list.length === 0 && Array.isArray(value)) return []
  throw usage(`the tools in ${place} must be a list or a record of what tool() of meerkat-ts/agent makes`)
}

function isTool(value: unknown): value is AgentTool {
  if (typeof value !== 'object' || value === null) return false
  const { name, execute, parse } = value as Partial<Record<keyof AgentTool, unknown>>
  return typeof name === 'string' && typeof execute === 'function' && typeof parse === 'function'
}
