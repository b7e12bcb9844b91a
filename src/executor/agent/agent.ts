/** The shipped executor: an agent that calls a model and its tools until there is an answer. */

import { MeerkatError } from '../../errors.ts'
import { errorOf, messageOf } from '../../foreign.ts'
import { uuidIds } from '../../ids.ts'
import { checkOptions } from '../../options.ts'
import type { SessionOptions } from '../../store/records.ts'
import { soundClock } from '../../time.ts'
import { builtinTools } from '../../tools/builtins.ts'
import type { CoreExecutor, ModelLook, ToolSummary } from '../executor.ts'
import { WIRE_LIMITS } from '../wire/fault.ts'
import { AGENT_OPTIONS, type AgentOptions, checkNested, type ToolSource, type Tools } from './agent-options.ts'
import { askTool } from './ask-tool.ts'
import { RunningWork } from './background.ts'
import { idOfModel, modelChooser } from './choose-model.ts'
import { firstAvailable } from './fallback.ts'
import { Measured, type Settings } from './settings.ts'
import { type AgentTool, summaryOf, toolList } from './tool.ts'
import { carryOn } from './work.ts'

const TOOL_TIMEOUT_MS = 60_000
/** How long a tool may take to end after its signal aborted. */
const TOOL_GRACE_MS = 2000

const MAX_RETRY_DELAY_MS = 60_000

/** Makes the executor. */
export function agent(options: AgentOptions): CoreExecutor {
  checkOptions('agent', options, AGENT_OPTIONS)
  checkNested('agent:', options)
  const { tools = [], model, builtins } = options
  const builtIn = builtins === undefined ? [] : builtinTools('agent', builtins)
  const fixed = typeof tools === 'function' ? builtIn : toolList([...toolList(tools), ...builtIn])
  const settings = settingsOf(options, fixed)
  return {
    name: `agent (${typeof model === 'object' ? model.modelId : typeof model === 'string' ? model : 'models by id'})`,
    apply: async port => {
      try {
        return await carryOn(settings, port)
      } catch (error) {
        // A function of the program may throw anything; the loop expects an Error.
        throw errorOf(error)
      }
    },
    hearsWhileParked: () => true,
    models: () => ({
      ...given({ default: settings.models.default }),
      look: id => look(settings, id),
      ...given({ approveSwitch: options.approveSwitch }),
    }),
    // A function of the program is called within the limits of a run, and never just to list tools.
    ...(typeof tools !== 'function' && {
      tools: (session: SessionOptions): readonly ToolSummary[] => namedIn(fixed, session).map(summaryOf),
    }),
    watch: (operation, context) =>
      settings.begun.watch(
        operation,
        fixed.find(({ name }) => name === operation.tool),
        context,
      ),
  }
}

async function look(settings: Settings, id: string): Promise<ModelLook> {
  const { models, fallback, abilitiesOf, silentOn } = settings
  const model = await models.choose(id)
  if ('error' in model) {
    const standIn = await firstAvailable({ models, fallback })
    return { problem: model.error, ...(standIn && { standIn: standIn.id }) }
  }
  const known = silentOn.has(id) ? undefined : await abilitiesOf?.(id)
  return known === undefined ? {} : { capabilities: known }
}

function settingsOf(options: AgentOptions, fixed: readonly AgentTool[]): Settings {
  const { model, fallback = [], system, baseUrl, env, maxTokens, maxToolCalls, maxTurns } = options
  return {
    models: modelChooser(model, { ...given({ baseUrl }), ...given({ env }) }, fallback),
    fallback: fallback.map(idOfModel),
    ...given({ abilitiesOf: options.capabilities }),
    toolsOf: toolsOf(options.tools, fixed, options.toolTimeoutMs ?? TOOL_TIMEOUT_MS),
    systemOf: session => session.system ?? (typeof system === 'function' ? promptOf(system(session)) : system),
    budget: { ...given({ maxTokens }), ...given({ maxToolCalls }), ...given({ maxTurns }) },
    ...limitsOf(options),
    ...given({ compaction: options.compaction }),
    call: options.settings ?? {},
    ids: options.ids ?? uuidIds(soundClock(options.clock)),
    silentOn: new Set(),
    measured: new Measured(),
    begun: new RunningWork(),
  }
}

function limitsOf(options: AgentOptions): Pick<Settings, 'limits' | 'retries' | 'toolLimits'> {
  const {
    streamStallMs = 120_000,
    firstContentMs = 300_000,
    callTimeoutMs = 900_000,
    toolTimeoutMs = TOOL_TIMEOUT_MS,
  } = options
  const { retries = 2, retryDelayMs = 1000, maxRetryDelayMs, random = Math.random } = options
  const { maxAnswerChars = WIRE_LIMITS.maxAnswerChars, maxArgumentChars = WIRE_LIMITS.maxArgumentChars } = options
  return {
    limits: { streamStallMs, firstContentMs, callTimeoutMs, maxAnswerChars, maxArgumentChars },
    retries: {
      maxRetries: retries,
      baseDelayMs: retryDelayMs,
      maxDelayMs: maxRetryDelayMs ?? MAX_RETRY_DELAY_MS,
      maxAskedMs: maxRetryDelayMs ?? Number.POSITIVE_INFINITY,
      random,
    },
    toolLimits: { toolTimeoutMs, graceMs: TOOL_GRACE_MS },
  }
}

function promptOf(text: unknown): string | undefined {
  if (text === undefined || typeof text === 'string') return text
  throw new MeerkatError('invalid-params', 'agent: system must answer a text')
}

/** `fixed`: the tools of every session, besides those that a function answers. */
function toolsOf(
  tools: Tools | ToolSource | undefined,
  fixed: readonly AgentTool[],
  limitMs: number,
): Settings['toolsOf'] {
  if (typeof tools !== 'function') return () => Promise.resolve(fixed)
  return async run => {
    const { session, sessionId, runId } = run
    const work = { tool: '(the list of tools)', sessionId, runId }
    const answer = await askTool(work, { run, limitMs }, () => tools(session))
    switch (answer.type) {
      case 'value':
        return toolList([...toolList(answer.value), ...fixed])
      case 'stopped':
        if (run.signal.aborted) return []
        throw new Error(`the list of tools did not come within ${limitMs} ms`)
      default:
        throw new Error(`the list of tools could not be made: ${messageOf(answer.error)}`)
    }
  }
}

/** The tools that a session's options name. The kernel decides which of them the model sees. */
function namedIn(tools: readonly AgentTool[], { tools: names }: SessionOptions): readonly AgentTool[] {
  return names === undefined ? tools : tools.filter(({ name }) => names.includes(name))
}

/** The field, unless it is undefined. */
function given<Name extends string, Value>(
  field: Readonly<Record<Name, Value | undefined>>,
): Partial<Record<Name, Value>> {
  const isGiven = (one: typeof field): one is Record<Name, Value> =>
    Object.values(one).every(value => value !== undefined)
  return isGiven(field) ? field : {}
}
