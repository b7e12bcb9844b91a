/**
 * The shipped agent for the simulation: a model that does what prompts say, and tools of every policy.
 *
 * A prompt is a line such as `p7 retry ask`: the tools to call, one a turn; then the model answers. It calls them with
 * arguments made from their schemas. Model and tools remember nothing, as after a restart.
 */
import type { LanguageModelV4, LanguageModelV4Prompt, LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { agent } from '../../executor/agent/agent.ts'
import { valueFor } from '../../executor/agent/demo-value.ts'
import { isRecord } from '../../executor/agent/parts.ts'
import { announcedCall } from '../../executor/agent/prompt.ts'
import { type AgentTool, type ToolContext, toolList } from '../../executor/agent/tool.ts'
import type { CoreExecutor } from '../../executor/executor.ts'
import type { CallPolicy } from '../../kernel/regions/calls/state.ts'
import { invalidOption } from '../../options.ts'
import type { Clock } from '../../time.ts'
import type { Life } from './life.ts'
import type { SimulatedProcess, SimulationOptions } from './options.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

const POLICIES: readonly CallPolicy[] = ['retry', 'ask', 'fail']
/** How long a tool takes, ms; the last ones outlast a pause and a lease. */
const DURATIONS = [0, 0, 0, 5, 50, 2_000, 45_000] as const

/** A prompt that makes the model call some tools. */
export function scriptedPrompt(
  random: Random,
  { policies = POLICIES }: Pick<SimulationOptions, 'policies'>,
  own: readonly string[] = [],
): string {
  const tools = own.length > 0 ? own : [...policies, 'approved']
  const calls = Array.from({ length: random.int(4) }, () => random.pick(tools) ?? 'retry')
  return [`p${random.int(1_000_000)}`, ...calls].join(' ')
}

/** The executor of one process. */
export function simulatedAgent(
  world: World,
  life: Life,
  process: SimulatedProcess,
  options: SimulationOptions,
): CoreExecutor {
  const { clock, random, ids } = process
  const own = options.tools?.(process)
  if (own?.length === 0) throw invalidOption('simulate', 'tools', 'must answer at least one tool')
  if (own !== undefined) world.tools = new Map(toolList(own).map(tool => [tool.name, tool]))
  const tools = own ?? scriptedTools(process, world)
  return agent({
    model: options.model?.(process) ?? scriptedModel(random, world),
    tools: tools.map(tool => watched(tool, world, life)),
    compaction: { thresholdTokens: 60, keepTurns: 1 },
    retryDelayMs: 200,
    random: () => random.next(),
    clock,
    ids,
  })
}

/** A tool whose calls are recorded in the world. Calls of a dead process are not carried out. */
function watched(tool: AgentTool, world: World, life: Life): AgentTool {
  return {
    ...tool,
    // A spread would lose methods of a class, which are on its prototype.
    needsApproval: args => tool.needsApproval(args),
    parse: async args => {
      const parsed = await tool.parse(args)
      if (!parsed.ok) world.refusals.set(tool.name, `${parsed.problem}: ${JSON.stringify(args)}`)
      return parsed
    },
    execute: (args, context) => {
      const { callId, runId, sessionId } = context
      const work = async (): Promise<unknown> => {
        world.effect({ callId, runId, sessionId }, tool.name, tool.onLost)
        return tool.execute(args, context)
      }
      return life.over ? life.hears(Promise.resolve()) : life.hears(work())
    },
  }
}

function scriptedTools({ clock, random }: SimulatedProcess, world: World): readonly AgentTool[] {
  const make = (name: string, onLost: CallPolicy, needsApproval: boolean): AgentTool => ({
    name,
    description: `does something, once lost: ${onLost}`,
    inputSchema: { type: 'object' },
    onLost,
    parse: async args => ({ ok: true, args }),
    needsApproval: () => needsApproval,
    mayNeedApproval: needsApproval,
    execute: async (_, context) => {
      await pause(clock, random.pick(DURATIONS) ?? 0, context)
      if (random.chance(world.faults.badWork)) throw new Error('the tool failed')
      return `did ${name}`
    },
  })
  return [...POLICIES.map(policy => make(policy, policy, false)), make('approved', 'ask', true)]
}

/** Waits, or ends early when the signal is aborted. */
function pause(clock: Clock, delayMs: number, { signal }: Pick<ToolContext, 'signal'>): Promise<void> {
  if (delayMs === 0) return Promise.resolve()
  return new Promise(resolve => {
    const off = clock.after(delayMs, resolve)
    signal.addEventListener('abort', () => {
      off()
      resolve()
    })
  })
}

/** The model of a process; it fails at the rate of the world's faults. */
export function scriptedModel(random: Random, world: Pick<World, 'faults'>): LanguageModelV4 {
  return {
    specificationVersion: 'v4',
    provider: 'simulation',
    modelId: 'simulation/scripted',
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('the scripted model only streams')),
    doStream: async ({ prompt, tools = [] }) => {
      if (random.chance(world.faults.badWork)) throw new Error('the model is away')
      const parts = tools.length === 0 ? answer('a summary') : reply(prompt, tools)
      return { stream: ReadableStream.from(parts) }
    },
  }
}

/** The next thing that the newest line asks for. */
function reply(prompt: LanguageModelV4Prompt, tools: CallTools): readonly LanguageModelV4StreamPart[] {
  // A message that a pending call has its result now is no request.
  const at = prompt.findLastIndex(
    message => message.role === 'user' && announcedCall(textIn(message.content)) === undefined,
  )
  const message = prompt[at]
  const text = message?.role === 'user' ? textIn(message.content) : ''
  const [line = ''] = text.split('\n').slice(-1)
  const [name = '', ...calls] = line.split(' ')
  const made = prompt.slice(at).filter(({ role }) => role === 'tool').length
  const tool = calls[made]
  if (tool === undefined) return answer(`done ${name}`)
  const offered = tools.find(one => one.type === 'function' && one.name === tool)
  const args = valueFor(offered?.type === 'function' ? offered.inputSchema : {}, name)
  return call(tool, `${name}-${made}`, isRecord(args) ? args : {})
}

function textIn(content: readonly { readonly type: string; readonly text?: string }[]): string {
  return content.map(({ text = '' }) => text).join('')
}

type CallTools = NonNullable<Parameters<LanguageModelV4['doStream']>[0]['tools']>

function answer(text: string): readonly LanguageModelV4StreamPart[] {
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'text-start', id: 't' },
    { type: 'text-delta', id: 't', delta: text },
    { type: 'text-end', id: 't' },
    { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage: USAGE },
  ]
}

function call(toolName: string, toolCallId: string, args: object): readonly LanguageModelV4StreamPart[] {
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'tool-call', toolCallId, toolName, input: JSON.stringify(args) },
    { type: 'finish', finishReason: { unified: 'tool-calls', raw: 'tool_calls' }, usage: USAGE },
  ]
}

const USAGE = {
  inputTokens: { total: 10, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 2, text: undefined, reasoning: undefined },
}
