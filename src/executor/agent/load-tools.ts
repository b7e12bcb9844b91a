/** The tool with which a model loads deferred tools, so that a program may have many tools and show only a few. */
import { cutText } from '../../foreign.ts'
import type { ToolState } from '../../kernel/tool-catalogue.ts'
import type { RunPort } from '../executor.ts'
import type { AgentTool, ParsedArgs } from './tool.ts'

export const LOAD_TOOLS = 'load_tools'

/** A deferred tool that may be loaded. */
interface Loadable {
  readonly name: string
  /** The name by which the port knows it. */
  readonly asked: string
  readonly state: ToolState
  readonly tool: Pick<AgentTool, 'description'>
}

/** The longest description in the list. */
const LINE_CHARS = 120
/** The longest list; tools beyond it are only counted. */
const LIST_CHARS = 8_000
/** How many names one call may request. */
const MOST_NAMES = 100

/** Makes the tool that loads these tools. */
export function loadTools(port: RunPort, tools: readonly Loadable[]): AgentTool {
  return {
    name: LOAD_TOOLS,
    description: `Loads tools by their names, so that you can call them from your next message on. They are:\n${listOf(tools)}`,
    inputSchema: {
      type: 'object',
      properties: { names: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: MOST_NAMES } },
      required: ['names'],
      additionalProperties: false,
    },
    // Requesting a tool twice changes nothing.
    onLost: 'retry',
    mayNeedApproval: false,
    needsApproval: () => false,
    parse: args => Promise.resolve(parsed(args)),
    execute: args => load(port, namesIn(args) ?? [], tools),
  }
}

async function load(port: RunPort, names: readonly string[], tools: readonly Loadable[]): Promise<unknown> {
  const known = tools.filter(({ name }) => names.includes(name))
  const { unknown: gone } = known.length === 0 ? { unknown: [] } : await port.requestTools(known.map(one => one.asked))
  const loaded = known.flatMap(({ name, asked }) => (gone.includes(asked) ? [] : name))
  const unknown = names.filter(name => !loaded.includes(name))
  const problem = `There is no tool to load that is named ${unknown.join(' or ')}. The tools to load are:\n${listOf(tools)}`
  if (loaded.length === 0) throw new Error(problem)
  const note = 'You can call them from your next message on.'
  return { loaded, note, ...(unknown.length > 0 && { problem }) }
}

/** The tools that are not requested yet, one a line. */
function listOf(tools: readonly Loadable[]): string {
  const waiting = tools.filter(({ state }) => state === 'deferred')
  const lines: string[] = []
  let chars = 0
  for (const { name, tool } of waiting) {
    const line = `- ${name}: ${cutText(tool.description.split('\n', 1)[0] ?? '', LINE_CHARS)}`
    chars += line.length
    if (chars > LIST_CHARS) return [...lines, `- and ${waiting.length - lines.length} more`].join('\n')
    lines.push(line)
  }
  return waiting.length === 0 ? '- (all are loaded)' : lines.join('\n')
}

function parsed(args: unknown): ParsedArgs {
  const names = namesIn(args)
  if (names !== undefined) return { ok: true, args: { names } }
  return { ok: false, problem: `names must be a list of 1 to ${MOST_NAMES} names of tools` }
}

function namesIn(args: unknown): readonly string[] | undefined {
  const names: unknown = typeof args === 'object' && args !== null ? Reflect.get(args, 'names') : undefined
  if (!Array.isArray(names) || names.length === 0 || names.length > MOST_NAMES) return undefined
  return names.every((name): name is string => typeof name === 'string' && name !== '')
    ? [...new Set(names)]
    : undefined
}
