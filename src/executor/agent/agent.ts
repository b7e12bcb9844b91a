/** The shipped executor: an agent that calls a model and its tools until there is an answer. */
import type { Ids } from '../../ids.ts'
import { uuidIds } from '../../ids.ts'
import type { SessionOptions } from '../../store/records.ts'
import { type Clock, systemClock } from '../../time.ts'
import type { CoreExecutor, ToolSummary } from '../executor.ts'
import type { ResolveOptions } from '../providers.ts'
import { Begun } from './background.ts'
import type { Budget } from './budget.ts'
import { type ModelFactory, modelChooser } from './choose-model.ts'
import type { CompactionOptions } from './compact.ts'
import type { LanguageModel } from './model.ts'
import { type CallSettings, Measured, type Settings } from './settings.ts'
import { type AgentTool, summaryOf, toolList } from './tool.ts'
import { carryOn } from './work.ts'

export type Tools = readonly AgentTool[] | Readonly<Record<string, AgentTool>>

/** Tools that depend on the session, asked for before every model call. */
export type ToolSource = (session: SessionOptions) => Tools | Promise<Tools>

export interface AgentOptions extends Budget, ResolveOptions {
  /**
   * A model of any AI SDK provider, an id such as `openai/gpt-5.6`, or a function that makes the model of an id. Sessions
   * and inputs may ask for another one by its id.
   */
  readonly model: LanguageModel | string | ModelFactory
  readonly tools?: Tools | ToolSource
  /** The system prompt of sessions that have none of their own. Part of every request, of no record. */
  readonly system?: string | ((session: SessionOptions) => string | undefined)
  /** Model calls of one run; 50 unless told. */
  readonly maxTurns?: number
  /** Retries of a model call that failed in a way that another call may mend; 2 unless told. */
  readonly retries?: number
  /** Before the first retry, doubling from there; 1 s unless told. */
  readonly retryDelayMs?: number
  /** No retry waits longer; 60 s unless told. A provider that asks for more is given up. */
  readonly maxRetryDelayMs?: number
  /** Longest silence in the middle of an answer; 2 min unless told. */
  readonly streamStallMs?: number
  /** Longest silence before the first content, for models that think; 5 min unless told. */
  readonly firstContentMs?: number
  /** Longest model call; 15 min unless told. */
  readonly callTimeoutMs?: number
  /** Longest tool call, for tools that declare no limit; 60 s unless told. */
  readonly toolTimeoutMs?: number
  /** Sums up the beginning of conversations that grow longer; off unless told. */
  readonly compaction?: CompactionOptions | false
  /** Temperature, output limit, reasoning effort and the like, as the provider takes them. */
  readonly settings?: CallSettings
  /** From 0 to 1; for the jitter of retries. */
  readonly random?: () => number
  readonly ids?: Ids
  /** For ids; runs have the clock of their runtime. */
  readonly clock?: Clock
}

/** After its signal aborted, a tool has this long to end. */
const TOOL_GRACE_MS = 2000

/** Makes the executor. */
export function agent(options: AgentOptions): CoreExecutor {
  const settings = settingsOf(options)
  const { tools = [], model } = options
  const fixed = typeof tools === 'function' ? [] : toolList(tools)
  return {
    name: `agent (${typeof model === 'object' ? model.modelId : typeof model === 'string' ? model : 'models by id'})`,
    apply: port => carryOn(settings, port),
    tools: (session): readonly ToolSummary[] => allowed(fixed, session).map(summaryOf),
    watch: (operation, context) =>
      settings.begun.watch(
        operation,
        fixed.find(({ name }) => name === operation.tool),
        context,
      ),
  }
}

function settingsOf(options: AgentOptions): Settings {
  const { model, system, baseUrl, env, maxTokens, maxToolCalls, maxTurns, clock = systemClock } = options
  return {
    models: modelChooser(model, { ...given({ baseUrl }), ...given({ env }) }),
    toolsOf: toolsOf(options.tools ?? []),
    systemOf: session => session.system ?? (typeof system === 'function' ? system(session) : system),
    budget: { ...given({ maxTokens }), ...given({ maxToolCalls }), ...given({ maxTurns }) },
    ...limitsOf(options),
    compaction: options.compaction ?? false,
    call: options.settings ?? {},
    ids: options.ids ?? uuidIds(clock),
    measured: new Measured(),
    begun: new Begun(),
  }
}

function limitsOf(options: AgentOptions): Pick<Settings, 'limits' | 'retries' | 'toolLimits'> {
  const { streamStallMs = 120_000, firstContentMs = 300_000, callTimeoutMs = 900_000, toolTimeoutMs = 60_000 } = options
  const { retries = 2, retryDelayMs = 1000, maxRetryDelayMs = 60_000, random = Math.random } = options
  return {
    limits: { streamStallMs, firstContentMs, callTimeoutMs },
    retries: { maxRetries: retries, baseDelayMs: retryDelayMs, maxDelayMs: maxRetryDelayMs, random },
    toolLimits: { toolTimeoutMs, graceMs: TOOL_GRACE_MS },
  }
}

function toolsOf(tools: Tools | ToolSource): Settings['toolsOf'] {
  if (typeof tools === 'function') return async session => allowed(toolList(await tools(session)), session)
  const fixed = toolList(tools)
  return session => allowed(fixed, session)
}

/** A session that names its tools gets only those. */
function allowed(tools: readonly AgentTool[], { tools: names }: SessionOptions): readonly AgentTool[] {
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
