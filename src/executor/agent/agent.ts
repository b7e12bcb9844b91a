/** The shipped executor: an agent that calls a model and its tools until there is an answer. */

import { MeerkatError } from '../../errors.ts'
import { errorOf, messageOf } from '../../foreign.ts'
import type { Ids } from '../../ids.ts'
import { uuidIds } from '../../ids.ts'
import type { SessionOptions } from '../../store/records.ts'
import { type ClockSource, soundClock } from '../../time.ts'
import type { CoreExecutor, ToolSummary } from '../executor.ts'
import type { ResolveOptions } from '../providers.ts'
import { WIRE_LIMITS } from '../wire/fault.ts'
import { askTool } from './ask-tool.ts'
import { Begun } from './background.ts'
import type { Budget } from './budget.ts'
import { type ModelFactory, modelChooser } from './choose-model.ts'
import type { CompactionOptions } from './compact.ts'
import { isLanguageModel, type LanguageModel } from './model.ts'
import {
  aCount,
  aDelay,
  aDuration,
  aFunction,
  anObject,
  aText,
  checkOptions,
  either,
  type Fields,
  isFunction,
  optional,
} from './options.ts'
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
  /**
   * No retry waits longer; 60 s unless told. A provider that asks for a certain wait gets it, within the run's deadline;
   * where this is told it is given up if it asks for more.
   */
  readonly maxRetryDelayMs?: number
  /** Longest silence in the middle of an answer; 2 min unless told. */
  readonly streamStallMs?: number
  /** Longest silence before the first content, for models that think; 5 min unless told. */
  readonly firstContentMs?: number
  /** Longest model call; 15 min unless told. */
  readonly callTimeoutMs?: number
  /** Longest answer in characters, with its reasoning and calls; 16 Mi unless told. A longer one is dropped. */
  readonly maxAnswerChars?: number
  /** Longest arguments of one tool call in characters; 1 Mi unless told. */
  readonly maxArgumentChars?: number
  /** Longest tool call, for tools that declare no limit; 60 s unless told. */
  readonly toolTimeoutMs?: number
  /**
   * Sums up the beginning of conversations that grow longer than told. Where nothing is told, of those that the provider
   * finds too long; `false` never does.
   */
  readonly compaction?: CompactionOptions | false
  /** Temperature, output limit, reasoning effort and the like, as the provider takes them. */
  readonly settings?: CallSettings
  /** From 0 to 1; for the jitter of retries. */
  readonly random?: () => number
  readonly ids?: Ids
  /** For ids; runs have the clock of their runtime. */
  readonly clock?: ClockSource
}

const TOOL_TIMEOUT_MS = 60_000
/** After its signal aborted, a tool has this long to end. */
const TOOL_GRACE_MS = 2000

const MAX_RETRY_DELAY_MS = 60_000

/** What `agent()` takes. */
const OPTIONS: Fields<AgentOptions> = {
  model: { wanted: 'a language model, a text such as openai/gpt-5.6, or a function', fits: isModelOption },
  tools: optional({
    wanted: 'a list, a record or a function',
    fits: value => isFunction(value) || (typeof value === 'object' && value !== null),
  }),
  system: optional(either(aText, aFunction)),
  maxTurns: optional(aCount),
  maxTokens: optional(aCount),
  maxToolCalls: optional(aCount),
  retries: optional(aCount),
  retryDelayMs: optional(aDelay),
  maxRetryDelayMs: optional(aDelay),
  streamStallMs: optional(aDuration),
  firstContentMs: optional(aDuration),
  callTimeoutMs: optional(aDuration),
  maxAnswerChars: optional(aCount),
  maxArgumentChars: optional(aCount),
  toolTimeoutMs: optional(aDuration),
  compaction: optional(either({ wanted: 'false', fits: value => value === false }, anObject)),
  settings: optional(anObject),
  random: optional(aFunction),
  ids: optional(anObject),
  clock: optional(anObject),
  baseUrl: optional(aText),
  env: optional(anObject),
}

const COMPACTION: Fields<CompactionOptions> = { thresholdTokens: aCount, keepTurns: optional(aCount) }

const anything = optional({ wanted: 'anything', fits: () => true })
/** Their values are the provider's business. */
const SETTINGS: Fields<CallSettings> = {
  maxOutputTokens: anything,
  temperature: anything,
  topP: anything,
  topK: anything,
  presencePenalty: anything,
  frequencyPenalty: anything,
  stopSequences: anything,
  seed: anything,
  reasoning: anything,
  headers: anything,
  providerOptions: anything,
}

function isModelOption(value: unknown): boolean {
  return isFunction(value) || (typeof value === 'string' && value !== '') || isLanguageModel(value)
}

/** Makes the executor. */
export function agent(options: AgentOptions): CoreExecutor {
  checkOptions('agent', options, OPTIONS)
  if (options.compaction) checkOptions('agent: compaction', options.compaction, COMPACTION)
  if (options.settings) checkOptions('agent: settings', options.settings, SETTINGS)
  const settings = settingsOf(options)
  const { tools = [], model } = options
  const fixed = typeof tools === 'function' ? [] : toolList(tools)
  return {
    name: `agent (${typeof model === 'object' ? model.modelId : typeof model === 'string' ? model : 'models by id'})`,
    apply: async port => {
      try {
        return await carryOn(settings, port)
      } catch (error) {
        // A prompt's or a model's function may throw anything; who performs runs hears of errors.
        throw errorOf(error)
      }
    },
    hearsWhileParked: () => true,
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
  const { model, system, baseUrl, env, maxTokens, maxToolCalls, maxTurns } = options
  return {
    models: modelChooser(model, { ...given({ baseUrl }), ...given({ env }) }),
    toolsOf: toolsOf(options.tools ?? [], options.toolTimeoutMs ?? TOOL_TIMEOUT_MS),
    systemOf: session => session.system ?? (typeof system === 'function' ? promptOf(system(session)) : system),
    budget: { ...given({ maxTokens }), ...given({ maxToolCalls }), ...given({ maxTurns }) },
    ...limitsOf(options),
    ...given({ compaction: options.compaction }),
    call: options.settings ?? {},
    ids: options.ids ?? uuidIds(soundClock(options.clock)),
    measured: new Measured(),
    begun: new Begun(),
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

function toolsOf(tools: Tools | ToolSource, limitMs: number): Settings['toolsOf'] {
  if (typeof tools !== 'function') {
    const fixed = toolList(tools)
    return ({ session }) => Promise.resolve(allowed(fixed, session))
  }
  return async run => {
    const { session, sessionId, runId } = run
    const work = { tool: '(the list of tools)', sessionId, runId }
    const answer = await askTool(work, { run, limitMs }, () => tools(session))
    switch (answer.type) {
      case 'value':
        return allowed(toolList(answer.value), session)
      case 'stopped':
        if (run.signal.aborted) return []
        throw new Error(`the list of tools did not come within ${limitMs} ms`)
      default:
        throw new Error(`the list of tools could not be made: ${messageOf(answer.error)}`)
    }
  }
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
